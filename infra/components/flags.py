"""The flags service: a pod that answers OFREP from memory, the Job that lets its role log in, and its route."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_kubernetes import apiextensions, apps, core, meta

from agents.runtime.names import (
    APP_FLAGS,
    APP_FLAGS_LOGIN,
    APP_MODEL_SERVER,
    APP_POSTGRES,
    APP_PROMETHEUS,
    GATEWAY_API_GROUP,
    GATEWAY_API_VERSION,
    LABEL_NAME,
    PORT_HTTP,
    PORT_POSTGRES,
    ROLE_FLAGS,
    SERVICE_ACCOUNT_FLAGS,
    route_name,
)
from infra import network, pods
from infra.agent_job import AgentJob, SecretFile, agent_job
from infra.components.database import PASSWORD_FOLDER
from infra.components.migrations import connect_as_owner
from infra.components.secrets import PASSWORD_KEY
from infra.components.slot import Attachments
from infra.naming import PATCH_FORCE, SKIP_AWAIT, Identity
from infra.objects import object_metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.components.blue_green import GatewayRef
    from infra.components.secrets import Secrets
    from infra.config import Agents
    from infra.config import Flags as Settings

_OFREP = "/ofrep"
_FLAGS_FOLDER = "/run/secrets/flags"
_SECRET = "flags-password"  # noqa: S105 - the name of a volume
# Chosen: endpoint changes arrive within 1 s on one node; an answer takes a millisecond, so 2 s end every request.
_PRESTOP_S, _DRAIN_S, _GRACE_S = 5, 2, 20
# Chosen: a Job of one statement; the wait is for a database that is just restarting.
_LOGIN_DEADLINE_S = 180
# Chosen: the start waits up to 5 s for the flags; the rest is for a busy machine.
_STARTUP_S = 60
_ROLLOUT_S = 180


@dataclass(frozen=True)
class FlagsArgs:
    """What the service runs, whose password it has and where it is reached."""

    settings: Settings
    agents: Agents
    image: pulumi.Input[str]
    namespace: pulumi.Input[str]
    secrets: Secrets
    gateway: GatewayRef
    hostnames: Sequence[str]
    environment: str
    after: Sequence[pulumi.Resource]


class Flags(pulumi.ComponentResource):
    """Job `flags-login`, then Deployment, Service and HTTPRoute `flags`."""

    def __init__(self, name: str, args: FlagsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the service; its pods start when their role may log in."""
        super().__init__("cryoprotect:app:Flags", name, None, opts)
        self._args = args
        self._identity = Identity(name=APP_FLAGS, component="feature-flags", environment=args.environment)
        self._metadata = partial(object_metadata, self._identity, args.namespace)
        self._child = pulumi.ResourceOptions(parent=self)
        account = core.v1.ServiceAccount(
            "flags",
            metadata=self._metadata(name=SERVICE_ACCOUNT_FLAGS),
            automount_service_account_token=False,
            opts=self._child,
        )
        login = self._login(account)
        self._policy()
        self._deployment(account, login)
        self._route(self._service())
        self.register_outputs({})

    @staticmethod
    def attach() -> Attachments:
        """Return what an application needs to ask the service."""
        return Attachments(settings={"CRYO_FLAGS_URL": f"http://{APP_FLAGS}:{PORT_HTTP}"}, calls={APP_FLAGS: PORT_HTTP})

    def _login(self, account: core.v1.ServiceAccount) -> pulumi.Resource:
        """Set the role's password as the schema's owner: its own Job, so that the service never has that password."""
        args = self._args
        # A name of its own, or the Service would send requests to the Job's pod.
        identity = Identity(name=APP_FLAGS_LOGIN, component="feature-flags", environment=args.environment)
        policy = network.policy(
            "flags-login",
            metadata=meta.v1.ObjectMetaArgs(namespace=args.namespace, labels=identity.labels()),
            selector=identity.selector(),
            rules=((), [network.dns(), network.egress([network.pods({LABEL_NAME: APP_POSTGRES})], PORT_POSTGRES)]),
            opts=self._child,
        )
        job = AgentJob(
            identity=identity.at(args.agents.version),
            namespace=args.namespace,
            image=args.image,
            arguments=["-m", "agents.flags", "allow-login", "--password-file", f"{_FLAGS_FOLDER}/{PASSWORD_KEY}"],
            service_account=account.metadata.name,
            resources=args.agents.resources,
            deadline_s=_LOGIN_DEADLINE_S,
            environment=connect_as_owner() | {"CRYO_VERSION": args.agents.version},
            secrets=[
                SecretFile(secret=args.secrets.postgres, path=PASSWORD_FOLDER),
                SecretFile(secret=args.secrets.flags, path=_FLAGS_FOLDER, volume=_SECRET),
            ],
        )
        opts = pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(depends_on=[policy, *args.after]))
        return agent_job("flags-login", job, opts=opts)

    def _deployment(self, account: core.v1.ServiceAccount, login: pulumi.Resource) -> None:
        limit = f"{_ROLLOUT_S}s"
        labels = self._identity.at(self._args.agents.version).labels()
        apps.v1.Deployment(
            "flags",
            metadata=self._metadata(annotations={PATCH_FORCE: "true"}),
            spec=apps.v1.DeploymentSpecArgs(
                # One: callers keep their last answers, and while it restarts they get the defaults in their code.
                replicas=1,
                revision_history_limit=3,
                progress_deadline_seconds=_ROLLOUT_S - 30,
                selector=meta.v1.LabelSelectorArgs(match_labels=self._identity.selector()),
                strategy=apps.v1.DeploymentStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=apps.v1.RollingUpdateDeploymentArgs(max_surge=1, max_unavailable=0),
                ),
                template=core.v1.PodTemplateSpecArgs(
                    metadata=meta.v1.ObjectMetaArgs(labels=labels), spec=self._pod(account)
                ),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[login],
                custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit),
            ),
        )

    def _pod(self, account: core.v1.ServiceAccount) -> core.v1.PodSpecArgs:
        return core.v1.PodSpecArgs(
            service_account_name=account.metadata.name,
            automount_service_account_token=False,
            enable_service_links=False,
            termination_grace_period_seconds=_GRACE_S,
            security_context=pods.pod_security(pods.USER_APP),
            containers=[self._container()],
            volumes=[pods.tmp_volume(), pods.secret_volume(_SECRET, self._args.secrets.flags)],
        )

    def _container(self) -> core.v1.ContainerArgs:
        settings = connect_as_owner() | {
            "CRYO_BIND": f"0.0.0.0:{PORT_HTTP}",
            "CRYO_DB_USER": ROLE_FLAGS,
            "CRYO_DB_PASSWORD_FILE": f"{_FLAGS_FOLDER}/{PASSWORD_KEY}",
            "CRYO_DRAIN_S": str(_DRAIN_S),
            "CRYO_VERSION": self._args.agents.version,
        }
        return core.v1.ContainerArgs(
            name=APP_FLAGS,
            image=self._args.image,
            image_pull_policy="IfNotPresent",
            args=["-m", "agents.flags", "serve"],
            env=[core.v1.EnvVarArgs(name=key, value=value) for key, value in sorted(settings.items())],
            ports=[core.v1.ContainerPortArgs(name="http", container_port=PORT_HTTP)],
            lifecycle=core.v1.LifecycleArgs(
                pre_stop=core.v1.LifecycleHandlerArgs(sleep=core.v1.SleepActionArgs(seconds=_PRESTOP_S))
            ),
            startup_probe=pods.http_probe("/livez", PORT_HTTP, period_s=1, failures=_STARTUP_S),
            readiness_probe=pods.http_probe("/readyz", PORT_HTTP, period_s=2, failures=2),
            liveness_probe=pods.http_probe("/livez", PORT_HTTP, period_s=10, failures=6, timeout_s=5),
            resources=pods.container_resources(self._args.settings.resources),
            security_context=pods.container_security(),
            volume_mounts=[
                pods.tmp_mount(),
                core.v1.VolumeMountArgs(name=_SECRET, mount_path=_FLAGS_FOLDER, read_only=True),
            ],
        )

    def _service(self) -> core.v1.Service:
        return core.v1.Service(
            "flags",
            # Not awaited: the Deployment is, by its probes.
            metadata=self._metadata(name=APP_FLAGS, annotations={SKIP_AWAIT: "true"}),
            spec=core.v1.ServiceSpecArgs(
                selector=self._identity.selector(),
                ports=[core.v1.ServicePortArgs(name="http", port=PORT_HTTP, target_port=PORT_HTTP)],
            ),
            opts=self._child,
        )

    def _route(self, service: core.v1.Service) -> None:
        backend = {"group": "", "kind": "Service", "name": service.metadata.name, "port": PORT_HTTP, "weight": 1}
        spec: dict[str, Any] = {
            "parentRefs": [self._args.gateway.parent()],
            "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": _OFREP}}], "backendRefs": [backend]}],
        }
        # The same hosts as the application: a route for any host would lose against one that names the host.
        if self._args.hostnames:
            spec["hostnames"] = list(self._args.hostnames)
        apiextensions.CustomResource(
            route_name(APP_FLAGS),
            api_version=f"{GATEWAY_API_GROUP}/{GATEWAY_API_VERSION}",
            kind="HTTPRoute",
            metadata=self._metadata(name=route_name(APP_FLAGS)),
            spec=spec,
            opts=self._child,
        )

    def _policy(self) -> None:
        # The gateway may be on the node's network, where no selector finds it; network plugins let the node in.
        readers = [
            network.pods({LABEL_NAME: APP_PROMETHEUS}),
            network.pods({LABEL_NAME: APP_MODEL_SERVER}),
            network.whole_namespace(self._args.gateway.namespace),
        ]
        to_database = network.egress([network.pods({LABEL_NAME: APP_POSTGRES})], PORT_POSTGRES)
        network.policy(
            "flags",
            metadata=self._metadata(),
            selector=self._identity.selector(),
            rules=([network.ingress(readers, PORT_HTTP)], [network.dns(), to_database]),
            opts=self._child,
        )
