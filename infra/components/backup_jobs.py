"""When backups run: one CronJob per schedule, and two that never fire, from which `cryo backup` makes its Jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import batch, core, meta

from agents.runtime.names import APP_BACKUP, APP_BACKUP_JOB, LABEL_BACKUP_VERB, LABEL_NAME
from infra import network, pods
from infra.agent_job import failure_policy
from infra.components.backup import REPOSITORY_VOLUME, environment
from infra.naming import Identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.backup_sections import Backup as Settings
    from infra.components.backup import Backup

# Cited: CronJob needs a schedule even while it is suspended; this day never comes.
_NEVER = "0 0 31 2 *"
_DATABASE_CLAIM = "data-postgres-0"
_DATABASE_FOLDER = "/var/lib/postgresql/data"
_SCRATCH, _SCRATCH_PATH = "scratch", "/scratch"
# Chosen: pgBackRest ends its transfers and removes its locks within seconds.
_GRACE_S = 60


@dataclass(frozen=True)
class BackupJobsArgs:
    """What the Jobs run."""

    settings: Settings
    host: Backup
    image: pulumi.Input[str]
    namespace: pulumi.Input[str]
    environment: str
    version: str


class BackupJobs(pulumi.ComponentResource):
    """CronJobs of the schedules, `command` and `restore`."""

    def __init__(self, name: str, args: BackupJobsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare them; the database's volume is mounted by `restore` alone."""
        super().__init__("cryoprotect:data:BackupJobs", name, None, opts)
        self._args = args
        self._identity = Identity(name=APP_BACKUP_JOB, component="backup", environment=args.environment)
        self._child = pulumi.ResourceOptions(parent=self)
        network.policy(
            "backup-jobs",
            metadata=meta.v1.ObjectMetaArgs(namespace=args.namespace, labels=self._identity.labels()),
            selector=self._identity.selector(),
            rules=((), args.host.outgoing()),
            opts=self._child,
        )
        schedules = args.settings.schedules
        self._job("full", ["run", "--type", "full"], schedules.full)
        self._job("diff", ["run", "--type", "diff"], schedules.diff)
        self._job("incr", ["run", "--type", "incr"], schedules.incr)
        self._job("verify", ["verify", "--then-expire"], schedules.verify)
        self._job("drill", ["drill", "--scratch", _SCRATCH_PATH], schedules.drill)
        self._job("command", ["list"], None)
        self._job("restore", ["restore", "--in-place", "--dry-run"], None, with_database=True)
        self.register_outputs({})

    def _job(self, verb: str, arguments: Sequence[str], schedule: str | None, *, with_database: bool = False) -> None:
        settings = self._args.settings
        labels = self._identity.labels() | {LABEL_BACKUP_VERB: verb}
        batch.v1.CronJob(
            f"backup-{verb}",
            metadata=meta.v1.ObjectMetaArgs(namespace=self._args.namespace, labels=labels),
            spec=batch.v1.CronJobSpecArgs(
                schedule=schedule or _NEVER,
                suspend=schedule is None,
                time_zone=settings.time_zone,
                concurrency_policy="Forbid",
                starting_deadline_seconds=settings.start_deadline_s,
                successful_jobs_history_limit=settings.history,
                failed_jobs_history_limit=settings.history,
                job_template=batch.v1.JobTemplateSpecArgs(
                    metadata=meta.v1.ObjectMetaArgs(labels=labels),
                    spec=batch.v1.JobSpecArgs(
                        backoff_limit=0,
                        active_deadline_seconds=settings.deadline_s,
                        pod_failure_policy=failure_policy(APP_BACKUP_JOB),
                        template=core.v1.PodTemplateSpecArgs(
                            metadata=meta.v1.ObjectMetaArgs(
                                labels=self._identity.at(self._args.version).labels() | {LABEL_BACKUP_VERB: verb}
                            ),
                            spec=self._pod(arguments, with_database=with_database),
                        ),
                    ),
                ),
            ),
            opts=self._child,
        )

    def _pod(self, arguments: Sequence[str], *, with_database: bool) -> core.v1.PodSpecArgs:
        host, settings = self._args.host, self._args.settings
        volumes, mounts = [pods.tmp_volume(), *host.volumes()], host.mounts()
        room = core.v1.EmptyDirVolumeSourceArgs(size_limit=settings.scratch)
        volumes.append(core.v1.VolumeArgs(name=_SCRATCH, empty_dir=room))
        mounts.append(core.v1.VolumeMountArgs(name=_SCRATCH, mount_path=_SCRATCH_PATH))
        if settings.repository.volume is not None:
            volumes.append(_claim(REPOSITORY_VOLUME, f"{REPOSITORY_VOLUME}-{APP_BACKUP}-0"))
        if with_database:
            volumes.append(_claim("database", _DATABASE_CLAIM))
            mounts.append(core.v1.VolumeMountArgs(name="database", mount_path=_DATABASE_FOLDER))
        return core.v1.PodSpecArgs(
            restart_policy="Never",
            service_account_name=host.account,
            automount_service_account_token=False,
            enable_service_links=False,
            termination_grace_period_seconds=_GRACE_S,
            security_context=pods.pod_security(pods.USER_POSTGRES),
            affinity=_beside_the_host() if settings.repository.volume is not None else None,
            containers=[
                core.v1.ContainerArgs(
                    name=APP_BACKUP_JOB,
                    image=self._args.image,
                    image_pull_policy="IfNotPresent",
                    args=["-m", "agents.backup", *arguments],
                    env=environment(self._args.version),
                    termination_message_policy="FallbackToLogsOnError",
                    resources=pods.container_resources(settings.resources),
                    security_context=pods.container_security(),
                    volume_mounts=mounts,
                )
            ],
            volumes=volumes,
        )


def _claim(volume: str, claim: str) -> core.v1.VolumeArgs:
    source = core.v1.PersistentVolumeClaimVolumeSourceArgs(claim_name=claim)
    return core.v1.VolumeArgs(name=volume, persistent_volume_claim=source)


def _beside_the_host() -> core.v1.AffinityArgs:
    """Return the rule that a volume for one node asks for."""
    term = core.v1.PodAffinityTermArgs(
        topology_key="kubernetes.io/hostname",
        label_selector=meta.v1.LabelSelectorArgs(match_labels={LABEL_NAME: APP_BACKUP}),
    )
    return core.v1.AffinityArgs(
        pod_affinity=core.v1.PodAffinityArgs(required_during_scheduling_ignored_during_execution=[term])
    )
