"""An S3 server of our own on a volume, over TLS, for a cluster that has no object storage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import apps, core, meta

from agents.runtime.names import APP_BACKUP, APP_BACKUP_JOB, APP_OBJECT_STORE, LABEL_NAME, PORT_OBJECT_STORE
from infra import network, pods
from infra.backup_files import BUCKET, KEYS_FOLDER, TLS_FOLDER
from infra.components.backup_secrets import tls_mount, tls_volume
from infra.naming import SKIP_AWAIT, Identity
from infra.objects import object_metadata

if TYPE_CHECKING:
    from infra.backup_sections import EmbeddedStore
    from infra.components.backup_secrets import BackupSecrets

_DATA = "data"
_DATA_PATH = "/data"
_KEYS = "backup-store"
_STARTUP_S = 60
_LIMIT_S = 180


@dataclass(frozen=True)
class ObjectStoreArgs:
    """What the server runs and which keys it accepts."""

    settings: EmbeddedStore
    image: pulumi.Input[str]
    namespace: pulumi.Input[str]
    secrets: BackupSecrets
    environment: str
    protect: bool


class ObjectStore(pulumi.ComponentResource):
    """StatefulSet and Service `object-store`."""

    def __init__(self, name: str, args: ObjectStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the server, its Service and who may connect."""
        super().__init__("cryoprotect:data:ObjectStore", name, None, opts)
        self._args = args
        self._identity = Identity(name=APP_OBJECT_STORE, component="backup", environment=args.environment)
        self._metadata = partial(object_metadata, self._identity, args.namespace)
        self._child = pulumi.ResourceOptions(parent=self)
        core.v1.Service(
            "object-store",
            # Not awaited: the StatefulSet is, by its probes.
            metadata=self._metadata(name=APP_OBJECT_STORE, annotations={SKIP_AWAIT: "true"}),
            spec=core.v1.ServiceSpecArgs(
                selector=self._identity.selector(),
                ports=[core.v1.ServicePortArgs(name="s3", port=PORT_OBJECT_STORE, target_port=PORT_OBJECT_STORE)],
            ),
            opts=self._child,
        )
        clients = [network.pods({LABEL_NAME: app}) for app in (APP_BACKUP, APP_BACKUP_JOB)]
        network.policy(
            "object-store",
            metadata=self._metadata(),
            selector=self._identity.selector(),
            rules=([network.ingress(clients, PORT_OBJECT_STORE)], ()),
            opts=self._child,
        )
        self._server()
        self.register_outputs({})

    def _server(self) -> None:
        apps.v1.StatefulSet(
            "object-store",
            # Fixed, because the volume is found by this name.
            metadata=self._metadata(name=APP_OBJECT_STORE),
            spec=apps.v1.StatefulSetSpecArgs(
                service_name=APP_OBJECT_STORE,
                replicas=1,
                selector=meta.v1.LabelSelectorArgs(match_labels=self._identity.selector()),
                template=core.v1.PodTemplateSpecArgs(
                    metadata=meta.v1.ObjectMetaArgs(labels=self._identity.labels()), spec=self._pod()
                ),
                # The passphrase is deleted in the same update, and without it nobody can read what is stored.
                persistent_volume_claim_retention_policy=pods.claims_go_with_it(),
                volume_claim_templates=[
                    pods.volume_claim(_DATA, self._args.settings.storage, labels=self._identity.selector())
                ],
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=self._args.protect,
                custom_timeouts=pulumi.CustomTimeouts(create=f"{_LIMIT_S}s", update=f"{_LIMIT_S}s"),
            ),
        )

    def _pod(self) -> core.v1.PodSpecArgs:
        return core.v1.PodSpecArgs(
            automount_service_account_token=False,
            enable_service_links=False,
            termination_grace_period_seconds=30,
            security_context=pods.pod_security(pods.USER_APP),
            containers=[self._container()],
            volumes=[
                pods.tmp_volume(),
                pods.secret_volume(_KEYS, self._args.secrets.store),
                tls_volume(self._args.secrets.tls, APP_OBJECT_STORE),
            ],
        )

    def _container(self) -> core.v1.ContainerArgs:
        return core.v1.ContainerArgs(
            name=APP_OBJECT_STORE,
            image=self._args.image,
            image_pull_policy="IfNotPresent",
            args=[_DATA_PATH, BUCKET, KEYS_FOLDER, TLS_FOLDER, str(PORT_OBJECT_STORE)],
            ports=[core.v1.ContainerPortArgs(name="s3", container_port=PORT_OBJECT_STORE)],
            startup_probe=pods.tcp_probe(PORT_OBJECT_STORE, period_s=2, failures=_STARTUP_S // 2),
            readiness_probe=pods.tcp_probe(PORT_OBJECT_STORE, period_s=10, failures=3),
            liveness_probe=pods.tcp_probe(PORT_OBJECT_STORE, period_s=20, failures=6),
            resources=pods.container_resources(self._args.settings.resources),
            security_context=pods.container_security(),
            volume_mounts=[
                core.v1.VolumeMountArgs(name=_DATA, mount_path=_DATA_PATH),
                core.v1.VolumeMountArgs(name=_KEYS, mount_path=KEYS_FOLDER, read_only=True),
                tls_mount(),
                pods.tmp_mount(),
            ],
        )
