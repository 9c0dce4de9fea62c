"""Measures the foreign-keys engine on a large child under write load, on a PostgreSQL of its own.

Usage: python bench/fk_migration.py [--rows 10000000] [--parents 1000000] [--orphan-percent 5]
"""

import argparse
import random
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))
from report import report
from throwaway_postgres import ThrowawayPostgres, throwaway_postgres
from write_load import Load, Pace, percentile, write_load

from agents.migrate.discovery import parse_files
from agents.migrate.foreign_keys.declaration import parse_declaration
from agents.migrate.foreign_keys.engine import ForeignKeyEngine, scan_budget
from agents.migrate.foreign_keys.history import read_last_report
from agents.migrate.foreign_keys.orphans import orphan_sql
from agents.migrate.foreign_keys.survey import read_tables, scan_settings
from agents.migrate.foreign_keys.verification import write_verification
from agents.migrate.history import create_history
from agents.migrate.model import Migration
from agents.migrate.runner import Runner
from agents.migrate.verify import verify_migration
from agents.runtime.clock import SystemClock

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
NEEDED = (
    "0001_expand_supabase_compatibility",
    "0002_expand_users_and_teams",
    "0005_expand_operations",
    "0017_expand_fix_foreign_keys",
)
NAME = "0001_backfill_bench"
HEAD = (
    "-- Repairs.\n-- @lock-budget-ms 500\n-- @statement-budget-s 3600\n-- @server 15\n-- @transaction no\n"
    "-- @engine foreign-keys\n"
)
RELATIONS = """
[[relation]]
child = "public.child"
columns = ["parent_id"]
parent = "public.parent"
on_delete = "cascade"
orphan = "quarantine"
constraint = "child_parent_id_fkey"
index = "child_parent_id_idx"

[[relation]]
child = "public.child"
columns = ["owner_id"]
parent = "public.parent"
on_delete = "set-null"
orphan = "set-null"
constraint = "child_owner_id_fkey"
index = "child_owner_id_idx"
"""
TABLES = """
create table public.parent (id uuid primary key default gen_random_uuid(), number bigint not null);
create table public.child (
    id bigint generated always as identity primary key,
    parent_id uuid,
    owner_id uuid,
    touched integer not null default 0,
    note text
)
"""
# Sane for 23 GB of memory; durability stays on.
SETTINGS = {
    "shared_buffers": "4GB",
    "maintenance_work_mem": "1GB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "15min",
    "effective_cache_size": "12GB",
    "random_page_cost": "1.1",
}
BLOCKING_MODES = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")
LONG_STEPS = ("create-index", "clean-orphans", "validate")


class Steps:
    """The engine's log as the bench needs it: when each step began."""

    def __init__(self) -> None:
        """Start without any."""
        self.began: list[tuple[float, str]] = []
        self.lines: list[str] = []

    def info(self, event: str, **more: Any) -> None:  # noqa: ANN401 - log values
        """Note a step."""
        if event in {"migrate.relation.changing", "migrate.relations.surveying", "migrate.relations.proven"}:
            self.began.append((time.monotonic(), str(more.get("step", event))))
        print(f"{time.monotonic():.3f} {event} {more}", file=sys.stderr)

    warning = info

    def intervals(self, step: str) -> list[tuple[float, float]]:
        """When steps of one kind ran."""
        following = [*self.began[1:], (time.monotonic(), "end")]
        return [(began, ended) for (began, name), (ended, _) in zip(self.began, following, strict=True) if name == step]


