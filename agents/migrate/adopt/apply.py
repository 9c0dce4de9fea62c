"""Carries out an adoption's actions one by one, each whole, under the runner's protocol for locks."""

import re
from collections.abc import Sequence

import psycopg
from psycopg import errors as pg
from psycopg import sql

from agents.migrate.adopt.actions import Action, Step, code
from agents.migrate.adopt.shape import load_adopt_sql
from agents.migrate.header import MAX_LOCK_BUDGET_MS, MAX_STATEMENT_BUDGET_S
from agents.migrate.history import IDLE_TIMEOUT_MS, ask_bool, load_sql
from agents.migrate.runner import LOCK_LOST, Attempts, Runner, retry_locks
from agents.runtime.errors import DatabaseRefusedError
from agents.runtime.postgres import database_error

_CONCURRENT_INDEX = re.compile(
    r'create (?:unique )?index concurrently if not exists (?P<index>"[^"]+"|\w+) on (?P<schema>"[^"]+"|\w+)\.',
    re.IGNORECASE,
)
_BUDGETS = {
    "lock_ms": str(MAX_LOCK_BUDGET_MS),
    # A scan that proves a constraint, and a rewrite that was allowed, take as long as the table is large.
    "statement_ms": str(MAX_STATEMENT_BUDGET_S * 1000),
    "idle_ms": str(IDLE_TIMEOUT_MS),
}


def apply_action(runner: Runner, action: Action) -> int:
    """Do one thing of the plan.

    Returns:
        Rows that were filled; 0 for everything else.

    Raises:
        LockTimedOutError: every try ran into the lock budget.
        DatabaseRefusedError: the server refused a statement; what was done before stays, a second run goes on there.
    """
    runner.log.info("migrate.adopt.started", step=action.step.name.lower(), object=action.object_name)
    began_s = runner.clock.monotonic()
    attempts = Attempts()
    what = f"adopt {action.object_name}"
    rows = 0
    if action.batched:
        rows = _fill_in_batches(runner, action, attempts, what)
    elif action.alone:
        for statement in action.statements:

            def alone(statement: sql.Composable = statement) -> None:
                runner.conn.execute(load_sql("set_timeouts_session"), _BUDGETS)
                _drop_invalid_index(runner, statement)
                _execute(runner, action, [statement])

            retry_locks(runner, what, attempts, alone, lock_budget_ms=MAX_LOCK_BUDGET_MS)
    else:
        retry_locks(runner, what, attempts, lambda: _apply_together(runner, action), lock_budget_ms=MAX_LOCK_BUDGET_MS)
    took_ms = round((runner.clock.monotonic() - began_s) * 1000)
    runner.log.info("migrate.adopt.done", object=action.object_name, rows=rows, duration_ms=took_ms)
    return rows


def _apply_together(runner: Runner, action: Action) -> None:
    with runner.conn.transaction():
        runner.conn.execute(load_sql("set_timeouts_local"), _BUDGETS)
        if action.step is Step.RETYPE:
            take_down, put_back = _find_dependents(runner, action)
            _execute(runner, action, [*take_down, *action.statements, *put_back])
        else:
            _execute(runner, action, action.statements)


def _fill_in_batches(runner: Runner, action: Action, attempts: Attempts, what: str) -> int:
    """Repeat the statement until it finds nothing; each batch is a transaction, so a kill loses one batch."""
    (statement,) = action.statements
    total = 0

    def batch() -> int:
        with runner.conn.transaction():
            runner.conn.execute(load_sql("set_timeouts_local"), _BUDGETS)
            return _execute(runner, action, [statement])

    while changed := retry_locks(runner, what, attempts, batch, lock_budget_ms=MAX_LOCK_BUDGET_MS):
        total += changed
    return total


def _find_dependents(runner: Runner, action: Action) -> tuple[list[sql.Composable], list[sql.Composable]]:
    """Return what must go before columns change their type, and how it comes back."""
    schema, _, table = action.object_name.partition(".")
    name = sql.Identifier(schema, table).as_string(runner.conn)
    rows = runner.conn.execute(
        load_adopt_sql("dependents"), {"table": name, "columns": list(action.retyped)}
    ).fetchall()
    for _, dependent, can_rebuild, _, _ in rows:
        if not can_rebuild:
            message = (
                f"adopt {action.object_name}: {dependent} reads {', '.join(action.retyped)}, whose type must change; "
                "drop it, run again, and create it again"
            )
            raise DatabaseRefusedError(message)
    return [code(str(row[3])) for row in rows], [code(str(row[4])) for row in reversed(rows)]


def _execute(runner: Runner, action: Action, statements: Sequence[sql.Composable]) -> int:
    changed = 0
    for statement in statements:
        try:
            changed = runner.conn.execute(sql.Composed([statement])).rowcount
        except LOCK_LOST:
            raise
        except psycopg.Error as error:
            remedy = "correct what it names and run the adoption again; it goes on where it stopped"
            if isinstance(error, pg.QueryCanceled):
                remedy = f"it passed its budget of {MAX_STATEMENT_BUDGET_S} s; run again off-peak"
            text = " ".join(statement.as_string(runner.conn).split())[:120]
            raise database_error(error, f"adopt {action.object_name} ({text})", remedy=remedy) from error
    return changed


def _drop_invalid_index(runner: Runner, statement: sql.Composable) -> None:
    """Drop what a killed concurrent build left; IF NOT EXISTS would take it for the real one."""
    found = _CONCURRENT_INDEX.match(statement.as_string(runner.conn))
    if found is None:
        return
    schema, index = found["schema"].strip('"'), found["index"].strip('"')
    if ask_bool(runner.conn, "invalid_index", {"schema": schema, "index": index}):
        runner.log.warning("migrate.index.dropped", index=f"{schema}.{index}")
        runner.conn.execute(sql.SQL("drop index concurrently {}").format(sql.Identifier(schema, index)))
