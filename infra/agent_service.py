"""A service of an agent: the Job that lets its role log in, one pod that answers HTTP, its Service, policy and route.

What differs between two of them is a value; the objects, their order and their limits are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_kubernetes import apiextensions, apps, core, meta

from agents.runtime.names import (
    APP_POSTGRES,
    GATEWAY_API_GROUP,
    GATEWAY_API_VERSION,
    LABEL_NAME,
    PORT_HTTP,
    PORT_POSTGRES,
    login_name,
    route_name,
)
from infra import network, pods
from infra.agent_job import SecretFile
from infra.components.migrations import connect_as_owner
from infra.components.secrets import PASSWORD_KEY
from infra.naming import PATCH_FORCE, SKIP_AWAIT, Identity
from infra.objects import object_metadata
from infra.role_login import RoleLogin, role_login_job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.components.blue_green import GatewayRef
    from infra.components.secrets import Secrets
    from infra.config import Agents
    from infra.network import Egress, Peer
    from infra.sections import Resources

# Chosen: endpoint changes arrive within 1 s on one node; answers take milliseconds, so 2 s end every request.
_PRESTOP_S, _DRAIN_S, _GRACE_S = 5, 2, 20
# Chosen: a start waits at most 5 s for the database; the rest is for a busy machine.
_STARTUP_S = 60
_ROLLOUT_S = 180


@dataclass(frozen=True)
class Site:
    """What every such service gets of its environment."""

    agents: Agents
    image: pulumi.Input[str]
    namespace: pulumi.Input[str]
    secrets: Secrets
    gateway: GatewayRef
    hostnames: Sequence[str]
    environment: str
    after: Sequence[pulumi.Resource]


@dataclass(frozen=True)
class Mount:
    """A volume and where the container finds it."""

    path: str
    volume: core.v1.VolumeArgs


@dataclass(frozen=True)
class AgentService:
    """What differs between two services."""

    role: str
    """The database's, which the service logs in as."""
    password: pulumi.Input[str]
    """Secret with the role's password."""
    resources: Resources
    path: str
    """What the gateway shows of it, and nothing else."""
    callers: Sequence[Peer]
    """Pods that may ask it, besides the gateway."""
    variables: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[Mount] = ()
    reaches: Sequence[Egress] = ()
    """Where it connects to, besides names and the database."""


