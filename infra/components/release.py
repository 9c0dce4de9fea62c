"""The Job that proves the active colour and moves the traffic to it; `pulumi up` is green when it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import core, meta, rbac

from agents.runtime.names import (
    APP_POSTGRES,
    APP_PROMETHEUS,
    APP_RELEASE,
    GATEWAY_API_GROUP,
    HTTP_ROUTES_PLURAL,
    LABEL_NAME,
    PORT_HTTP,
    PORT_POSTGRES,
    PORT_PROMETHEUS,
    SERVICE_ACCOUNT_RELEASE,
    Colour,
    release_orders_name,
    release_record_name,
    route_name,
    service_name,
)
from infra import network
from infra.agent_job import AgentJob, SecretFile, agent_job
from infra.components.database import PASSWORD_FOLDER
from infra.components.migrations import connect_as_owner
from infra.contents import describe_slots
from infra.naming import ANNOTATION_RETRY, ANNOTATION_SLOTS, Identity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.config import Agents, Namespaces
    from infra.slots import App

_RBAC_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class GatewayAddress:
    """Where the Job checks that users get the new colour."""

    url: str
    ports: tuple[int, ...]


@dataclass(frozen=True)
class ReleaseArgs:
    """Which colour of which application has to serve, and what has to exist before."""

    app_name: str
    app: App
    images: Mapping[Colour, pulumi.Input[str]]
    agents: Agents
    agents_image: pulumi.Input[str]
    names: Namespaces
    namespace: pulumi.Input[str]
    gateway: GatewayAddress
    api_server_ports: tuple[int, ...]
    environment: str
    password_secret: pulumi.Input[str]
    """Of the database, for the catalogue of backups and the history of releases."""
    scrape_interval_s: int
    retry_of: str | None
    """The last release that a person allowed to be tried once more; another one makes a new Job."""
    after: Sequence[pulumi.Resource]


class Release(pulumi.ComponentResource):
    """ServiceAccount with rights on one route and one record, and the Job `release`."""

    def __init__(self, name: str, args: ReleaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the Job; another active colour or another content of a slot makes a new one."""
        super().__init__("cryoprotect:app:Release", name, None, opts)
        self._args = args
        self._identity = Identity(name=APP_RELEASE, component="release", environment=args.environment)
        self._child = pulumi.ResourceOptions(parent=self)
        account = core.v1.ServiceAccount(
            "release",
            metadata=self._metadata(name=SERVICE_ACCOUNT_RELEASE),
            automount_service_account_token=False,
            opts=self._child,
        )
        binding = self._rights(account)
        policy = self._policy()
        gate = args.app.release
        job = AgentJob(
            identity=self._identity.at(args.agents.version),
            namespace=args.namespace,
            image=args.agents_image,
            arguments=self._arguments(),
            service_account=account.metadata.name,
            resources=args.agents.resources,
            deadline_s=gate.job_deadline_s,
            environment=connect_as_owner()
            | {"CRYO_VERSION": dict(args.app.slots.filled())[Colour(args.app.active)].version},
            secrets=[SecretFile(secret=args.password_secret, path=PASSWORD_FOLDER)],
            annotations={ANNOTATION_SLOTS: self._slots()}
            | ({ANNOTATION_RETRY: args.retry_of} if args.retry_of else {}),
            talks_to_kubernetes=True,
        )
        opts = pulumi.ResourceOptions(parent=self, depends_on=[binding, policy, *args.after])
        agent_job(f"release-{args.app_name}", job, opts=opts)
        self.register_outputs({})

    def _arguments(self) -> list[pulumi.Input[str]]:
        args, active = self._args, Colour(self._args.app.active)
        smoke, stable = (
            f"http://{service_name(args.app_name, colour)}.{args.names.apps}.svc:{PORT_HTTP}"
            for colour in (active, active.other)
        )
        policy = args.app.release.policy(
            prometheus_url=f"http://{APP_PROMETHEUS}.{args.names.apps}.svc:{PORT_PROMETHEUS}",
            scrape_interval_s=args.scrape_interval_s,
            memory_limit=args.app.resources.limits.memory,
        )
        host = ["--host", args.app.hostnames[0]] if args.app.hostnames else []
        return [
            *("-m", "agents.release", "switch"),
            *("--namespace", args.names.apps),
            *("--route", route_name(args.app_name)),
            *("--to", active.value),
            *("--smoke-url", smoke),
            *("--stable-url", stable),
            *("--gateway-url", args.gateway.url),
            *host,
            *("--deadline-s", str(args.app.release.deadline_s)),
            *("--content", describe_slots(args.app, args.images)[active]),
            *("--policy", json.dumps(policy)),
        ]

    def _slots(self) -> pulumi.Output[str]:
        """Return what both slots hold; a change of it is a reason to prove the route again."""
        contents = describe_slots(self._args.app, self._args.images)
        named = [pulumi.Output.concat(colour.value, "=", content) for colour, content in contents.items()]
        return pulumi.Output.all(*named).apply(", ".join)

    def _rights(self, account: core.v1.ServiceAccount) -> rbac.v1.RoleBinding:
        record = release_record_name(route_name(self._args.app_name))
        orders = release_orders_name(route_name(self._args.app_name))
        role = rbac.v1.Role(
            "release",
            metadata=self._metadata(),
            rules=[
                rbac.v1.PolicyRuleArgs(
                    api_groups=[GATEWAY_API_GROUP],
                    resources=[HTTP_ROUTES_PLURAL],
                    resource_names=[route_name(self._args.app_name)],
                    verbs=["get", "patch"],
                ),
                rbac.v1.PolicyRuleArgs(
                    api_groups=[""], resources=["configmaps"], resource_names=[record], verbs=["get", "patch"]
                ),
                rbac.v1.PolicyRuleArgs(
                    api_groups=[""], resources=["configmaps"], resource_names=[orders], verbs=["get"]
                ),
                # Whether another release still runs is told by its pod, whose name is made anew each time.
                rbac.v1.PolicyRuleArgs(api_groups=[""], resources=["pods"], verbs=["get"]),
                # Kubernetes cannot tie `create` to a name either.
                rbac.v1.PolicyRuleArgs(api_groups=[""], resources=["events"], verbs=["create"]),
                # Sizes are found by label, which Kubernetes cannot tie to a name either.
                rbac.v1.PolicyRuleArgs(api_groups=["apps"], resources=["deployments"], verbs=["list"]),
                # Kubernetes cannot tie `create` to a name, because the object has none yet when it is asked.
                rbac.v1.PolicyRuleArgs(api_groups=[""], resources=["configmaps"], verbs=["create"]),
            ],
            opts=self._child,
        )
        return rbac.v1.RoleBinding(
            "release",
            metadata=self._metadata(),
            role_ref=rbac.v1.RoleRefArgs(api_group=_RBAC_GROUP, kind="Role", name=role.metadata.name),
            subjects=[
                rbac.v1.SubjectArgs(
                    kind="ServiceAccount", name=account.metadata.name, namespace=account.metadata.namespace
                )
            ],
            opts=self._child,
        )

    def _policy(self) -> pulumi.Resource:
        args = self._args
        webhook = args.app.release.webhook
        return network.policy(
            "release",
            metadata=self._metadata(),
            selector=self._identity.selector(),
            rules=(
                (),
                [
                    network.dns(),
                    network.egress([network.pods({LABEL_NAME: args.app_name})], PORT_HTTP),
                    network.egress([network.pods({LABEL_NAME: APP_PROMETHEUS})], PORT_PROMETHEUS),
                    network.egress([network.pods({LABEL_NAME: APP_POSTGRES})], PORT_POSTGRES),
                    network.egress([network.nodes()], *args.gateway.ports, *args.api_server_ports),
                    *([network.egress([network.nodes()], webhook.port)] if webhook else []),
                ],
            ),
            opts=self._child,
        )

    def _metadata(self, *, name: str | None = None) -> meta.v1.ObjectMetaArgs:
        return meta.v1.ObjectMetaArgs(name=name, namespace=self._args.namespace, labels=self._identity.labels())
