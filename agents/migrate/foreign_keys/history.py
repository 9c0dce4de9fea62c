"""Keeps the reports of applied runs in the database, so that they outlive the pod that made them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from agents.migrate.foreign_keys.catalog import load_sql
from agents.migrate.runner import Runner
from agents.runtime.postgres import Connection


@dataclass(frozen=True, slots=True)
class KeptReport:
    """One row of cryo.foreign_key_reports."""

    migration: str
    status: str
    """running, done or failed; running without a runner means killed."""
    backup: str
    """The backup that made it safe to change rows, or why it was done without."""
    started_at: datetime
    finished_at: datetime | None
    report: dict[str, Any]


def begin_report(runner: Runner, migration: str, backup: str, report: dict[str, object]) -> int:
    """Write down what will be done, before it is done; return the number of the report."""
    with runner.conn.transaction():
        runner.conn.execute(load_sql("create_reports"))
        row = runner.conn.execute(
            load_sql("begin_report"),
            {
                "migration": migration,
                "started_at": runner.clock.now(),
                "git_sha": runner.git_sha,
                "backup": backup,
                "report": Jsonb(report),
            },
        ).fetchone()
    if row is None:
        raise AssertionError(migration)
    return int(str(row[0]))


def end_report(runner: Runner, number: int, *, status: str, backup: str, report: dict[str, object]) -> None:
    """Write down how it ended."""
    runner.conn.execute(
        load_sql("end_report"),
        {
            "id": number,
            "status": status,
            "finished_at": runner.clock.now(),
            "backup": backup,
            "report": Jsonb(report),
        },
    )


def read_last_report(conn: Connection) -> KeptReport | None:
    """Return the newest report, or None when no run was ever applied."""
    exists = conn.execute(load_sql("reports_exist")).fetchone()
    if not exists or not exists[0]:
        return None
    row: tuple[Any, ...] | None = conn.execute(load_sql("last_report")).fetchone()
    return None if row is None else KeptReport(*row)
