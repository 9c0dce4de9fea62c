"""What `cryo backup run` leaves behind beside the set itself: its signed manifest, and its row in the catalogue."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from agents.backup.catalogue import Catalogue
from agents.backup.contents import Limits, read_contents, read_source
from agents.backup.engine import BackupKind, BackupSet
from agents.backup.errors import SetUnknownError
from agents.backup.marks import RECORDED_AT
from agents.backup.moments import quiet_snapshot
from agents.backup.physical_sets import Maker, PhysicalSets, describe
from agents.backup.verification import Expected
from agents.runtime.clock import Clock, Deadline, format_rfc3339
from agents.runtime.errors import DatabaseRefusedError, DatabaseUnavailableError, SettingsError
from agents.runtime.postgres import Connection
from agents.runtime.settings import Identity

# After a loss there is no database to ask; the repository then stands for itself.
NO_DATABASE = (SettingsError, DatabaseRefusedError, DatabaseUnavailableError)
# Chosen: transactions of a web application last milliseconds, and pauses between them come every second.
_PAUSE_WITHIN_S = 30.0


class Recorder(Protocol):
    """What recording needs of a command."""

    @property
    def log(self) -> FilteringBoundLogger:
        """Where failures that must not hide another one are told."""

    @property
    def clock(self) -> Clock:
        """The time."""

    @property
    def identity(self) -> Identity:
        """Who takes the set."""

    @property
    def connected(self) -> Callable[[], AbstractContextManager[Connection]]:
        """Connects to the live database, in autocommit mode."""


def record_set(recorder: Recorder, sets: PhysicalSets, taken: BackupSet) -> None:
    """Describe a set that was just taken, sign that, and write it into the catalogue of its database."""
    deadline = Deadline.after(_PAUSE_WITHIN_S, recorder.clock)
    with recorder.connected() as conn, recorder.connected() as witness:
        with quiet_snapshot(conn, witness, Limits(), deadline) as position:
            contents = read_contents(conn)
        key_id = sets.engine.settings.repositories.near.key_id
        maker = Maker(sets.engine.name, (key_id,) if key_id else (), recorder.identity)
        manifest = describe(taken, maker, contents, position)
        sha256 = sets.put_manifest(manifest)
        if Catalogue.exists(conn):
            Catalogue(conn).record_manifest(manifest, sha256=sha256, repository=sets.repository)
            row = conn.execute(b"select clock_timestamp()").fetchone()
            if row is not None and isinstance(row[0], datetime):
                marks = {RECORDED_AT: row[0].isoformat()}
                sets.engine.annotate(taken.label, marks, repository=sets.repository)


def record_failure(recorder: Recorder, kind: BackupKind, began: datetime, reason: str) -> None:
    """Write that a run failed; a database that cannot be reached is told in the log and hides nothing."""
    try:
        with recorder.connected() as conn:
            if Catalogue.exists(conn):
                Catalogue(conn).record_failure(kind, began=began, ended=recorder.clock.now(), reason=reason)
    except NO_DATABASE as error:
        recorder.log.warning("backup.run.unrecorded", reason=str(error), at=format_rfc3339(began))


def remember(recorder: Recorder, label: str) -> Expected:
    """Ask the live database what it is and which manifest it knows; one that is gone remembers nothing."""
    try:
        with recorder.connected() as conn:
            source = read_source(conn)
            entries = Catalogue(conn).read() if Catalogue.exists(conn) else ()
    except NO_DATABASE as error:
        recorder.log.warning("backup.verify.alone", reason=str(error))
        return Expected()
    remembered = {entry.label: entry.manifest_sha256 for entry in entries}
    return Expected(source.system_identifier, source.database, remembered.get(label))


def expired(recorder: Recorder, label: str, reason: str) -> None:
    """Write that a set was deleted, where there is a catalogue."""
    try:
        with recorder.connected() as conn:
            if Catalogue.exists(conn):
                Catalogue(conn).record_expiry(label, reason=reason)
    except (SetUnknownError, *NO_DATABASE) as error:
        recorder.log.warning("backup.expire.unrecorded", label=label, reason=str(error))
