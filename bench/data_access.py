"""Measures what the data access layer costs over the bare driver: one-row reads, and a COPY of many rows.

Both sides take turns on the same throw-away server, so that whatever else the machine does falls on both. The bare
pool is measured with and without the check on borrow; the check is one round trip that we chose to pay.

Usage: python bench/data_access.py [--rows 1000000] [--reads 20000]
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry
from psycopg_pool import ConnectionPool

sys.path.insert(0, str(Path(__file__).parent))
from report import report
from throwaway_postgres import ThrowawayPostgres, throwaway_postgres

from agents.runtime.logs import Redactor
from agents.runtime.metrics import DatabaseMetrics
from agents.runtime.names import SessionName
from agents.runtime.postgres import Column, Database, PoolSettings, Query, Surroundings, Table, Target
from agents.runtime.settings import DatabaseSettings

BLOCK = 200
WARM_UP = 3
COPIES = 9
TABLES = """
create table measured as
select id, 'name ' || id as name, now() as made_at from generate_series(0::bigint, 999) as id;
alter table measured add primary key (id);
create unlogged table copied (id bigint, name text, made_at timestamptz)
"""
READ = b"select id, name, made_at from measured where id = %(id)s"
COPY = b"copy public.copied (id, name, made_at) from stdin (format binary)"
COLUMNS = [Column("id", "int8"), Column("name", "text"), Column("made_at", "timestamptz")]


def open_ours(server: ThrowawayPostgres, stack: ExitStack) -> Database:
    """Our pool."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cryo-bench-")))
    (folder / "password").write_text(server.password, encoding="utf-8")
    settings = DatabaseSettings("127.0.0.1", server.port, "postgres", "postgres", folder / "password", "prefer")
    target = Target(settings, SessionName("bench", None, "dev"), Redactor())
    metrics, around = DatabaseMetrics(CollectorRegistry()), Surroundings(structlog.get_logger())
    pool = PoolSettings(min_size=1, max_size=4, statement_timeout_s=600)
    return stack.enter_context(Database(target, pool, metrics=metrics, around=around))


def open_bare(server: ThrowawayPostgres, stack: ExitStack, *, check: bool) -> ConnectionPool:
    """The driver's pool with the same limits."""
    options = {
        "host": "127.0.0.1",
        "port": server.port,
        "dbname": "postgres",
        "user": "postgres",
        "password": server.password,
        "autocommit": True,
    }
    checking = ConnectionPool.check_connection if check else None
    return stack.enter_context(ConnectionPool(kwargs=options, min_size=1, max_size=4, check=checking, open=True))


def askers(ours: Database, checked: ConnectionPool, bare: ConnectionPool) -> dict[str, Callable[[int], object]]:
    """The same read, three ways."""
    query = Query("measured", READ)

    def through(pool: ConnectionPool) -> Callable[[int], object]:
        def ask(number: int) -> object:
            with pool.connection() as conn:
                return conn.execute(READ, {"id": number}).fetchone()

        return ask

    return {
        "bare": through(bare),
        "ours": lambda number: ours.fetch_one(query, {"id": number}),
        "checked": through(checked),
    }


Copier = Callable[[Iterator[tuple[object, ...]]], int]


def copiers(ours: Database, pool: ConnectionPool) -> dict[str, Copier]:
    """The same copy, two ways."""

    def through(rows: Iterator[tuple[object, ...]]) -> int:
        with pool.connection() as conn, conn.cursor() as cursor:
            with cursor.copy(COPY) as copy:
                copy.set_types([column.type for column in COLUMNS])
                for row in rows:
                    copy.write_row(row)
            return cursor.rowcount

    def with_ours(rows: Iterator[tuple[object, ...]]) -> int:
        return ours.transact("copy", lambda session: session.copy_rows(Table("public", "copied"), COLUMNS, rows))

    return {"driver": through, "ours": with_ours}


def measure_reads(ways: Mapping[str, Callable[[int], object]], reads: int) -> dict[str, float]:
    """Median seconds of one read each way; blocks take turns."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for block in range(max(1, reads // BLOCK) + WARM_UP):
        for name, ask in ways.items():
            began = time.perf_counter()
            for number in range(BLOCK):
                ask(number)
            if block >= WARM_UP:
                took[name].append((time.perf_counter() - began) / BLOCK)
    return {name: statistics.median(times) for name, times in took.items()}


def measure_copies(ways: Mapping[str, Copier], empty: Callable[[], object], rows: int) -> dict[str, float]:
    """Median seconds of one copy each way; they take turns, each into an empty table."""
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    took: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(COPIES):
        # Whoever is second finds the pages of the first in the cache, so the order changes each time.
        for name, copy in sorted(ways.items(), reverse=bool(turn % 2)):
            empty()
            source = ((number, f"name {number}", moment) for number in range(rows))
            began = time.perf_counter()
            written = copy(source)
            took[name].append(time.perf_counter() - began)
            if written != rows:
                message = f"{name} wrote {written} of {rows} rows"
                raise RuntimeError(message)
    return {name: statistics.median(times) for name, times in took.items()}


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--reads", type=int, default=20_000)
    given = parser.parse_args()
    with throwaway_postgres(shared_buffers="256MB", max_wal_size="4GB") as server, ExitStack() as stack:
        admin = stack.enter_context(server.connect())
        admin.execute(TABLES)
        ours, checked = open_ours(server, stack), open_bare(server, stack, check=True)
        reads = measure_reads(askers(ours, checked, open_bare(server, stack, check=False)), given.reads)
        copies = measure_copies(copiers(ours, checked), lambda: admin.execute("truncate copied"), given.rows)
    figures = {
        "read_us": round(reads["ours"] * 1e6, 1),
        "read_over_checked": round(reads["ours"] / reads["checked"], 3),
        "read_over_bare": round(reads["ours"] / reads["bare"], 3),
        "copy_rows_per_s": round(given.rows / copies["ours"]),
        "copy_over_driver": round(copies["ours"] / copies["driver"], 3),
    }
    peers = {"bare": "psycopg_pool without check on borrow", "checked": "psycopg_pool with it", "copy": "cursor.copy"}
    report("data_access", figures, peers, rows=given.rows, reads=given.reads)
    return 0


if __name__ == "__main__":
    sys.exit(main())
