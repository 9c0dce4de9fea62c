"""What every backup engine does and the records that it speaks in; no engine is named here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol, Self

_SEGMENT_SIZE = 32


class BackupKind(StrEnum):
    """How much of the database a set holds by itself."""

    FULL = "full"
    DIFFERENTIAL = "diff"
    """What changed since the full set."""
    INCREMENTAL = "incr"
    """What changed since the set before."""
    LOGICAL = "logical"
    """A dump; independent of every other set."""

    @property
    def in_catalogue(self) -> str:
        """The word that public.backup_catalogue uses for it."""
        return {"diff": "differential", "incr": "incremental"}.get(self.value, self.value)


@dataclass(frozen=True, slots=True, order=True)
class Lsn:
    """A byte position in the write-ahead log; positions of one timeline are ordered."""

    position: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read PostgreSQL's form, such as 1/2C000028.

        Raises:
            ValueError: it is not one.
        """
        high, separator, low = text.partition("/")
        if not separator:
            message = f"{text!r} is no LSN; write two hexadecimal numbers with a slash, such as 1/2C000028"
            raise ValueError(message)
        return cls(position=(int(high, 16) << _SEGMENT_SIZE) | int(low, 16))

    def __str__(self) -> str:
        """Write it as PostgreSQL does."""
        return f"{self.position >> _SEGMENT_SIZE:X}/{self.position & (2**_SEGMENT_SIZE - 1):X}"


@dataclass(frozen=True, slots=True)
class BackupSet:
    """One backup as its engine lists it; times are aware and in UTC, sizes in bytes."""

    label: str
    """Unique within the repository."""
    kind: BackupKind
    started_at: datetime
    finished_at: datetime
    """When the set became consistent; a restore to a time before it is not possible from this set."""
    size_bytes: int
    """What it restores to."""
    stored_bytes: int
    """What this set alone added to the repository."""
    repository: int = 1
    """Number of the store in the settings, from 1."""
    parent: str | None = None
    """Set that it builds on directly; None for full and logical sets."""
    lsn_start: Lsn | None = None
    """None for logical sets, as the other WAL fields."""
    lsn_stop: Lsn | None = None
    wal_start: str | None = None
    """First WAL segment needed to make the set consistent, 24 hexadecimal digits."""
    wal_stop: str | None = None
    timeline: int | None = None
    has_error: bool = False
    """The engine found damaged pages in the source while it copied them."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Our own words stored with the set: git sha, migration head, hold, fingerprints."""
    references: tuple[str, ...] = ()
    """Labels of every other set whose files it needs, so not the parent alone."""


@dataclass(frozen=True, slots=True)
class ToLatest:
    """Recover to the end of the archived WAL."""

    timeline: int | None = None
    """Timeline to follow; None takes the latest, as in every target."""


@dataclass(frozen=True, slots=True)
class ToTime:
    """Recover every transaction that was committed up to a moment."""

    moment: datetime
    timeline: int | None = None


@dataclass(frozen=True, slots=True)
class ToLsn:
    """Recover up to a position."""

    lsn: Lsn
    timeline: int | None = None


@dataclass(frozen=True, slots=True)
class ToName:
    """Recover up to a point named with pg_create_restore_point."""

    name: str
    timeline: int | None = None


@dataclass(frozen=True, slots=True)
class ToImmediate:
    """Recover only until the set is consistent."""

    timeline: int | None = None


RestoreTarget = ToLatest | ToTime | ToLsn | ToName | ToImmediate


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """What shall come back, to where."""

    folder: Path
    """Data folder to fill."""
    target: RestoreTarget = field(default_factory=ToLatest)
    label: str | None = None
    """Set to begin with; None lets the engine take the newest that reaches the target."""
    delta: bool = False
    """Keep files that are already right in a folder that is not empty."""
    as_clone: bool = True
    """The restored server must not archive into the repository that it came from."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One object in a repository that is not what it should be."""

    object: str
    """Path of the file, name of the WAL segment or label of the set."""
    problem: str
    """What is wrong with it, in a few words."""
    label: str | None = None
    """Set that cannot be restored because of it; None if that is not known."""
    repository: int = 1


@dataclass(frozen=True, slots=True)
class Done:
    """How far a long step is."""

    step: str
    done_bytes: int
    total_bytes: int | None
    """None while it is not known."""


class Progress(Protocol):
    """Told from time to time how far a long step is."""

    def __call__(self, done: Done) -> None:
        """Take one report; must not raise."""


def no_progress(_done: Done) -> None:
    """Ignore progress."""


class Engine(Protocol):
    """A way to take sets, list them, check them and bring them back.

    Every method raises errors of agents.backup.errors and leaves nothing half done that it would later list as good.
    """

    @property
    def name(self) -> str:
        """What the catalogue calls it, with its version: `pgbackrest 2.55.1`."""

    def list_sets(self) -> Sequence[BackupSet]:
        """Return the complete sets of every repository, oldest first."""

    def back_up(self, kind: BackupKind, *, annotations: Mapping[str, str], progress: Progress) -> BackupSet:
        """Take one set and return it as the repository now lists it."""

    def find_damage(self, label: str | None = None) -> Sequence[Damage]:
        """Read what is stored, one set or all, and return everything that is wrong; an empty answer is proof."""

    def restore(self, request: RestoreRequest, *, progress: Progress) -> BackupSet:
        """Fill the folder so that a server started in it recovers to the target; return the set that was used."""

    def expire(self, label: str, *, repository: int) -> None:
        """Delete one set; sets that depend on it have to be gone before."""
