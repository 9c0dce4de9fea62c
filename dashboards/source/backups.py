"""Backups: recent, whole and proven."""

from dashboards.source.model import Dashboard, Panel, Query, Unit, watched

DASHBOARD = Dashboard(
    name="backups",
    title="Backups",
    says="Whether the database could be brought back now, and how much would be lost.",
    panels=(
        watched(
            "BackupTooOld",
            "Age of the newest set",
            "Saw teeth as wide as the schedule. The first line is one late run, the second two missing ones.",
            Unit.SECONDS,
            "{{stanza}}",
        ).with_line("BackupMissing"),
        Panel(
            "Repositories and their sets",
            "Status of each repository beside the kinds of set it holds. A status without a set is no backup at all.",
            (
                Query("pgbackrest_repo_status", "{{stanza}} status"),
                Query(
                    "count by (stanza, backup_type) (pgbackrest_backup_since_last_completion_seconds)",
                    "{{stanza}} {{backup_type}} exists",
                ),
            ),
            Unit.COUNT,
            ("BackupNeverSucceeded",),
        ),
        watched("BackupHostDown", "Repository host answers", "At zero no WAL is taken.", Unit.COUNT, "{{job}}"),
        watched(
            "BackupRepositoryUnreadable",
            "Repository status",
            "Zero is readable; pgBackRest's codes for everything else. Alone, without an age, there is no set yet.",
            Unit.COUNT,
            "{{stanza}}",
        ),
        watched(
            "BackupHoldsDamage",
            "Damaged pages in the newest set",
            "Over zero the database itself holds pages whose checksum is wrong.",
            Unit.COUNT,
            "{{stanza}} {{backup_type}}",
        ),
        watched(
            "BackupVerifyTooOld",
            "Age of the last verification",
            "Every file of a set was read and its checksum compared. Empty until the first.",
            Unit.SECONDS,
            "level {{level}}",
        ),
        watched(
            "RestoreDrillTooOld",
            "Age of the last restore drill",
            "A set was restored and asked. Empty until the first.",
            Unit.SECONDS,
            "level {{level}}",
        ),
        Panel(
            "Size of sets",
            "A set of half the usual size has lost something. Empty until the first.",
            (Query("pgbackrest_backup_size_bytes", "{{stanza}} {{backup_type}}"),),
            Unit.BYTES,
            ("BackupSizeDropped",),
        ),
    ),
)