class AgentServiceComponent(pulumi.ComponentResource):
    """Job `<app>-login`, then Deployment, Service and HTTPRoute `<app>`."""

    def __init__(self, type_: str, app: str, component: str, site: Site, opts: pulumi.ResourceOptions | None) -> None:
        """Begin the component; `declare` declares what it is made of."""
        super().__init__(type_, app, None, opts)
        self._app = app
        self._component = component
        self._site = site
        self._identity = Identity(name=app, component=component, environment=site.environment)
        self.metadata = partial(object_metadata, self._identity, site.namespace)
        self.child = pulumi.ResourceOptions(parent=self)

    def declare(self, service: AgentService) -> None:
        """Declare the service; its pod starts when its role may log in."""
        account = core.v1.ServiceAccount(
            self._app,
            metadata=self.metadata(name=self._app),
            automount_service_account_token=False,
            opts=self.child,
        )
        password = SecretFile(secret=service.password, path=f"/run/secrets/{self._app}", volume=f"{self._app}-password")
        login = self._login(account, password)
        self._policy(service)
        self._deployment(service, account, password, login)
        self._route(self._service(), service.path)
        self.register_outputs({})

    def _login(self, account: core.v1.ServiceAccount, password: SecretFile) -> pulumi.Resource:
        site, name = self._site, login_name(self._app)
        login = RoleLogin(
            identity=Identity(name=name, component=self._component, environment=site.environment),
            module=f"agents.{self._app}",
            password=password,
            owner=site.secrets.postgres,
            agents=site.agents,
            image=site.image,
            namespace=site.namespace,
            service_account=account.metadata.name,
        )
        return role_login_job(name, login, after=site.after, opts=self.child)

    def _deployment(
        self, service: AgentService, account: core.v1.ServiceAccount, password: SecretFile, login: pulumi.Resource
    ) -> None:
        limit = f"{_ROLLOUT_S}s"
        labels = self._identity.at(self._site.agents.version).labels()
        apps.v1.Deployment(
            self._app,
            metadata=self.metadata(annotations={PATCH_FORCE: "true"}),
            spec=apps.v1.DeploymentSpecArgs(
                # One: flags are kept by their callers and incidents by the database while it restarts.
                replicas=1,
                revision_history_limit=3,
                progress_deadline_seconds=_ROLLOUT_S - 30,
                selector=meta.v1.LabelSelectorArgs(match_labels=self._identity.selector()),
                strategy=apps.v1.DeploymentStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=apps.v1.RollingUpdateDeploymentArgs(max_surge=1, max_unavailable=0),
                ),
                template=core.v1.PodTemplateSpecArgs(
                    metadata=meta.v1.ObjectMetaArgs(labels=labels), spec=self._pod(service, account, password)
                ),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[login],
                custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit),
            ),
        )

    def _pod(self, service: AgentService, account: core.v1.ServiceAccount, password: SecretFile) -> core.v1.PodSpecArgs:
        mounts = [Mount(password.path, pods.secret_volume(password.volume, password.secret)), *service.mounts]
        return core.v1.PodSpecArgs(
            service_account_name=account.metadata.name,
            automount_service_account_token=False,
            enable_service_links=False,
            termination_grace_period_seconds=_GRACE_S,
            security_context=pods.pod_security(pods.USER_APP),
            containers=[self._container(service, password, mounts)],
            volumes=[pods.tmp_volume(), *(mount.volume for mount in mounts)],
        )

    def _container(self, service: AgentService, password: SecretFile, mounts: Sequence[Mount]) -> core.v1.ContainerArgs:
        variables = connect_as_owner() | {
            "CRYO_BIND": f"0.0.0.0:{PORT_HTTP}",
            "CRYO_DB_USER": service.role,
            "CRYO_DB_PASSWORD_FILE": f"{password.path}/{PASSWORD_KEY}",
            "CRYO_DRAIN_S": str(_DRAIN_S),
            "CRYO_VERSION": self._site.agents.version,
            **service.variables,
        }
        return core.v1.ContainerArgs(
            name=self._app,
            image=self._site.image,
            image_pull_policy="IfNotPresent",
            args=["-m", f"agents.{self._app}", "serve"],
            env=[core.v1.EnvVarArgs(name=key, value=value) for key, value in sorted(variables.items())],
            ports=[core.v1.ContainerPortArgs(name="http", container_port=PORT_HTTP)],
            lifecycle=core.v1.LifecycleArgs(
                pre_stop=core.v1.LifecycleHandlerArgs(sleep=core.v1.SleepActionArgs(seconds=_PRESTOP_S))
            ),
            startup_probe=pods.http_probe("/livez", PORT_HTTP, period_s=1, failures=_STARTUP_S),
            readiness_probe=pods.http_probe("/readyz", PORT_HTTP, period_s=2, failures=2),
            liveness_probe=pods.http_probe("/livez", PORT_HTTP, period_s=10, failures=6, timeout_s=5),
            resources=pods.container_resources(service.resources),
            security_context=pods.container_security(),
            volume_mounts=[
                pods.tmp_mount(),
                *(
                    core.v1.VolumeMountArgs(name=mount.volume.name, mount_path=mount.path, read_only=True)
                    for mount in mounts
                ),
            ],
        )

    def _service(self) -> core.v1.Service:
        return core.v1.Service(
            self._app,
            # Not awaited: the Deployment is, by its probes.
            metadata=self.metadata(name=self._app, annotations={SKIP_AWAIT: "true"}),
            spec=core.v1.ServiceSpecArgs(
                selector=self._identity.selector(),
                ports=[core.v1.ServicePortArgs(name="http", port=PORT_HTTP, target_port=PORT_HTTP)],
            ),
            opts=self.child,
        )

    def _route(self, service: core.v1.Service, path: str) -> None:
        backend = {"group": "", "kind": "Service", "name": service.metadata.name, "port": PORT_HTTP, "weight": 1}
        spec: dict[str, Any] = {
            "parentRefs": [self._site.gateway.parent()],
            "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": path}}], "backendRefs": [backend]}],
        }
        # The same hosts as the application: a route for any host would lose against one that names the host.
        if self._site.hostnames:
            spec["hostnames"] = list(self._site.hostnames)
        apiextensions.CustomResource(
            route_name(self._app),
            api_version=f"{GATEWAY_API_GROUP}/{GATEWAY_API_VERSION}",
            kind="HTTPRoute",
            metadata=self.metadata(name=route_name(self._app)),
            spec=spec,
            opts=self.child,
        )

    def _policy(self, service: AgentService) -> None:
        # The gateway may be on the node's network, where no selector finds it; network plugins let the node in.
        callers = [*service.callers, network.whole_namespace(self._site.gateway.namespace)]
        to_database = network.egress([network.pods({LABEL_NAME: APP_POSTGRES})], PORT_POSTGRES)
        network.policy(
            self._app,
            metadata=self.metadata(),
            selector=self._identity.selector(),
            rules=([network.ingress(callers, PORT_HTTP)], [network.dns(), to_database, *service.reaches]),
            opts=self.child,
        )
