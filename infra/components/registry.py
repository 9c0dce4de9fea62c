"""The writable model registry: one volume that both colours of the model server and every training share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import core, meta

from agents.runtime.names import APP_MODEL_SERVER
from infra.components.slot import Attachments
from infra.naming import SKIP_AWAIT, Identity

if TYPE_CHECKING:
    from infra.config import RegistryVolume

REGISTRY_PATH = "/var/lib/registry"
_VOLUME = "registry"


@dataclass(frozen=True)
class RegistryArgs:
    """The volume's settings and where it lives."""

    settings: RegistryVolume
    namespace: pulumi.Input[str]
    environment: str
    protect: bool


class Registry(pulumi.ComponentResource):
    """PersistentVolumeClaim `registry`."""

    claim: pulumi.Output[str]

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the claim."""
        super().__init__("cryoprotect:data:Registry", name, None, opts)
        identity = Identity(name=APP_MODEL_SERVER, component="registry", environment=args.environment)
        storage = args.settings.storage
        claim = core.v1.PersistentVolumeClaim(
            "registry",
            # Not awaited: where volumes are bound by their first pod, that pod comes after this object.
            metadata=meta.v1.ObjectMetaArgs(
                namespace=args.namespace, labels=identity.labels(), annotations={SKIP_AWAIT: "true"}
            ),
            spec=core.v1.PersistentVolumeClaimSpecArgs(
                access_modes=[args.settings.access_mode],
                storage_class_name=storage.storage_class,
                volume_mode="Filesystem",
                resources=core.v1.VolumeResourceRequirementsArgs(requests={"storage": storage.size}),
            ),
            # What the cluster fills in when it binds the volume is no drift.
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=args.protect,
                ignore_changes=["spec.storageClassName"] if storage.storage_class is None else None,
            ),
        )
        self.claim = claim.metadata.name
        self.register_outputs({"claim": self.claim})

    def attach(self) -> Attachments:
        """Return what a model server needs to use it."""
        source = core.v1.PersistentVolumeClaimVolumeSourceArgs(claim_name=self.claim)
        return Attachments(
            settings={"CRYO_REGISTRY_DIR": REGISTRY_PATH},
            volumes=[core.v1.VolumeArgs(name=_VOLUME, persistent_volume_claim=source)],
            mounts=[core.v1.VolumeMountArgs(name=_VOLUME, mount_path=REGISTRY_PATH)],
        )
