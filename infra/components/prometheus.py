"""Prometheus on a volume, scraping both colours; its answers decide releases later."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_kubernetes import apiextensions, apps, core, meta

from agents.runtime.names import (
    APP_PROMETHEUS,
    APP_RELEASE,
    GATEWAY_API_GROUP,
    GATEWAY_API_VERSION,
    LABEL_NAME,
    PORT_HTTP,
    PORT_PROMETHEUS,
    SERVICE_ACCOUNT_PROMETHEUS,
)
from infra import network, pods
from infra.components.prometheus_access import PrometheusAccess, PrometheusAccessArgs
from infra.naming import SKIP_AWAIT, Identity
from infra.objects import object_metadata
from infra.scrapes import prometheus_config

if TYPE_CHECKING:
    from infra.components.blue_green import GatewayRef
    from infra.config import Namespaces
    from infra.config import Prometheus as Settings

_BINARY = "/usr/local/bin/prometheus"
_CONFIG_FOLDER = "/etc/prometheus"
_CONFIG_FILE = "prometheus.yml"
_DATA = "data"
_DATA_PATH = "/prometheus"
# Chosen: replaying the write-ahead log of a full volume after a crash was the longest start seen elsewhere.
_STARTUP_S = 300
_GRACE_S = 60


@dataclass(frozen=True)
class PrometheusArgs:
    """What Prometheus runs, what it scrapes and who shows it."""

    settings: Settings
    image: pulumi.Input[str]
    names: Namespaces
    namespace: pulumi.Input[str]
    gateway_namespace: pulumi.Input[str]
    gateway: GatewayRef
    gateway_metrics_port: int
    api_server_ports: tuple[int, ...]
    environment: str


class Prometheus(pulumi.ComponentResource):
    """StatefulSet, configuration, Service, rights, and a route when a host name is set."""

    def __init__(self, name: str, args: PrometheusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare Prometheus."""
        super().__init__("cryoprotect:monitoring:Prometheus", name, None, opts)
        self._args = args
        self._identity = Identity(name=APP_PROMETHEUS, component="monitoring", environment=args.environment)
        self._metadata = partial(object_metadata, self._identity, args.namespace)
        self._child = pulumi.ResourceOptions(parent=self)
        account = core.v1.ServiceAccount(
            "prometheus",
            metadata=self._metadata(name=SERVICE_ACCOUNT_PROMETHEUS),
            automount_service_account_token=False,
            opts=self._child,
        )
        access = PrometheusAccess(
            "prometheus-access",
            PrometheusAccessArgs(
                identity=self._identity, account=account, namespaces=(args.namespace, args.gateway_namespace)
            ),
            opts=self._child,
        )
        self._policy()
        service = core.v1.Service(
            "prometheus",
            # Not awaited: the StatefulSet below is, by its probes.
            metadata=self._metadata(name=APP_PROMETHEUS, annotations={SKIP_AWAIT: "true"}),
            spec=core.v1.ServiceSpecArgs(
                selector=self._identity.selector(),
                ports=[core.v1.ServicePortArgs(name="http", port=PORT_PROMETHEUS, target_port=PORT_PROMETHEUS)],
            ),
            opts=self._child,
        )
        self._server(account, service, access)
        self._route(service)
        self.register_outputs({})

    def _server(
        self, account: core.v1.ServiceAccount, service: core.v1.Service, access: PrometheusAccess
    ) -> apps.v1.StatefulSet:
        limit = f"{_STARTUP_S + _GRACE_S}s"
        return apps.v1.StatefulSet(
            "prometheus",
            # Fixed, because the volume is found by this name.
            metadata=self._metadata(name=APP_PROMETHEUS),
            spec=apps.v1.StatefulSetSpecArgs(
                service_name=service.metadata.name,
                replicas=1,
                selector=meta.v1.LabelSelectorArgs(match_labels=self._identity.selector()),
                template=core.v1.PodTemplateSpecArgs(
                    metadata=meta.v1.ObjectMetaArgs(labels=self._identity.labels()),
                    spec=self._pod(account, self._config()),
                ),
                volume_claim_templates=[
                    pods.volume_claim(_DATA, self._args.settings.storage, labels=self._identity.selector())
                ],
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[access],
                custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit),
            ),
        )

    def _config(self) -> core.v1.ConfigMap:
        text = prometheus_config(
            self._args.settings,
            self._args.names,
            environment=self._args.environment,
            gateway_metrics_port=self._args.gateway_metrics_port,
        )
        return core.v1.ConfigMap("prometheus", metadata=self._metadata(), data={_CONFIG_FILE: text}, opts=self._child)

    def _pod(self, account: core.v1.ServiceAccount, config: core.v1.ConfigMap) -> core.v1.PodSpecArgs:
        return core.v1.PodSpecArgs(
            service_account_name=account.metadata.name,
            automount_service_account_token=True,
            enable_service_links=False,
            termination_grace_period_seconds=_GRACE_S,
            security_context=pods.pod_security(pods.USER_PROMETHEUS),
            containers=[self._container()],
            volumes=[
                core.v1.VolumeArgs(
                    name="config", config_map=core.v1.ConfigMapVolumeSourceArgs(name=config.metadata.name)
                ),
                pods.tmp_volume(),
            ],
        )

    def _container(self) -> core.v1.ContainerArgs:
        settings = self._args.settings
        return core.v1.ContainerArgs(
            name=APP_PROMETHEUS,
            image=self._args.image,
            image_pull_policy="IfNotPresent",
            command=[_BINARY],
            args=[
                f"--config.file={_CONFIG_FOLDER}/{_CONFIG_FILE}",
                f"--storage.tsdb.path={_DATA_PATH}",
                f"--storage.tsdb.retention.time={settings.retention_days}d",
                f"--web.listen-address=0.0.0.0:{PORT_PROMETHEUS}",
            ],
            ports=[core.v1.ContainerPortArgs(name="http", container_port=PORT_PROMETHEUS)],
            startup_probe=pods.http_probe("/-/ready", PORT_PROMETHEUS, period_s=2, failures=_STARTUP_S // 2),
            readiness_probe=pods.http_probe("/-/ready", PORT_PROMETHEUS, period_s=5, failures=3),
            liveness_probe=pods.http_probe("/-/healthy", PORT_PROMETHEUS, period_s=10, failures=6, timeout_s=5),
            resources=pods.container_resources(settings.resources),
            security_context=pods.container_security(),
            volume_mounts=[
                core.v1.VolumeMountArgs(name="config", mount_path=_CONFIG_FOLDER, read_only=True),
                core.v1.VolumeMountArgs(name=_DATA, mount_path=_DATA_PATH),
                pods.tmp_mount(),
            ],
        )

    def _route(self, service: core.v1.Service) -> None:
        hostname = self._args.settings.hostname
        if hostname is None:
            return
        backend = {"group": "", "kind": "Service", "name": service.metadata.name, "port": PORT_PROMETHEUS, "weight": 1}
        spec: dict[str, Any] = {
            "parentRefs": [self._args.gateway.parent()],
            "hostnames": [hostname],
            "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [backend]}],
        }
        apiextensions.CustomResource(
            "prometheus",
            api_version=f"{GATEWAY_API_GROUP}/{GATEWAY_API_VERSION}",
            kind="HTTPRoute",
            metadata=self._metadata(name=APP_PROMETHEUS),
            spec=spec,
            opts=self._child,
        )

    def _policy(self) -> None:
        readers = [network.pods({LABEL_NAME: APP_RELEASE}), network.whole_namespace(self._args.gateway_namespace)]
        to_apps = network.egress([network.pods({})], PORT_HTTP)
        # The gateway may be on the node's network, where no selector finds it.
        to_gateway = network.egress([network.nodes()], self._args.gateway_metrics_port)
        to_api = network.egress([network.nodes()], *self._args.api_server_ports)
        network.policy(
            "prometheus",
            metadata=self._metadata(),
            selector=self._identity.selector(),
            rules=([network.ingress(readers, PORT_PROMETHEUS)], [network.dns(), to_apps, to_gateway, to_api]),
            opts=self._child,
        )
