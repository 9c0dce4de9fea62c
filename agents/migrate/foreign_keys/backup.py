"""Whether rows may be changed: only with a backup that was proven to restore, or with a reason given by a person."""

from datetime import timedelta

from agents.migrate.foreign_keys.catalog import load_sql
from agents.migrate.foreign_keys.errors import BackupMissingError
from agents.migrate.runner import Runner
from agents.runtime.clock import format_rfc3339

# Cited: issue 6, level 3 is the first at which the backup was restored into an instance of its own.
MIN_VERIFIED_LEVEL = 3
# Chosen: backups are taken daily, and what was written since the last one can be recovered from its WAL.
MAX_AGE = timedelta(hours=24)


def require_backup(runner: Runner) -> str:
    """Return what makes it safe to change rows, for the log and the report.

    All three actions need it: set-null and delete lose a value, and a quarantined row is gone from where its owner
    looks for it, with no command that would put it back.

    Raises:
        BackupMissingError: there is no such backup, and nobody said why it may be done without.
    """
    if runner.unbacked_because:
        told = f"without backup: {runner.unbacked_because}"
        runner.log.warning("migrate.backup.waived", reason=runner.unbacked_because)
        return told
    now = runner.clock.now()
    exists = runner.conn.execute(load_sql("catalogue_exists")).fetchone()
    row = None
    if exists and exists[0]:
        parameters = {"level": MIN_VERIFIED_LEVEL, "since": now - MAX_AGE, "now": now}
        row = runner.conn.execute(load_sql("verified_backup"), parameters).fetchone()
    if row is None:
        message = (
            f"rows would be changed or deleted, but no backup of the last {MAX_AGE // timedelta(hours=1)} h is done "
            f"and verified to level {MIN_VERIFIED_LEVEL} (restored) in public.backup_catalogue; no row was changed; "
            'take and verify a backup, or run apply with --without-backup "<reason>"'
        )
        raise BackupMissingError(message)
    label, level, finished_at = row
    told = f"backup {label}, verified to level {level}, finished {format_rfc3339(finished_at)}"  # type: ignore[arg-type]
    runner.log.info("migrate.backup.found", backup=told)
    return told
