"""Every rule file, in the order in which people read them."""

from __future__ import annotations

from alerts.source import api, backup, database, meta, models, release, system
from alerts.source.model import Alert, RuleFile

FILES: tuple[RuleFile, ...] = (
    api.FILE,
    database.FILE,
    backup.FILE,
    models.FILE,
    release.FILE,
    system.FILE,
    meta.FILE,
)


def all_alerts() -> tuple[Alert, ...]:
    """Return every alert of every file."""
    return tuple(alert for file in FILES for alert in file.alerts)