class LockSampler(threading.Thread):
    """Watches from another session how long ours holds any lock that stops writers."""

    QUERY = (
        "select virtualtransaction, relation::regclass::text, mode from pg_locks where pid = %s and granted and "
        "locktype = 'relation' and mode = any(%s) and relation in ('public.child'::regclass, 'public.parent'::regclass)"
    )

    def __init__(self, conn: psycopg.Connection, pid: int) -> None:
        """Prepare to watch one session."""
        super().__init__(daemon=True)
        self.conn, self.pid = conn, pid
        self.stopped = threading.Event()
        self.held: dict[tuple[str, ...], tuple[float, float]] = {}
        self.gaps: list[float] = []

    def run(self) -> None:
        """Sample as fast as the server answers, with a breath in between."""
        last_s = time.monotonic()
        while not self.stopped.wait(0.002):
            rows = self.conn.execute(self.QUERY, (self.pid, list(BLOCKING_MODES))).fetchall()
            now_s = time.monotonic()
            self.gaps.append(now_s - last_s)
            for row in rows:
                first_s, _ = self.held.get(row, (last_s, now_s))
                self.held[row] = (first_s, now_s)
            last_s = now_s

    @property
    def longest_ms(self) -> float:
        """Longest hold that was seen, from the last sample without it to the last one with it."""
        return max(((last - first) * 1000 for first, last in self.held.values()), default=0.0)


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--parents", type=int, default=1_000_000)
    parser.add_argument("--orphan-percent", type=float, default=5.0)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--per-second", type=float, default=150.0, help="transactions of each writer")
    parser.add_argument("--before-s", type=float, default=20.0, help="length of the quiet window before")
    options = parser.parse_args()
    with throwaway_postgres(**SETTINGS) as server, server.connect() as conn:
        build(conn, options)
        scans = measure_scans(conn)
        parents = [str(row[0]) for row in conn.execute("select id from public.parent limit 10000")]
        with loaded(server, conn, options, parents) as (load, sampler, steps):
            began_s = time.monotonic()
            time.sleep(options.before_s)
            ended_s = time.monotonic()
            apply(conn, steps)
        figures = summarise(conn, load, sampler, steps, (began_s, ended_s))
        wrong = check(conn, load, options)
    peers = {"raw_anti_join_s": scans.pop("raw_anti_join_s"), "writers_p99_before_ms": figures["p99_before_ms"]}
    report("fk_migration", {**figures, **scans, **wrong}, peers, rows=options.rows, parents=options.parents)
    return 1 if any(wrong.values()) else 0


def migration() -> Migration:
    """The bench's own declaration as a migration."""
    verify = write_verification(parse_declaration("bench.toml", RELATIONS))
    files = {".sql": HEAD, ".toml": RELATIONS, ".verify.sql": verify, ".down.sql": "select 1;"}
    return parse_files({NAME + ending: text for ending, text in files.items()})[0]


def build(conn: psycopg.Connection, options: argparse.Namespace) -> None:
    """Make parents and children; each relation gets its share of orphans, spread over the whole table."""
    create_history(conn)
    for name in NEEDED:
        conn.execute((MIGRATIONS / f"{name}.sql").read_bytes())
    conn.execute(TABLES)
    conn.execute("insert into public.parent (number) select generate_series(1, %s)", (options.parents,))
    conn.execute(
        "create temporary table key as select number, id from public.parent; create unique index on key (number)"
    )
    share = options.orphan_percent / 100
    conn.execute(
        "insert into public.child (parent_id, owner_id, note) "
        "select case when random() < %(share)s then gen_random_uuid() else mine.id end, "
        "case when random() < %(share)s then gen_random_uuid() else theirs.id end, 'row ' || n "
        "from generate_series(1, %(rows)s) as n "
        "join key as mine on mine.number = 1 + n * 7919::bigint %% %(parents)s "
        "join key as theirs on theirs.number = 1 + n * 104729::bigint %% %(parents)s",
        {"share": share, "rows": options.rows, "parents": options.parents},
    )
    conn.execute("drop table key")
    for table in ("public.parent", "public.child"):
        conn.execute(f"vacuum (analyze) {table}")
    conn.execute("checkpoint")


def measure_scans(conn: psycopg.Connection) -> dict[str, float]:
    """Time the engine's scans against the plain anti-join, in turns; medians of five."""
    relation = parse_declaration("bench.toml", RELATIONS).relations[0]
    broken = orphan_sql(relation, *read_tables(conn, relation))
    raw = (
        b"select count(*) from public.child left join public.parent on parent.id = child.parent_id "
        b"where child.parent_id is not null and parent.id is null"
    )
    took: dict[str, list[float]] = {"raw": [], "count": [], "collect": []}
    for _ in range(5):
        for name, statement in (("raw", raw), ("count", broken.count()), ("collect", broken.collect())):
            with scan_settings(conn, scan_budget(migration())):
                began_s = time.monotonic()
                conn.execute(statement)
                took[name].append(time.monotonic() - began_s)
                conn.execute("drop table if exists pg_temp.cryo_orphans")
    medians = {name: statistics.median(values) for name, values in took.items()}
    return {
        "raw_anti_join_s": round(medians["raw"], 3),
        "orphan_count_ratio": round(medians["count"] / medians["raw"], 3),
        "orphan_collect_ratio": round(medians["collect"] / medians["raw"], 3),
    }


