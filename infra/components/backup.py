"""The repository host: a pod that takes the database's WAL over TLS, stores it, and shows Prometheus what is there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import apps, core, meta

from agents.runtime.names import (
    APP_BACKUP,
    APP_BACKUP_JOB,
    APP_OBJECT_STORE,
    APP_POSTGRES,
    APP_PROMETHEUS,
    LABEL_NAME,
    PORT_HTTP,
    PORT_OBJECT_STORE,
    PORT_PGBACKREST,
    SERVICE_ACCOUNT_BACKUP,
)
from infra import network, pods
from infra.backup_files import (
    CIPHER_FOLDER,
    KEYS_FOLDER,
    PRIVATE_FOLDER,
    SETTINGS_FILE,
    SETTINGS_FOLDER,
    VOLUME_FOLDER,
    agent_settings,
)
from infra.components.backup_secrets import tls_mount, tls_volume
from infra.naming import SKIP_AWAIT, Identity
from infra.objects import object_metadata

if TYPE_CHECKING:
    from infra.backup_sections import Backup as Settings
    from infra.components.backup_secrets import BackupSecrets

REPOSITORY_VOLUME = "repository"
_CIPHER, _KEYS, _PRIVATE, _SETTINGS = "backup-cipher", "backup-store", "private", "settings"
# Cited: answers when the TLS server accepts connections; it authenticates nobody.
_PING = ["/usr/bin/pgbackrest", "server-ping"]
_STARTUP_S = 120
_LIMIT_S = 240


@dataclass(frozen=True)
class BackupArgs:
    """What runs, with which secrets."""

    settings: Settings
    image: pulumi.Input[str]
    namespace: pulumi.Input[str]
    secrets: BackupSecrets
    environment: str
    version: str
    protect: bool


class Backup(pulumi.ComponentResource):
    """StatefulSet and Service `backup`, and what its Jobs share with it."""

    config: pulumi.Output[str]
    account: pulumi.Output[str]

    def __init__(self, name: str, args: BackupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the pod; it waits for the database, so it does not have to be up first."""
        super().__init__("cryoprotect:data:Backup", name, None, opts)
        self._args = args
        self._identity = Identity(name=APP_BACKUP, component="backup", environment=args.environment)
        self._metadata = partial(object_metadata, self._identity, args.namespace)
        self._child = pulumi.ResourceOptions(parent=self)
        account = core.v1.ServiceAccount(
            "backup",
            metadata=self._metadata(name=SERVICE_ACCOUNT_BACKUP),
            automount_service_account_token=False,
            opts=self._child,
        )
        self.account = account.metadata.name
        settings = core.v1.ConfigMap(
            "backup", metadata=self._metadata(), data={SETTINGS_FILE: agent_settings(args.settings)}, opts=self._child
        )
        self.config = settings.metadata.name
        self._policy()
        core.v1.Service(
            "backup",
            # Not awaited: the StatefulSet is, by its probes.
            metadata=self._metadata(name=APP_BACKUP, annotations={SKIP_AWAIT: "true"}),
            spec=core.v1.ServiceSpecArgs(
                selector=self._identity.selector(),
                ports=[core.v1.ServicePortArgs(name="pgbackrest", port=PORT_PGBACKREST, target_port=PORT_PGBACKREST)],
            ),
            opts=self._child,
        )
        self._host()
        self.register_outputs({})

    def _host(self) -> None:
        volume = self._args.settings.repository.volume
        labels = self._identity.at(self._args.version).labels()
        apps.v1.StatefulSet(
            "backup",
            # Fixed, because a repository on a volume is found by this name.
            metadata=self._metadata(name=APP_BACKUP),
            spec=apps.v1.StatefulSetSpecArgs(
                service_name=APP_BACKUP,
                replicas=1,
                selector=meta.v1.LabelSelectorArgs(match_labels=self._identity.selector()),
                template=core.v1.PodTemplateSpecArgs(metadata=meta.v1.ObjectMetaArgs(labels=labels), spec=self._pod()),
                # The passphrase is deleted in the same update, and without it nobody can read what is stored.
                persistent_volume_claim_retention_policy=pods.claims_go_with_it() if volume is not None else None,
                volume_claim_templates=[pods.volume_claim(REPOSITORY_VOLUME, volume, labels=self._identity.selector())]
                if volume is not None
                else None,
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=self._args.protect and volume is not None,
                custom_timeouts=pulumi.CustomTimeouts(create=f"{_LIMIT_S}s", update=f"{_LIMIT_S}s"),
            ),
        )

    def _pod(self) -> core.v1.PodSpecArgs:
        return core.v1.PodSpecArgs(
            service_account_name=self.account,
            automount_service_account_token=False,
            enable_service_links=False,
            termination_grace_period_seconds=60,
            security_context=pods.pod_security(pods.USER_POSTGRES),
            containers=[self._repository(), self._exporter()],
            # Each container has configuration and locks of its own.
            volumes=[pods.tmp_volume(), *self.volumes("private-exporter")],
        )

    def _repository(self) -> core.v1.ContainerArgs:
        return core.v1.ContainerArgs(
            name="repository",
            image=self._args.image,
            image_pull_policy="IfNotPresent",
            args=["-m", "agents.backup", "serve"],
            env=environment(self._args.version),
            ports=[core.v1.ContainerPortArgs(name="pgbackrest", container_port=PORT_PGBACKREST)],
            startup_probe=pods.exec_probe(_PING, period_s=2, failures=_STARTUP_S // 2),
            readiness_probe=pods.exec_probe(_PING, period_s=10, failures=3),
            liveness_probe=pods.exec_probe(_PING, period_s=20, failures=6),
            resources=pods.container_resources(self._args.settings.resources),
            security_context=pods.container_security(),
            volume_mounts=self.mounts(),
        )

    def _exporter(self) -> core.v1.ContainerArgs:
        return core.v1.ContainerArgs(
            name="exporter",
            image=self._args.image,
            image_pull_policy="IfNotPresent",
            args=["-m", "agents.backup", "export"],
            env=environment(self._args.version),
            ports=[core.v1.ContainerPortArgs(name="http", container_port=PORT_HTTP)],
            startup_probe=pods.http_probe("/metrics", PORT_HTTP, period_s=2, failures=_STARTUP_S // 2),
            readiness_probe=pods.http_probe("/metrics", PORT_HTTP, period_s=10, failures=3),
            liveness_probe=pods.http_probe("/metrics", PORT_HTTP, period_s=20, failures=6, timeout_s=5),
            resources=pods.container_resources(self._args.settings.resources),
            security_context=pods.container_security(),
            volume_mounts=self.mounts("private-exporter"),
        )

    def volumes(self, *more_private: str) -> list[core.v1.VolumeArgs]:
        """Return the volumes of every pod that reaches the repository directly."""
        secrets, memory = self._args.secrets, core.v1.EmptyDirVolumeSourceArgs(medium="Memory", size_limit="16Mi")
        outside = self._args.settings.repository.s3
        found = [
            core.v1.VolumeArgs(name=_SETTINGS, config_map=core.v1.ConfigMapVolumeSourceArgs(name=self.config)),
            pods.secret_volume(_CIPHER, secrets.cipher),
            tls_volume(secrets.tls, APP_BACKUP),
            *(core.v1.VolumeArgs(name=name, empty_dir=memory) for name in (_PRIVATE, *more_private)),
        ]
        if self._args.settings.repository.volume is None:
            found.append(pods.secret_volume(_KEYS, outside.keys_secret if outside else secrets.store))
        return found

    def mounts(self, private: str = _PRIVATE) -> list[core.v1.VolumeMountArgs]:
        """Return where a container finds them."""
        found = [
            core.v1.VolumeMountArgs(name=_SETTINGS, mount_path=SETTINGS_FOLDER, read_only=True),
            core.v1.VolumeMountArgs(name=_CIPHER, mount_path=CIPHER_FOLDER, read_only=True),
            tls_mount(),
            core.v1.VolumeMountArgs(name=private, mount_path=PRIVATE_FOLDER),
            pods.tmp_mount(),
        ]
        if self._args.settings.repository.volume is None:
            return [*found, core.v1.VolumeMountArgs(name=_KEYS, mount_path=KEYS_FOLDER, read_only=True)]
        return [*found, core.v1.VolumeMountArgs(name=REPOSITORY_VOLUME, mount_path=VOLUME_FOLDER)]

    def outgoing(self) -> list[network.Egress]:
        """Return what every pod that reaches the repository and the database may connect to."""
        rules = [network.dns(), network.egress([network.pods({LABEL_NAME: APP_POSTGRES})], PORT_PGBACKREST)]
        repository = self._args.settings.repository
        if repository.embedded is not None:
            rules.append(network.egress([network.pods({LABEL_NAME: APP_OBJECT_STORE})], PORT_OBJECT_STORE))
        if repository.s3 is not None:
            rules.append(network.egress([network.nodes()], repository.s3.port))
        return rules

    def _policy(self) -> None:
        network.policy(
            "backup",
            metadata=self._metadata(),
            selector=self._identity.selector(),
            rules=(
                [
                    network.ingress(
                        [network.pods({LABEL_NAME: app}) for app in (APP_POSTGRES, APP_BACKUP_JOB)], PORT_PGBACKREST
                    ),
                    network.ingress([network.pods({LABEL_NAME: APP_PROMETHEUS})], PORT_HTTP),
                ],
                self.outgoing(),
            ),
            opts=self._child,
        )


def environment(version: str) -> list[core.v1.EnvVarArgs]:
    """Return the variables of every container of the backup agent."""
    values = {"CRYO_BACKUP_SETTINGS": f"{SETTINGS_FOLDER}/{SETTINGS_FILE}", "CRYO_VERSION": version}
    return [core.v1.EnvVarArgs(name=name, value=value) for name, value in sorted(values.items())]
