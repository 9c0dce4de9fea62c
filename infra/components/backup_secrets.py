"""Secrets of the backup, made by the first update and kept: certificates, the passphrase, the store's keys."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import core, meta

from agents.runtime.names import APP_BACKUP, APP_OBJECT_STORE, APP_POSTGRES
from infra.backup_files import CIPHER_ENTRY, TLS_FOLDER
from infra.certificates import AUTHORITY, make_certificates
from infra.naming import Identity
from infra.pods import SECRET_FILE_MODE

if TYPE_CHECKING:
    from collections.abc import Mapping

# Chosen: 32 random bytes; no search reaches it.
_RANDOM_BYTES = 32
TLS_VOLUME = "backup-tls"


@dataclass(frozen=True)
class BackupSecretsArgs:
    """Where the secrets live."""

    namespace: pulumi.Input[str]
    environment: str
    protect: bool


class BackupSecrets(pulumi.ComponentResource):
    """Secrets `backup-tls`, `backup-cipher` and `backup-store`."""

    tls: pulumi.Output[str]
    cipher: pulumi.Output[str]
    store: pulumi.Output[str]

    def __init__(self, name: str, args: BackupSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare them; lost without the passphrase is every backup, so it is protected like the data."""
        super().__init__("cryoprotect:data:BackupSecrets", name, None, opts)
        self._args = args
        certificates = make_certificates((APP_BACKUP, APP_POSTGRES, APP_OBJECT_STORE))
        self.tls = self._secret("backup-tls", certificates, protect=False)
        self.cipher = self._secret("backup-cipher", {CIPHER_ENTRY: _random()}, protect=args.protect)
        self.store = self._secret("backup-store", {"key-id": b"backup", "key": _random()}, protect=False)
        self.register_outputs({"tls": self.tls, "cipher": self.cipher, "store": self.store})

    def _secret(self, name: str, files: Mapping[str, bytes], *, protect: bool) -> pulumi.Output[str]:
        identity = Identity(name=APP_BACKUP, component="credentials", environment=self._args.environment)
        made = core.v1.Secret(
            name,
            metadata=meta.v1.ObjectMetaArgs(namespace=self._args.namespace, labels=identity.labels()),
            immutable=True,
            type="Opaque",
            data={entry: pulumi.Output.secret(base64.b64encode(value).decode()) for entry, value in files.items()},
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=protect,
                # As for the passwords (ADR 0004): each run makes new values, only those of the first are ever used.
                ignore_changes=["data"],
                additional_secret_outputs=["data"],
            ),
        )
        return made.metadata.name


def tls_volume(secret: pulumi.Input[str], name: str) -> core.v1.VolumeArgs:
    """Return the certificate of one part under the names that every part uses."""
    entries = {AUTHORITY: AUTHORITY, f"{name}.crt": "tls.crt", f"{name}.key": "tls.key"}
    source = core.v1.SecretVolumeSourceArgs(
        secret_name=secret,
        default_mode=SECRET_FILE_MODE,
        items=[core.v1.KeyToPathArgs(key=key, path=path) for key, path in entries.items()],
    )
    return core.v1.VolumeArgs(name=TLS_VOLUME, secret=source)


def tls_mount() -> core.v1.VolumeMountArgs:
    """Return where every part finds its certificate."""
    return core.v1.VolumeMountArgs(name=TLS_VOLUME, mount_path=TLS_FOLDER, read_only=True)


def _random() -> bytes:
    return secrets.token_urlsafe(_RANDOM_BYTES).encode()