@contextmanager
def loaded(
    server: ThrowawayPostgres, conn: psycopg.Connection, options: argparse.Namespace, parents: list[str]
) -> Iterator[tuple[Load, LockSampler, Steps]]:
    """Run writers and the sampler for as long as the block."""
    conninfo = f"host=127.0.0.1 port={server.port} dbname=postgres user=postgres password={server.password}"
    pace = Pace(conninfo, options.per_second, options.rows, tuple(parents))
    with write_load(pace, writers=options.writers) as load, server.connect() as watching:
        time.sleep(3)  # connections, plans and caches warm up outside the window
        sampler = LockSampler(watching, conn.info.backend_pid)
        sampler.start()
        try:
            yield load, sampler, Steps()
        finally:
            sampler.stopped.set()
            sampler.join()


def apply(conn: psycopg.Connection, steps: Steps) -> None:
    """Run the engine as the runner does."""
    runner = Runner(
        conn=conn,
        clock=SystemClock(),
        log=steps,
        draw=random.random,
        unbacked_because="a bench",  # type: ignore[arg-type]
    )
    ForeignKeyEngine().apply(runner, migration())


def summarise(
    conn: psycopg.Connection, load: Load, sampler: LockSampler, steps: Steps, before: tuple[float, float]
) -> dict[str, Any]:
    """Put latencies, locks and rates together."""
    quiet = load.took_ms(*before)
    p99_before = percentile(quiet, 0.99)
    during = {
        step: sorted(took for span in steps.intervals(step) for took in load.took_ms(*span)) for step in LONG_STEPS
    }
    names = {name for _, name in steps.began if not name.startswith("migrate")} - {*LONG_STEPS}
    short = [(ended - began) * 1000 for name in names for began, ended in steps.intervals(name)]
    kept = read_last_report(conn)
    rates = {} if kept is None else {row["relation"]: row for row in kept.report["handled"]}
    figures: dict[str, Any] = {
        "longest_blocking_lock_ms": round(sampler.longest_ms, 1),
        "lock_sample_p99_ms": round(percentile(sorted(sampler.gaps), 0.99) * 1000, 1),
        "longest_short_step_ms": round(max(short), 1),
        "writers_longest_ms": round(max(each.took_s for each in load.samples if each.began_s >= before[1]) * 1000, 1),
        "writers_longest_before_ms": round(quiet[-1], 1),
        "p50_before_ms": round(percentile(quiet, 0.5), 3),
        "p99_before_ms": round(p99_before, 3),
        "validate_s": round(sum(ended - began for began, ended in steps.intervals("validate")), 2),
        "transactions_during_validate": len(during["validate"]),
    }
    for step, took in during.items():
        figures[f"p99_{step.replace('-', '_')}_ms"] = round(percentile(took, 0.99), 3)
    figures["validate_p99_ratio"] = round(percentile(during["validate"], 0.99) / p99_before, 3)
    for name, row in rates.items():
        rows = row["quarantined"] + row["set_null"]
        figures[f"{name.rsplit('.', 1)[1]}_rows_per_s"] = round(rows / row["batch_s"])
        figures[f"{name.rsplit('.', 1)[1]}_rows"] = rows
    return figures


def check(conn: psycopg.Connection, load: Load, options: argparse.Namespace) -> dict[str, int]:
    """Count what must not be: unproven relations, lost rows, failed writes."""
    inserted = sum(each.inserted for each in load.samples)
    counted = conn.execute(
        "select (select count(*) from public.child) + (select count(*) from private.quarantined_rows)"
    ).fetchone()
    return {
        "lost_rows": options.rows + inserted - (counted[0] if counted else 0),
        "failed_writes": len(load.failures),
        "unproven": len(verify_migration(conn, migration()).failures),
    }


if __name__ == "__main__":
    sys.exit(main())
