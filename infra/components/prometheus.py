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
from infra.rules import rule_files
from infra.scrapes import RULES_FOLDER, Alerting, prometheus_config

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
_RELOAD_S = 15
_RULES = "prometheus-rules"
_RESEND_S = 15


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
    gateway_port: int
    api_server_ports: tuple[int, ...]
    environment: str
    alerting: Alerting


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
                    spec=self._pod(account),
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

    def _config(self) -> core.v1.VolumeArgs:
        text = prometheus_config(
            self._args.settings,
            self._args.names,
            self._args.alerting,
            environment=self._args.environment,
            gateway_metrics_port=self._args.gateway_metrics_port,
        )
        return self._file_set(APP_PROMETHEUS, {_CONFIG_FILE: text})

    def _file_set(self, name: str, files: Mapping[str, str]) -> core.v1.VolumeArgs:
        # The name is fixed and the pod names it in plain text, so that a change replaces the map and leaves the pod
        # alone: mounted files stay meanwhile, the kubelet updates them, and Prometheus reads them again by itself. With
        # the map's output as the name Pulumi would delete the StatefulSet before the map.
        core.v1.ConfigMap(name, metadata=self._metadata(name=name), data=dict(files), opts=self._child)
        return core.v1.VolumeArgs(name=name, config_map=core.v1.ConfigMapVolumeSourceArgs(name=name))

    def _pod(self, account: core.v1.ServiceAccount) -> core.v1.PodSpecArgs:
        return core.v1.PodSpecArgs(
            service_account_name=account.metadata.name,
            automount_service_account_token=True,
            enable_service_links=False,
            termination_grace_period_seconds=_GRACE_S,
            security_context=pods.pod_security(pods.USER_PROMETHEUS),
            containers=[self._container()],
            volumes=[
                self._config(),
                self._file_set(_RULES, rule_files()),
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
                *self._external_url(),
                # Configuration and rules are read again when they change; wrong ones leave the old in force.
                "--enable-feature=auto-reload-config",
                f"--config.auto-reload-interval={_RELOAD_S}s",
                # Alertmanager keeps an alert for four times this; the silence of the Watchdog is heard as soon.
                f"--rules.alert.resend-delay={_RESEND_S}s",
            ],
            ports=[core.v1.ContainerPortArgs(name="http", container_port=PORT_PROMETHEUS)],
            startup_probe=pods.http_probe("/-/ready", PORT_PROMETHEUS, period_s=2, failures=_STARTUP_S // 2),
            readiness_probe=pods.http_probe("/-/ready", PORT_PROMETHEUS, period_s=5, failures=3),
            liveness_probe=pods.http_probe("/-/healthy", PORT_PROMETHEUS, period_s=10, failures=6, timeout_s=5),
            resources=pods.container_resources(settings.resources),
            security_context=pods.container_security(),
            volume_mounts=[
                core.v1.VolumeMountArgs(name=APP_PROMETHEUS, mount_path=_CONFIG_FOLDER, read_only=True),
                core.v1.VolumeMountArgs(name=_RULES, mount_path=RULES_FOLDER, read_only=True),
                core.v1.VolumeMountArgs(name=_DATA, mount_path=_DATA_PATH),
                pods.tmp_mount(),
            ],
        )

    def _external_url(self) -> list[str]:
        # In every alert, as the way back to the graph.
        hostname = self._args.settings.hostname
        return [f"--web.external-url=http://{hostname}:{self._args.gateway_port}"] if hostname else []

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
        to_kubelets = network.egress([network.nodes()], self._args.settings.kubelet.port)
        to_alertmanagers = network.egress([network.nodes()], *_ports(self._args.alerting.addresses))
        network.policy(
            "prometheus",
            metadata=self._metadata(),
            selector=self._identity.selector(),
            rules=(
                [network.ingress(readers, PORT_PROMETHEUS)],
                [network.dns(), to_apps, to_gateway, to_api, to_kubelets, to_alertmanagers],
            ),
            opts=self._child,
        )


def _ports(addresses: Sequence[str]) -> list[int]:
    return sorted({int(address.rsplit(":", 1)[1]) for address in addresses})
