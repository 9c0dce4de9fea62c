"""What every step of a repair has at hand, and how one short change is made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import psycopg
from psycopg import sql

from agents.migrate.foreign_keys.catalog import load_sql
from agents.migrate.foreign_keys.survey import ScanBudget
from agents.migrate.history import IDLE_TIMEOUT_MS
from agents.migrate.runner import LOCK_LOST, Attempts, Runner, retry_locks
from agents.runtime.postgres import database_error

# Chosen: changes to the catalog take milliseconds; one that runs longer is doing something that was not foreseen
# while it holds its locks, so it is stopped.
_SHORT_STATEMENT_MS = 2_000
# Chosen: the second table's lock is waited for while the first one's is held and its writers queue; 50 ms is the
# longest stall that issue 4 allows, and the statement itself needs a part of it.
SECOND_LOCK_MS = 30


T = TypeVar("T")


@dataclass(slots=True)
class Handled:
    """What happened to the rows of one relation."""

    set_null: int = 0
    deleted: int = 0
    quarantined: int = 0
    cascaded: int = 0
    """Rows that were quarantined because their parent was removed."""
    scan_s: float = 0.0
    batch_s: float = 0.0

    @property
    def rows(self) -> int:
        """Rows that broke the relation and no longer do."""
        return self.set_null + self.deleted + self.quarantined


@dataclass(frozen=True, slots=True)
class Repair:
    """One run of the engine."""

    runner: Runner
    migration: str
    scan: ScanBudget
    attempts: Attempts = field(default_factory=Attempts)
    handled: dict[str, Handled] = field(default_factory=dict)
    """By relation name."""

    def retry(self, what: str, attempt: Callable[[], T]) -> T:
        """Try until the locks are there; any other error of the server names the work.

        Raises:
            LockTimedOutError: every try ran into the budget.
            DatabaseRefusedError: the server said no.
        """
        named = f"{self.migration} {what}"
        try:
            return retry_locks(self.runner, named, self.attempts, attempt, lock_budget_ms=self.scan.lock_ms)
        except LOCK_LOST:
            raise
        except psycopg.Error as error:
            told = f"migration {named} (the steps before it stay in place)"
            raise database_error(error, told, remedy="remove what stands in the way, then run again") from error

    def change(
        self, what: str, statements: Sequence[sql.Composable], *, statement_ms: int = _SHORT_STATEMENT_MS
    ) -> None:
        """Make one short change in its own transaction, whole or not at all."""

        def attempt() -> None:
            with self.runner.conn.transaction():
                self.set_step_local(statement_ms)
                # One message: every further round trip would lengthen the time that the locks are held.
                self.runner.conn.execute(sql.SQL("; ").join(statements), prepare=False)

        self.retry(what, attempt)

    def set_step_local(self, statement_ms: int) -> None:
        """Set the budgets of the transaction that has just begun."""
        parameters = {
            "lock_ms": str(self.scan.lock_ms),
            "statement_ms": str(statement_ms),
            "idle_ms": str(IDLE_TIMEOUT_MS),
        }
        self.runner.conn.execute(load_sql("set_step_local"), parameters)
