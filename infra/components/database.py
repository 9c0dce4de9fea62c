"""PostgreSQL: one instance on a volume that outlives it, with the password as a file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import apps, core, meta

from agents.runtime.names import (
    APP_BACKUP,
    APP_BACKUP_JOB,
    APP_FLAGS,
    APP_MIGRATE,
    APP_ONCALL,
    APP_POSTGRES,
    APP_RELEASE,
    LABEL_NAME,
    PORT_PGBACKREST,
    PORT_POSTGRES,
    login_name,
)
from infra import network, pods
from infra.backup_files import CONFIG_FILE, CONFIG_FOLDER, SPOOL, database_config, server_arguments
from infra.components.backup_secrets import tls_mount, tls_volume
from infra.naming import SKIP_AWAIT, Identity
from infra.objects import object_metadata

if TYPE_CHECKING:
    from infra.backup_sections import Backup
    from infra.config import Database as Settings

DATABASE = "cryoprotect"
SUPERUSER = "postgres"
PASSWORD_FOLDER = "/run/secrets/postgres"  # noqa: S105 - a path
_DATA = "data"
_DATA_PATH = "/var/lib/postgresql/data"
# The pg_isready on PATH of Debian is a Perl wrapper; the image holds no Perl.
_PG_ISREADY = ["/usr/lib/postgresql/17/bin/pg_isready", "-q", "-h", "127.0.0.1", "-U", SUPERUSER, "-d", DATABASE]
_PROBE_PERIOD_S = 2
_EXTRA_WAIT_S = 60
# Agents that answer HTTP and keep a pool of connections.
_SERVICES = (APP_FLAGS, APP_ONCALL)
_PASSWORD, _SOCKETS, _CONFIG, _SPOOL = "password", "sockets", "pgbackrest", "spool"
# The password goes from its file into libpq's own file in this pod's memory, through no argument and no environment.
_SERVE_BACKUPS = (
    "umask 077; mkdir -p /tmp/home; "
    f"printf '*:*:*:*:%s\\n' \"$(cat {PASSWORD_FOLDER}/password)\" >/tmp/home/.pgpass; "
    "export PGPASSFILE=/tmp/home/.pgpass; exec pgbackrest server --log-level-console=warn"
)
_PING = ["/usr/bin/pgbackrest", "server-ping"]


@dataclass(frozen=True)
class Archiving:
    """Where WAL goes, and who may read the data folder for a backup."""

    settings: Backup
    tls_secret: pulumi.Input[str]


@dataclass(frozen=True)
class DatabaseArgs:
    """What the database runs and which Secret holds its password."""

    settings: Settings
    image: pulumi.Input[str]
    namespace: pulumi.Input[str]
    password_secret: pulumi.Input[str]
    environment: str
    protect: bool
    archiving: Archiving | None = None


class Database(pulumi.ComponentResource):
    """StatefulSet and Service `postgres`."""

    host: pulumi.Output[str]

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the server, its Service and who may connect."""
        super().__init__("cryoprotect:data:Database", name, None, opts)
        self._args = args
        self._identity = Identity(name=APP_POSTGRES, component="database", environment=args.environment)
        self._metadata = partial(object_metadata, self._identity, args.namespace)
        child = pulumi.ResourceOptions(parent=self)
        service = core.v1.Service(
            "postgres",
            metadata=self._metadata(name=APP_POSTGRES, annotations={SKIP_AWAIT: "true"}),
            # Not awaited: it would cost a 10 s settle and prove nothing. The StatefulSet is awaited by its probes, and
            # the migration Job connects through this Service.
            spec=core.v1.ServiceSpecArgs(
                selector=self._identity.selector(),
                ports=[
                    core.v1.ServicePortArgs(name=name, port=port, target_port=port)
                    for name, port in (("postgres", PORT_POSTGRES), ("pgbackrest", PORT_PGBACKREST))
                    if name == "postgres" or args.archiving is not None
                ],
            ),
            opts=child,
        )
        self._policy(child)
        self._config = self._pgbackrest_config(child)
        self._server(service)
        self.host = service.metadata.name
        self.register_outputs({"host": self.host})

    def _server(self, service: core.v1.Service) -> apps.v1.StatefulSet:
        settings = self._args.settings
        return apps.v1.StatefulSet(
            "postgres",
            # A fixed name, unlike everything else that Pulumi may replace: the volume is found by this name, so a
            # replaced StatefulSet comes back with its data instead of an empty volume.
            metadata=self._metadata(name=APP_POSTGRES),
            spec=apps.v1.StatefulSetSpecArgs(
                service_name=service.metadata.name,
                replicas=1,
                selector=meta.v1.LabelSelectorArgs(match_labels=self._identity.selector()),
                template=core.v1.PodTemplateSpecArgs(
                    metadata=meta.v1.ObjectMetaArgs(labels=self._identity.labels()),
                    spec=self._pod(),
                ),
                volume_claim_templates=[pods.volume_claim(_DATA, settings.storage, labels=self._identity.selector())],
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=self._args.protect,
                custom_timeouts=pulumi.CustomTimeouts(
                    create=f"{settings.startup_s + _EXTRA_WAIT_S}s",
                    update=f"{settings.startup_s + settings.grace_s + _EXTRA_WAIT_S}s",
                ),
            ),
        )

    def _pod(self) -> core.v1.PodSpecArgs:
        settings = self._args.settings
        return core.v1.PodSpecArgs(
            automount_service_account_token=False,
            enable_service_links=False,
            termination_grace_period_seconds=settings.grace_s,
            security_context=pods.pod_security(pods.USER_POSTGRES),
            containers=[
                core.v1.ContainerArgs(
                    name=APP_POSTGRES,
                    image=self._args.image,
                    image_pull_policy="IfNotPresent",
                    args=server_arguments(self._args.archiving.settings) if self._args.archiving else None,
                    ports=[core.v1.ContainerPortArgs(name="postgres", container_port=PORT_POSTGRES)],
                    startup_probe=pods.exec_probe(
                        _PG_ISREADY, period_s=_PROBE_PERIOD_S, failures=settings.startup_s // _PROBE_PERIOD_S
                    ),
                    readiness_probe=pods.exec_probe(_PG_ISREADY, period_s=5, failures=3),
                    # Chosen: patient, because a restart under load costs more than a slow answer.
                    liveness_probe=pods.exec_probe(_PG_ISREADY, period_s=10, failures=6),
                    resources=pods.container_resources(settings.resources),
                    security_context=pods.container_security(),
                    volume_mounts=[
                        *self._mounts(),
                        core.v1.VolumeMountArgs(name="shared-memory", mount_path="/dev/shm"),  # noqa: S108 - in the pod
                    ],
                ),
                *([self._backup_server(self._args.archiving)] if self._args.archiving else []),
            ],
            volumes=self._volumes(),
        )

    def _backup_server(self, archiving: Archiving) -> core.v1.ContainerArgs:
        """Return the server that lets the repository host read the data folder, after it showed its certificate."""
        return core.v1.ContainerArgs(
            name="pgbackrest",
            image=self._args.image,
            image_pull_policy="IfNotPresent",
            command=["/usr/bin/sh", "-c", _SERVE_BACKUPS],
            ports=[core.v1.ContainerPortArgs(name="pgbackrest", container_port=PORT_PGBACKREST)],
            startup_probe=pods.exec_probe(_PING, period_s=2, failures=60),
            readiness_probe=pods.exec_probe(_PING, period_s=10, failures=3),
            liveness_probe=pods.exec_probe(_PING, period_s=20, failures=6),
            resources=pods.container_resources(archiving.settings.resources),
            security_context=pods.container_security(),
            volume_mounts=self._mounts(),
        )

    def _mounts(self) -> list[core.v1.VolumeMountArgs]:
        found = [
            core.v1.VolumeMountArgs(name=_DATA, mount_path=_DATA_PATH),
            core.v1.VolumeMountArgs(name=_PASSWORD, mount_path=PASSWORD_FOLDER, read_only=True),
            core.v1.VolumeMountArgs(name=_SOCKETS, mount_path="/var/run/postgresql"),
            pods.tmp_mount(),
        ]
        if self._args.archiving is None:
            return found
        return [
            *found,
            core.v1.VolumeMountArgs(name=_CONFIG, mount_path=CONFIG_FOLDER, read_only=True),
            core.v1.VolumeMountArgs(name=_SPOOL, mount_path=SPOOL),
            tls_mount(),
        ]

    def _pgbackrest_config(self, opts: pulumi.ResourceOptions) -> core.v1.ConfigMap | None:
        if self._args.archiving is None:
            return None
        text = database_config(self._args.archiving.settings)
        return core.v1.ConfigMap("postgres", metadata=self._metadata(), data={CONFIG_FILE: text}, opts=opts)

    def _volumes(self) -> list[core.v1.VolumeArgs]:
        memory = core.v1.EmptyDirVolumeSourceArgs(medium="Memory", size_limit=self._args.settings.shared_memory)
        password = core.v1.SecretVolumeSourceArgs(
            secret_name=self._args.password_secret, default_mode=pods.SECRET_FILE_MODE
        )
        return [
            *self._archiving_volumes(),
            core.v1.VolumeArgs(name=_PASSWORD, secret=password),
            core.v1.VolumeArgs(name=_SOCKETS, empty_dir=core.v1.EmptyDirVolumeSourceArgs(size_limit="1Mi")),
            core.v1.VolumeArgs(name="shared-memory", empty_dir=memory),
            pods.tmp_volume(),
        ]

    def _archiving_volumes(self) -> list[core.v1.VolumeArgs]:
        if self._args.archiving is None or self._config is None:
            return []
        config = core.v1.ConfigMapVolumeSourceArgs(name=self._config.metadata.name)
        return [
            core.v1.VolumeArgs(name=_CONFIG, config_map=config),
            core.v1.VolumeArgs(name=_SPOOL, empty_dir=core.v1.EmptyDirVolumeSourceArgs(size_limit="64Mi")),
            tls_volume(self._args.archiving.tls_secret, APP_POSTGRES),
        ]

    def _policy(self, opts: pulumi.ResourceOptions) -> None:
        clients = [
            network.pods({LABEL_NAME: app})
            for app in (APP_MIGRATE, APP_RELEASE, *_SERVICES, *map(login_name, _SERVICES))
        ]
        incoming, outgoing = [network.ingress(clients, PORT_POSTGRES)], []
        if self._args.archiving is not None:
            readers = [network.pods({LABEL_NAME: app}) for app in (APP_BACKUP, APP_BACKUP_JOB)]
            incoming.append(network.ingress(readers, PORT_PGBACKREST))
            outgoing = [network.dns(), network.egress([network.pods({LABEL_NAME: APP_BACKUP})], PORT_PGBACKREST)]
        network.policy(
            "postgres",
            metadata=self._metadata(),
            selector=self._identity.selector(),
            rules=(incoming, outgoing),
            opts=opts,
        )
