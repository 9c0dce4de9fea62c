"""Traefik as Gateway API controller, in its own namespace, with the rights to read routes and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_kubernetes import apiextensions, apps, core, meta, policy

from agents.runtime.names import (
    APP_GATEWAY,
    GATEWAY_API_GROUP,
    GATEWAY_API_VERSION,
    PART_OF,
    PORT_HTTP,
    PORT_PROMETHEUS,
    SERVICE_ACCOUNT_GATEWAY,
)
from infra import network, pods, traefik
from infra.components.blue_green import GatewayRef
from infra.components.gateway_access import GatewayAccess, GatewayAccessArgs
from infra.naming import PATCH_FORCE, SKIP_AWAIT, WAIT_FOR, Identity
from infra.objects import object_metadata

if TYPE_CHECKING:
    from infra.config import Gateway as Settings
    from infra.config import Namespaces

SERVICE_PORT = 80
# Chosen: Traefik answers /ping before it has read its first routes; a pod counts only after it had time to.
_MIN_READY_S = 3
_ROLLOUT_S = 180


@dataclass(frozen=True)
class GatewayArgs:
    """What the gateway runs and which namespaces it serves."""

    settings: Settings
    image: pulumi.Input[str]
    names: Namespaces
    namespace: pulumi.Input[str]
    apps_namespace: pulumi.Input[str]
    api_server_ports: tuple[int, ...]
    environment: str


class Gateway(pulumi.ComponentResource):
    """Deployment, Service, GatewayClass and Gateway."""

    ref: GatewayRef
    internal_url: str

    def __init__(self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the controller first, then the Gateway that it has to accept."""
        super().__init__("cryoprotect:gateway:Gateway", name, None, opts)
        self._args = args
        self._identity = Identity(name=APP_GATEWAY, component="gateway", environment=args.environment)
        self._metadata = partial(object_metadata, self._identity, args.namespace)
        self._child = pulumi.ResourceOptions(parent=self)
        account = core.v1.ServiceAccount(
            "gateway",
            metadata=self._metadata(name=SERVICE_ACCOUNT_GATEWAY),
            automount_service_account_token=False,
            opts=self._child,
        )
        access = GatewayAccess(
            "gateway-access",
            GatewayAccessArgs(
                identity=self._identity, account=account, namespaces=(args.apps_namespace, args.namespace)
            ),
            opts=self._child,
        )
        self._policy()
        self._budget()
        self._service()
        deployment = self._deployment(account, access)
        gateway = self._gateway(deployment)
        self.ref = GatewayRef(name=gateway.urn.apply(lambda _: PART_OF), namespace=args.namespace)
        self.internal_url = f"http://{APP_GATEWAY}.{args.names.gateway}.svc:{SERVICE_PORT}"
        self.register_outputs({})

    @property
    def _on_host(self) -> bool:
        return self._args.settings.exposure == traefik.HOST

    def _deployment(self, account: core.v1.ServiceAccount, access: GatewayAccess) -> apps.v1.Deployment:
        limit = f"{_ROLLOUT_S}s"
        return apps.v1.Deployment(
            "gateway",
            metadata=self._metadata(annotations={PATCH_FORCE: "true"}),
            spec=apps.v1.DeploymentSpecArgs(
                replicas=self._args.settings.replicas,
                min_ready_seconds=_MIN_READY_S,
                revision_history_limit=3,
                progress_deadline_seconds=_ROLLOUT_S - 30,
                selector=meta.v1.LabelSelectorArgs(match_labels=self._identity.selector()),
                strategy=apps.v1.DeploymentStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=apps.v1.RollingUpdateDeploymentArgs(max_surge=1, max_unavailable=0),
                ),
                template=core.v1.PodTemplateSpecArgs(
                    metadata=meta.v1.ObjectMetaArgs(labels=self._identity.labels()),
                    spec=self._pod(account),
                ),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[access],
                custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit),
            ),
        )

    def _pod(self, account: core.v1.ServiceAccount) -> core.v1.PodSpecArgs:
        settings = self._args.settings
        return core.v1.PodSpecArgs(
            host_network=True if self._on_host else None,
            service_account_name=account.metadata.name,
            automount_service_account_token=True,
            enable_service_links=False,
            termination_grace_period_seconds=settings.drain.grace_s,
            security_context=pods.pod_security(pods.USER_APP),
            topology_spread_constraints=[pods.spread_over_nodes(self._identity.selector())],
            containers=[self._container()],
            volumes=[pods.tmp_volume()],
        )

    def _container(self) -> core.v1.ContainerArgs:
        settings = self._args.settings
        # On the host a declared port would become a hostPort, and the scheduler would refuse a second pod on the node.
        ports = [] if self._on_host else [("web", settings.internal_port), (traefik.METRICS, settings.metrics_port)]
        node_address = core.v1.EnvVarArgs(
            name=traefik.HOST_IP_VARIABLE,
            value_from=core.v1.EnvVarSourceArgs(
                field_ref=core.v1.ObjectFieldSelectorArgs(api_version="v1", field_path="status.hostIP")
            ),
        )
        watched = [self._args.names.apps, self._args.names.gateway]
        return core.v1.ContainerArgs(
            name=APP_GATEWAY,
            image=self._args.image,
            image_pull_policy="IfNotPresent",
            command=[traefik.BINARY],
            args=traefik.arguments(settings, watched=watched),
            env=[node_address] if self._on_host else None,
            ports=[core.v1.ContainerPortArgs(name=name, container_port=port) for name, port in ports] or None,
            # Traefik itself goes on accepting after the first signal (requestAcceptGraceTimeout), so no preStop sleep.
            startup_probe=pods.http_probe("/ping", settings.metrics_port, period_s=1, failures=60),
            readiness_probe=pods.http_probe("/ping", settings.metrics_port, period_s=2, failures=2),
            liveness_probe=pods.http_probe("/ping", settings.metrics_port, period_s=10, failures=6, timeout_s=5),
            resources=pods.container_resources(settings.resources),
            security_context=pods.container_security(),
            volume_mounts=[pods.tmp_mount()],
        )

    def _service(self) -> None:
        settings = self._args.settings
        core.v1.Service(
            "gateway",
            # Not awaited: a LoadBalancer may take minutes or never come; the release Job proves the way through it.
            metadata=self._metadata(name=APP_GATEWAY, annotations={SKIP_AWAIT: "true"}),
            spec=core.v1.ServiceSpecArgs(
                type="ClusterIP" if self._on_host else settings.exposure,
                selector=self._identity.selector(),
                ports=[core.v1.ServicePortArgs(name="http", port=SERVICE_PORT, target_port=settings.internal_port)],
            ),
            opts=self._child,
        )

    def _gateway(self, deployment: apps.v1.Deployment) -> apiextensions.CustomResource:
        gateway_class = self._custom(
            "GatewayClass",
            metadata=meta.v1.ObjectMetaArgs(labels=self._identity.labels()),
            spec={"controllerName": traefik.CONTROLLER},
            opts=self._child,
        )
        return self._custom(
            "Gateway",
            metadata=self._metadata(name=PART_OF, annotations={WAIT_FOR: "condition=Programmed"}),
            spec={
                "gatewayClassName": gateway_class.id,
                "listeners": traefik.listeners(self._args.settings, routes_from=self._args.names.apps),
            },
            # Only a running controller can say that it has accepted it.
            opts=pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(depends_on=[deployment])),
        )

    def _custom(
        self, kind: str, *, metadata: meta.v1.ObjectMetaArgs, spec: dict[str, Any], opts: pulumi.ResourceOptions
    ) -> apiextensions.CustomResource:
        version = f"{GATEWAY_API_GROUP}/{GATEWAY_API_VERSION}"
        return apiextensions.CustomResource(
            kind.lower(), api_version=version, kind=kind, metadata=metadata, spec=spec, opts=opts
        )

    def _budget(self) -> None:
        policy.v1.PodDisruptionBudget(
            "gateway",
            metadata=self._metadata(),
            spec=policy.v1.PodDisruptionBudgetSpecArgs(
                selector=meta.v1.LabelSelectorArgs(match_labels=self._identity.selector()),
                max_unavailable=1,
                unhealthy_pod_eviction_policy="AlwaysAllow",
            ),
            opts=self._child,
        )

    def _policy(self) -> None:
        settings = self._args.settings
        anybody = network.ingress([network.nodes()], settings.internal_port)
        scrapers = network.ingress([network.whole_namespace(self._args.apps_namespace)], settings.metrics_port)
        to_apps = network.egress([network.whole_namespace(self._args.apps_namespace)], PORT_HTTP, PORT_PROMETHEUS)
        to_api = network.egress([network.nodes()], *self._args.api_server_ports)
        network.policy(
            "gateway",
            metadata=self._metadata(),
            selector=self._identity.selector(),
            rules=([anybody, scrapers], [network.dns(), to_apps, to_api]),
            opts=self._child,
        )
