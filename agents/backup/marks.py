"""What is written onto a set after it was taken: holds and verifications, as the engine's annotations; pure.

They lie in the repository with the set, so they are still there when the database is not.
"""

from datetime import datetime

from agents.backup.engine import BackupSet
from agents.backup.errors import SetDamagedError
from agents.backup.retention import Candidate
from agents.runtime.clock import format_rfc3339

HOLD = "hold"
HELD_UNTIL = "held-until"
VERIFIED_LEVEL = "verified-level"
VERIFIED_AT = "verified-at"
DAMAGED = "damaged"
RTO = "rto-seconds"
# By when the set's row in the catalogue was committed: recovery to a later moment must bring that row.
RECORDED_AT = "recorded-at"
# Cited: the verification ladder of docs/backup.md, level 3 is the first at which the set was restored.
PROVEN_LEVEL = 3


def hold_marks(reason: str, until: datetime | None) -> dict[str, str]:
    """Return the annotations of a hold; empty values remove them."""
    return {HOLD: reason, HELD_UNTIL: format_rfc3339(until) if until else ""}


def verification_marks(level: int, moment: datetime, *, damage: str = "") -> dict[str, str]:
    """Return the annotations of a verification that reached a level."""
    return {VERIFIED_LEVEL: str(level), VERIFIED_AT: format_rfc3339(moment), DAMAGED: damage}


def verified_level(backup: BackupSet) -> int:
    """Return the level that a set reached, 0 when nobody verified it."""
    text = backup.annotations.get(VERIFIED_LEVEL, "0")
    if not text.isdigit():
        message = f"backup {backup.label} says {VERIFIED_LEVEL}={text!r}; verify it again"
        raise SetDamagedError(message)
    return int(text)


def verified_at(backup: BackupSet) -> datetime | None:
    """Return when a set was last verified."""
    text = backup.annotations.get(VERIFIED_AT)
    return datetime.fromisoformat(text) if text else None


def as_candidate(backup: BackupSet) -> Candidate:
    """Return what retention has to know of a set."""
    until = backup.annotations.get(HELD_UNTIL)
    return Candidate(
        backup,
        is_verified=verified_level(backup) >= PROVEN_LEVEL,
        is_damaged=backup.has_error or bool(backup.annotations.get(DAMAGED)),
        hold=backup.annotations.get(HOLD) or None,
        held_until=datetime.fromisoformat(until) if until else None,
    )
