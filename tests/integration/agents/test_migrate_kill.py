"""kill -9 at 200 random moments: what is there is whole, and the next run ends the work exactly once."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from agents.migrate.discovery import read_folder
from agents.runtime.postgres.fingerprint import Fact, compare, read_fingerprint

KILLS_PER_FOLDER = 100
SEED = 20260301
ALONE = "-- Adds a thing.\n-- @lock-budget-ms 200\n-- @server 15\n-- @transaction no\n"
# A step of each kind; the naps make the moments between statements as long as the statements.
SMALL = {
    "m0001_expand_rows": (
        "create table public.thing (id bigint primary key, note text);\n"
        "insert into public.thing select generate_series(1, 3000);\n"
        "create table public.once (n bigint);\ninsert into public.once values (1);\nselect pg_sleep(0.03);\n"
    ),
    "m0002_expand_index": (
        ALONE
        + "create index concurrently if not exists thing_note_idx on public.thing (note);\nselect pg_sleep(0.02);\n"
        "create index concurrently if not exists thing_id_note_idx on public.thing (id, note);\n"
    ),
    "m0002_backfill_index": """-- Fills the notes.
-- @lock-budget-ms 200
-- @server 15
-- @transaction no

update public.thing set note = id::text where id <= 1000 and note is null;
select pg_sleep(0.02);
update public.thing set note = id::text where id <= 2000 and note is null;
select pg_sleep(0.02);
update public.thing set note = id::text where note is null;
""",
    "m0002_validate_index": (
        "alter table public.thing alter column note set not null;\n"
        "insert into public.once values (2);\nselect pg_sleep(0.02);\n"
    ),
}


class WarmRunner:
    """The process that forks runners."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, **order: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@pytest.fixture
def warm(database, repository: Path) -> Iterator[WarmRunner]:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "warm_runner.py")],
        env={**os.environ, **database.environ, "PYTHONPATH": str(repository)},
        cwd=repository,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield WarmRunner(process)
    process.communicate(timeout=20)


def empty(conn: psycopg.Connection) -> None:
    """Take everything away that a run makes; quicker than a new database."""
    made = "cryo, auth, private, oncall"
    conn.execute(f"drop schema if exists {made} cascade; drop schema public cascade; create schema public")


def wait_for_work(conn: psycopg.Connection, *, timeout_s: float = 20) -> None:
    """Wait until the runner has its lock: what comes before changes nothing."""
    deadline_s = time.monotonic() + timeout_s
    query = "select exists (select from pg_locks where locktype = 'advisory' and granted)"
    while conn.execute(query).fetchone() != (True,):
        assert time.monotonic() < deadline_s, "the runner never began"
        time.sleep(0.002)


def run_to_end(conn: psycopg.Connection, warm: WarmRunner, folder: Path) -> float:
    """Return how long the work took, in seconds."""
    pid = warm.ask(run=["apply", "--migrations", str(folder)])
    wait_for_work(conn)
    begin_s = time.monotonic()
    assert warm.ask(wait=pid) == 0
    return time.monotonic() - begin_s


def kill_and_converge(
    conn: psycopg.Connection, warm: WarmRunner, folder: Path, check: Callable[[], None]
) -> Counter[int]:
    """Kill at random moments of a run; after each, one ordinary run must end everything.

    Returns:
        How many kills found how many migrations in the history.
    """
    files = sorted((migration.name, migration.sha256) for migration in read_folder(folder))
    draw = random.Random(SEED)  # noqa: S311 - moments, not secrets
    took_s = []
    for _ in range(3):
        empty(conn)
        took_s.append(run_to_end(conn, warm, folder))
    seen: Counter[int] = Counter()
    for _ in range(KILLS_PER_FOLDER):
        empty(conn)
        pid = warm.ask(run=["apply", "--migrations", str(folder)])
        wait_for_work(conn)
        time.sleep(draw.uniform(0, min(took_s)))
        os.killpg(pid, signal.SIGKILL)
        warm.ask(wait=pid)
        seen[len(read_history(conn))] += 1
        assert warm.ask(wait=warm.ask(run=["apply", "--migrations", str(folder)])) == 0
        assert sorted(read_history(conn)) == files
        check()
    return seen


def read_history(conn: psycopg.Connection) -> list[tuple[str, str]]:
    row = conn.execute("select to_regclass('cryo.schema_migrations') is not null").fetchone()
    if row != (True,):
        return []
    return conn.execute("select name, sha256 from cryo.schema_migrations").fetchall()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_runs_of_our_own_migrations_converge_to_the_schema_file(
    database, warm: WarmRunner, repository: Path, tmp_path: Path, capsys
) -> None:
    for path in (repository / "migrations").iterdir():  # nobody's edit may reach the folder meanwhile
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with database.connect() as conn:
        empty(conn)
        conn.execute((tmp_path / "schema.sql").read_bytes())
        expected = read_fingerprint(conn)
        seen = kill_and_converge(conn, warm, tmp_path, lambda: expect_schema(conn, expected))

    tell(capsys, "our own migrations", seen)
    assert sum(seen.values()) == KILLS_PER_FOLDER
    assert len(seen) > 3


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_runs_of_every_kind_of_step_do_everything_once(database, warm: WarmRunner, folder, capsys) -> None:
    path = folder(**SMALL)
    with database.connect() as conn:
        empty(conn)
        run_to_end(conn, warm, path)
        expected = read_fingerprint(conn)

        def check() -> None:
            expect_schema(conn, expected)
            assert conn.execute("select n from public.once order by n").fetchall() == [(1,), (2,)]
            counts = conn.execute("select count(*), count(*) filter (where note = id::text) from public.thing")
            assert counts.fetchone() == (3000, 3000)
            assert conn.execute("select count(*) from pg_index where not indisvalid").fetchone() == (0,)

        seen = kill_and_converge(conn, warm, path, check)

    tell(capsys, "steps of every kind", seen)
    assert sum(seen.values()) == KILLS_PER_FOLDER
    assert len(seen) > 3


def expect_schema(conn: psycopg.Connection, expected: frozenset[Fact]) -> None:
    assert compare(expected, read_fingerprint(conn)) == ()


def tell(capsys, what: str, seen: Counter[int]) -> None:
    with capsys.disabled():
        sys.stdout.write(
            f"\n{sum(seen.values())} kills in {what}, by files in the history: {dict(sorted(seen.items()))}\n"
        )
