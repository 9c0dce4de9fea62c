"""Backups: taken, whole, proven and recent. Limits follow the schedules of environments/base.yaml."""

from __future__ import annotations

from functools import partial

from alerts.source.model import Alert, RuleFile, Scene, Series, Severity, Team

_STANZA = {"stanza": "main"}
# base.yaml starts a backup every six hours, a verification and a drill every day; a quarter is added for the run.
TOO_OLD_S = 27_000
MISSING_S = 54_000
PROOF_TOO_OLD_S = 108_000


_alert = partial(Alert, service="backup", team=Team.DATA)


def _ages(seconds: float) -> Series:
    age = 'pgbackrest_backup_since_last_completion_seconds{stanza="main", backup_type='
    # The older full set beside it must not count.
    return {f'{age}"full"}}': "500000", f'{age}"incr"}}': f"{seconds:g}"}


def _sets(exist: float) -> Series:
    status = {'pgbackrest_repo_status{stanza="main", job="backup"}': "0"}
    return {**status, **_ages(60)} if exist else status


_NEWEST = "min by (stanza) (pgbackrest_backup_since_last_completion_seconds)"

FILE = RuleFile(
    name="backup",
    component="backup",
    alerts=(
        _alert(
            name="BackupTooOld",
            severity=Severity.WARNING,
            expr=f"{_NEWEST} > {TOO_OLD_S}",
            for_s=600,
            summary="The newest backup is older than its schedule allows",
            description=(
                "The newest set of {{ $labels.stanza }} is {{ $value | humanizeDuration }} old; one is due every 6 h."
            ),
            scenes=(Scene(_ages, over=27_100, limit=TOO_OLD_S, healthy=3600, labels=_STANZA, settle_s=0),),
        ),
        _alert(
            name="BackupMissing",
            severity=Severity.CRITICAL,
            expr=f"{_NEWEST} > {MISSING_S}",
            for_s=0,
            summary="Two backups in a row are missing",
            description=(
                "The newest set of {{ $labels.stanza }} is {{ $value | humanizeDuration }} old; the limit is 15 h."
            ),
            scenes=(Scene(_ages, over=54_100, limit=MISSING_S, healthy=3600, labels=_STANZA, settle_s=60),),
        ),
        _alert(
            name="BackupNeverSucceeded",
            severity=Severity.CRITICAL,
            expr="pgbackrest_repo_status unless on (stanza) pgbackrest_backup_since_last_completion_seconds",
            for_s=28_800,
            summary="There is no backup at all",
            description="The repository of {{ $labels.stanza }} has held no complete set for 8 hours.",
            scenes=(
                Scene(
                    _sets,
                    over=0,
                    limit=1,
                    healthy=1,
                    labels={**_STANZA, "job": "backup"},
                    settle_s=0,
                ),
            ),
        ),
        _alert(
            name="BackupHostDown",
            severity=Severity.CRITICAL,
            expr='sum by (job) (up{job="backup"}) == 0\nor absent(up{job="backup"})',
            for_s=600,
            summary="The repository host does not answer, so no WAL is taken and no age of a backup is known",
            description="Prometheus has had no answer from the backup pod for 10 minutes.",
            scenes=(
                Scene(
                    lambda alive: {'up{job="backup", instance="a"}': f"{alive:g}"},
                    over=0,
                    limit=1,
                    healthy=1,
                    labels={"job": "backup"},
                    settle_s=0,
                    beside={'up{job="another"}': "0"},
                ),
            ),
            fires_without_data=({"job": "backup"},),
        ),
        _alert(
            name="BackupRepositoryUnreadable",
            severity=Severity.CRITICAL,
            expr="pgbackrest_repo_status > 0",
            for_s=600,
            summary="The backup repository cannot be read",
            description="The repository of {{ $labels.stanza }} has been unreadable for 10 minutes.",
            scenes=(
                Scene(
                    lambda status: {'pgbackrest_repo_status{stanza="main"}': f"{status:g}"},
                    over=1,
                    limit=0,
                    healthy=0,
                    labels=_STANZA,
                    settle_s=0,
                ),
            ),
        ),
        _alert(
            name="BackupHoldsDamage",
            severity=Severity.CRITICAL,
            expr="max by (stanza, backup_type) (pgbackrest_backup_error_status) > 0",
            for_s=0,
            summary="The newest backup holds pages whose checksum is wrong",
            description=(
                "The last {{ $labels.backup_type }} set of {{ $labels.stanza }} copied damaged pages of the database."
            ),
            scenes=(
                Scene(
                    lambda bad: {'pgbackrest_backup_error_status{stanza="main", backup_type="full"}': f"{bad:g}"},
                    over=1,
                    limit=0,
                    healthy=0,
                    labels={**_STANZA, "backup_type": "full"},
                ),
            ),
        ),
        _alert(
            name="BackupVerifyTooOld",
            severity=Severity.WARNING,
            expr=f'cryo_backup_verified_age_seconds{{level="2"}} > {PROOF_TOO_OLD_S}',
            for_s=3600,
            summary="No recent backup was verified byte by byte",
            description=(
                "The newest verified set of {{ $labels.stanza }} is {{ $value | humanizeDuration }} old; one is due "
                "a day."
            ),
            scenes=(
                Scene(
                    lambda age: {'cryo_backup_verified_age_seconds{stanza="main", level="2"}': f"{age:g}"},
                    over=110_000,
                    limit=PROOF_TOO_OLD_S,
                    healthy=40_000,
                    labels={**_STANZA, "level": "2"},
                    settle_s=0,
                    beside={'cryo_backup_verified_age_seconds{stanza="main", level="3"}': "900000"},
                ),
            ),
        ),
        _alert(
            name="RestoreDrillTooOld",
            severity=Severity.CRITICAL,
            expr=f'cryo_backup_verified_age_seconds{{level="3"}} > {2 * PROOF_TOO_OLD_S}',
            for_s=3600,
            summary="No server has been started from a backup for two days",
            description=(
                "The newest restored set of {{ $labels.stanza }} is {{ $value | humanizeDuration }} old; drills run "
                "daily."
            ),
            scenes=(
                Scene(
                    lambda age: {'cryo_backup_verified_age_seconds{stanza="main", level="3"}': f"{age:g}"},
                    over=220_000,
                    limit=2 * PROOF_TOO_OLD_S,
                    healthy=40_000,
                    labels={**_STANZA, "level": "3"},
                    settle_s=0,
                    beside={'cryo_backup_verified_age_seconds{stanza="main", level="2"}': "900000"},
                ),
            ),
        ),
        _alert(
            name="BackupSizeDropped",
            severity=Severity.WARNING,
            expr=("pgbackrest_backup_size_bytes\n< 0.5 * quantile_over_time(0.5, pgbackrest_backup_size_bytes[7d])"),
            for_s=3600,
            summary="The newest backup is less than half as large as usual",
            description=(
                "The last {{ $labels.backup_type }} set of {{ $labels.stanza }} restores to {{ $value | "
                "humanize1024 }}B, "
                "less than half the median of a week."
            ),
            scenes=(
                Scene(
                    lambda size: {
                        'pgbackrest_backup_size_bytes{stanza="main", backup_type="full"}': f"1000x600 {size:g}"
                    },
                    over=450,
                    limit=500,
                    healthy=1000,
                    labels={**_STANZA, "backup_type": "full"},
                    begins_s=180_300,
                    settle_s=180_600,
                ),
            ),
        ),
    ),
)
