"""Alertmanager on a volume: it groups, silences and delivers what Prometheus finds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_kubernetes import apiextensions, apps, core, meta

from agents.runtime.names import (
    APP_ALERTMANAGER,
    APP_ONCALL,
    APP_PROMETHEUS,
    GATEWAY_API_GROUP,
    GATEWAY_API_VERSION,
    LABEL_NAME,
    PORT_ALERTMANAGER,
    PORT_HTTP,
)
from infra import network, pods
from infra.alertmanager_config import CONFIG_FILE, CONFIG_FOLDER, SECRETS_FOLDER, alertmanager_files
from infra.naming import SKIP_AWAIT, Identity
from infra.objects import object_metadata

if TYPE_CHECKING:
    from infra.components.blue_green import GatewayRef
    from infra.monitoring_sections import Monitoring

_BINARY = "/usr/local/bin/alertmanager"
_DATA, _DATA_PATH = "data", "/alertmanager"
_SECRETS = "secrets"
# Chosen: it starts within a second; the rest is for a busy machine and a volume that is being made.
_STARTUP_S, _GRACE_S, _LIMIT_S = 60, 30, 180


@dataclass(frozen=True)
class AlertmanagerArgs:
    """What runs, whom it tells and who shows it."""

    settings: Monitoring
    image: pulumi.Input[str]
    namespace: pulumi.Input[str]
    gateway: GatewayRef
    gateway_namespace: pulumi.Input[str]
    gateway_port: int
    environment: str


class Alertmanager(pulumi.ComponentResource):
    """StatefulSet, configuration, Service, and a route when a host name is set."""

    def __init__(self, name: str, args: AlertmanagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare Alertmanager."""
        super().__init__("cryoprotect:monitoring:Alertmanager", name, None, opts)
        self._args = args
        self._identity = Identity(name=APP_ALERTMANAGER, component="monitoring", environment=args.environment)
        self._metadata = partial(object_metadata, self._identity, args.namespace)
        self._child = pulumi.ResourceOptions(parent=self)
        self._policy()
        service = core.v1.Service(
            "alertmanager",
            # Not awaited: the StatefulSet below is, by its probes.
            metadata=self._metadata(name=APP_ALERTMANAGER, annotations={SKIP_AWAIT: "true"}),
            spec=core.v1.ServiceSpecArgs(
                selector=self._identity.selector(),
                ports=[core.v1.ServicePortArgs(name="http", port=PORT_ALERTMANAGER, target_port=PORT_ALERTMANAGER)],
            ),
            opts=self._child,
        )
        self._server(service)
        self._route(service)
        self.register_outputs({})

    def _server(self, service: core.v1.Service) -> None:
        # A changed configuration is another ConfigMap and restarts the pod for a second: Alertmanager does not watch
        # its files, and silences and what was sent already are on the volume.
        config = core.v1.ConfigMap(
            "alertmanager",
            metadata=self._metadata(),
            data=dict(alertmanager_files(self._args.settings)),
            opts=self._child,
        )
        apps.v1.StatefulSet(
            "alertmanager",
            # Fixed, because the volume is found by this name.
            metadata=self._metadata(name=APP_ALERTMANAGER),
            spec=apps.v1.StatefulSetSpecArgs(
                service_name=service.metadata.name,
                replicas=1,
                selector=meta.v1.LabelSelectorArgs(match_labels=self._identity.selector()),
                template=core.v1.PodTemplateSpecArgs(
                    metadata=meta.v1.ObjectMetaArgs(labels=self._identity.labels()), spec=self._pod(config)
                ),
                volume_claim_templates=[
                    pods.volume_claim(_DATA, self._args.settings.alertmanager.storage, labels=self._identity.selector())
                ],
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                custom_timeouts=pulumi.CustomTimeouts(create=f"{_LIMIT_S}s", update=f"{_LIMIT_S}s"),
            ),
        )

    def _pod(self, config: core.v1.ConfigMap) -> core.v1.PodSpecArgs:
        volumes = [
            core.v1.VolumeArgs(name="config", config_map=core.v1.ConfigMapVolumeSourceArgs(name=config.metadata.name)),
            pods.tmp_volume(),
        ]
        if self._args.settings.secret is not None:
            volumes.append(pods.secret_volume(_SECRETS, self._args.settings.secret))
        return core.v1.PodSpecArgs(
            automount_service_account_token=False,
            enable_service_links=False,
            termination_grace_period_seconds=_GRACE_S,
            security_context=pods.pod_security(pods.USER_PROMETHEUS),
            containers=[self._container()],
            volumes=volumes,
        )

    def _container(self) -> core.v1.ContainerArgs:
        settings = self._args.settings.alertmanager
        mounts = [
            core.v1.VolumeMountArgs(name="config", mount_path=CONFIG_FOLDER, read_only=True),
            core.v1.VolumeMountArgs(name=_DATA, mount_path=_DATA_PATH),
            pods.tmp_mount(),
        ]
        if self._args.settings.secret is not None:
            mounts.append(core.v1.VolumeMountArgs(name=_SECRETS, mount_path=SECRETS_FOLDER, read_only=True))
        return core.v1.ContainerArgs(
            name=APP_ALERTMANAGER,
            image=self._args.image,
            image_pull_policy="IfNotPresent",
            command=[_BINARY],
            args=[
                f"--config.file={CONFIG_FOLDER}/{CONFIG_FILE}",
                f"--storage.path={_DATA_PATH}",
                f"--web.listen-address=0.0.0.0:{PORT_ALERTMANAGER}",
                # Part of every message: where a silence is made.
                f"--web.external-url={self._external_url()}",
                # A route's matcher and an `equal` cannot be read in two ways.
                "--enable-feature=utf8-strict-mode",
                # One instance has nobody to talk to.
                "--cluster.listen-address=",
            ],
            ports=[core.v1.ContainerPortArgs(name="http", container_port=PORT_ALERTMANAGER)],
            startup_probe=pods.http_probe("/-/ready", PORT_ALERTMANAGER, period_s=1, failures=_STARTUP_S),
            readiness_probe=pods.http_probe("/-/ready", PORT_ALERTMANAGER, period_s=5, failures=3),
            liveness_probe=pods.http_probe("/-/healthy", PORT_ALERTMANAGER, period_s=10, failures=6, timeout_s=5),
            resources=pods.container_resources(settings.resources),
            security_context=pods.container_security(),
            volume_mounts=mounts,
        )

    def _external_url(self) -> str:
        hostname = self._args.settings.alertmanager.hostname
        return f"http://{hostname or APP_ALERTMANAGER}:{self._args.gateway_port if hostname else PORT_ALERTMANAGER}"

    def _route(self, service: core.v1.Service) -> None:
        hostname = self._args.settings.alertmanager.hostname
        if hostname is None:
            return
        backend = {
            "group": "",
            "kind": "Service",
            "name": service.metadata.name,
            "port": PORT_ALERTMANAGER,
            "weight": 1,
        }
        spec: dict[str, Any] = {
            "parentRefs": [self._args.gateway.parent()],
            "hostnames": [hostname],
            "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [backend]}],
        }
        apiextensions.CustomResource(
            "alertmanager",
            api_version=f"{GATEWAY_API_GROUP}/{GATEWAY_API_VERSION}",
            kind="HTTPRoute",
            metadata=self._metadata(name=APP_ALERTMANAGER),
            spec=spec,
            opts=self._child,
        )

    def _policy(self) -> None:
        settings = self._args.settings
        mail = [int(settings.mail.smarthost.rsplit(":", 1)[1])] if settings.mail is not None else []
        outgoing = [network.dns(), network.egress([network.nodes()], *sorted({*settings.ports, *mail}))]
        if settings.oncall:
            outgoing.append(network.egress([network.pods({LABEL_NAME: APP_ONCALL})], PORT_HTTP))
        readers = [
            network.pods({LABEL_NAME: APP_PROMETHEUS}),
            network.whole_namespace(self._args.gateway_namespace),
        ]
        network.policy(
            "alertmanager",
            metadata=self._metadata(),
            selector=self._identity.selector(),
            rules=(
                [network.ingress(readers, PORT_ALERTMANAGER)],
                outgoing,
            ),
            opts=self._child,
        )
