"""What a migration is: values without behaviour, shared by discovery, plan and apply."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self


class Phase(StrEnum):
    """When a step may run; the order is the order inside one number."""

    EXPAND = "expand"
    """Additive; runs while the old colour serves."""
    BACKFILL = "backfill"
    """Fills what expand added."""
    VALIDATE = "validate"
    """Proves what expand declared, for example a constraint that was NOT VALID."""
    CONTRACT = "contract"
    """Takes away what only the old colour used; runs after the rollback window, when asked for."""


class OptionalPhase(StrEnum):
    """Phases that run only when they are asked for."""

    CONTRACT = Phase.CONTRACT.value


class Expectation(StrEnum):
    """The shape that every query of a verify file must return."""

    ZERO_ROWS = "zero-rows"
    """Each returned row is a defect."""
    ONE_TRUE = "one-true"
    """Exactly one row with one true value."""


class Engine(StrEnum):
    """Work that a SQL file cannot express; the file declares it, and a .toml beside it says on what."""

    FOREIGN_KEYS = "foreign-keys"
    """Brings relations to their declared shape: index, constraint, no orphan (agents.migrate.foreign_keys)."""


PHASE_ORDER = {phase: index for index, phase in enumerate(Phase)}


@dataclass(frozen=True, slots=True, order=True)
class MigrationKey:
    """Identity of a file: one number is one change, with at most one file per phase."""

    number: int
    phase_index: int

    @classmethod
    def of(cls, number: int, phase: Phase) -> Self:
        """Build the key that sorts files the way they run."""
        return cls(number, PHASE_ORDER[phase])


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement and where it begins, so that an error can name the line."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Verification:
    """The queries that prove a migration."""

    expectation: Expectation
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file with everything its header declares."""

    number: int
    phase: Phase
    words: str
    summary: str
    sha256: str
    statements: tuple[Statement, ...]
    verification: Verification
    lock_budget_ms: int
    """Longest wait for any lock; the runner gives up and tries again."""
    statement_budget_s: int
    """Longest run of any statement."""
    min_server: int
    """Oldest major version of PostgreSQL that runs it."""
    transactional: bool
    """Whether the file and its history row are one transaction."""
    follows: int
    """Number of the change before it; 0 for the first."""
    no_down: str
    """Why there is no way down; empty when there is a .down.sql."""
    engine: Engine | None = None
    """What runs after the statements; only outside a transaction."""
    declaration: str = ""
    """Text of the .toml that the engine reads; the sha256 covers it."""

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return f"{self.number:04d}_{self.phase}_{self.words}"

    @property
    def key(self) -> MigrationKey:
        """Where it stands in the order."""
        return MigrationKey.of(self.number, self.phase)


@dataclass(frozen=True, slots=True)
class AppliedMigration:
    """One row of the history."""

    number: int
    phase: Phase
    name: str
    sha256: str
    finished_at: datetime
    duration_ms: int
    lock_wait_ms: int
    attempts: int
    how: str = "applied"
    """applied, adopted or baseline."""

    @property
    def key(self) -> MigrationKey:
        """Where it stands in the order."""
        return MigrationKey.of(self.number, self.phase)
