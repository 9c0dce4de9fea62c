"""Physical sets as answers: for a machine as plain values, for a person as one line."""

from agents.backup.engine import BackupSet
from agents.backup.marks import PROVEN_LEVEL, verified_level
from agents.backup.pgbackrest.restore import Window
from agents.runtime.clock import format_rfc3339


def plain_window(window: Window) -> dict[str, str]:
    """Return a span of time as JSON knows it."""
    begin, end = format_rfc3339(window.begin), format_rfc3339(window.end)
    return {"begin": begin, "end": end, "begins_with": window.begins_with}


def plain_set(backup: BackupSet) -> dict[str, object]:
    """Return everything about a set as JSON knows it."""
    return {
        "label": backup.label,
        "kind": backup.kind.in_catalogue,
        "parent": backup.parent,
        "started_at": format_rfc3339(backup.started_at),
        "finished_at": format_rfc3339(backup.finished_at),
        "size_bytes": backup.size_bytes,
        "stored_bytes": backup.stored_bytes,
        "repository": backup.repository,
        "lsn_start": str(backup.lsn_start),
        "lsn_stop": str(backup.lsn_stop),
        "wal_start": backup.wal_start,
        "wal_stop": backup.wal_stop,
        "timeline": backup.timeline,
        "has_error": backup.has_error,
        "verified_level": verified_level(backup),
        "is_proven": verified_level(backup) >= PROVEN_LEVEL,
        "annotations": dict(backup.annotations),
    }


def line_of(backup: BackupSet) -> str:
    """Return a set in one line for a person."""
    mib = 1024**2
    held = f", held: {backup.annotations['hold']}" if backup.annotations.get("hold") else ""
    return (
        f"{backup.label}  {backup.kind.in_catalogue}  {format_rfc3339(backup.finished_at)}  "
        f"{backup.size_bytes / mib:.1f} MiB, stored {backup.stored_bytes / mib:.1f} MiB, "
        f"level {verified_level(backup)}{held}"
    )
