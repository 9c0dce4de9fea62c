"""Bad input and a failing world: one error that names file, line and remedy, and a history that says what is true."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BROKEN = 70
BUSY = 75
TABLE = "create table public.thing (id bigint primary key);\n"
SLOW = "create table public.slow ();\n\nselect pg_sleep(20);"
HEAD = "-- Adds a thing.\n-- @lock-budget-ms 200\n-- @server 15\n-- @transaction yes\n"


def reason(result: subprocess.CompletedProcess[str]) -> str:
    return str(json.loads(result.stderr.strip().splitlines()[-1])["reason"])


def history(database) -> list[str]:
    with database.connect() as conn:
        if conn.execute("select to_regclass('cryo.schema_migrations')").fetchone() == (None,):
            return []
        return [row[0] for row in conn.execute("select name from cryo.schema_migrations order by number, finished_at")]


@pytest.mark.parametrize(
    ("bodies", "told"),
    [
        (
            {"m0003_expand_three": "select 1;"},
            "0003_expand_three.sql: follows 0002, but the number before it is 0001; add",
        ),
        ({"m0001_expand_other": "select 1;"}, "number 0001 is already 0001_expand_one.sql"),
        ({"m0001_backfill_one": "select 1;", "m0002_expand_two": "select 1;"}, ""),
        ({"m0002_expand_two": HEAD.replace("15", "99") + "select 1;"}, "0002_expand_two.sql needs PostgreSQL 99"),
        ({"m0002_expand_two": "select 'never closed;"}, "0002_expand_two.sql: line 5: ' is never closed; close it"),
        (
            {"m0002_expand_two": "begin; select 1; commit;"},
            "0002_expand_two.sql: line 5: the runner owns the transaction",
        ),
        (
            {"m0002_expand_two": "select 1 from"},
            "0002_expand_two.sql line 5 (nothing of it was kept), `select 1 from`: syntax",
        ),
    ],
    ids=["gap", "duplicate", "more phases", "server version", "open quote", "own transaction", "syntax"],
)
def test_bad_file_after_a_good_one_is_named_and_the_history_stays(
    database, migrate, folder, bodies: dict[str, str], told: str
) -> None:
    path = folder(m0001_expand_one=TABLE)
    assert migrate("apply", folder=path).returncode == 0
    folder(**bodies)

    result = migrate("apply", folder=path)

    if not told:
        assert result.returncode == 0, result.stderr
        return
    assert result.returncode == BROKEN
    assert told in reason(result)
    assert history(database) == ["0001_expand_one"]


def test_file_that_was_slipped_in_before_an_applied_one_is_refused(database, migrate, folder) -> None:
    path = folder(m0001_expand_one=TABLE, m0002_expand_two="select 1;")
    assert migrate("apply", folder=path).returncode == 0
    folder(m0001_backfill_one="create table public.never ();")

    result = migrate("apply", folder=path)

    assert result.returncode == BROKEN
    assert "0001_backfill_one.sql is new but comes before 0002_expand_two.sql" in reason(result)
    assert "give it the next free number" in reason(result)
    assert history(database) == ["0001_expand_one", "0002_expand_two"]


def test_role_without_rights_on_one_table_keeps_what_came_before(
    cluster, database, migrate, folder, tmp_path_factory
) -> None:
    path = folder(m0001_expand_one=TABLE)
    migrate("apply", folder=path)
    folder(m0002_expand_two="create table public.mine ();", m0003_expand_three="\nalter table public.thing add a int;")
    secret = tmp_path_factory.mktemp("secret") / "password"
    secret.write_text("small-password\n", encoding="utf-8")
    with database.connect() as conn:
        conn.execute("create role small login password 'small-password'; grant create on schema public to small")
        conn.execute("grant usage, create on schema cryo to small; grant all on cryo.schema_migrations to small")
    try:
        result = migrate("apply", folder=path, CRYO_DB_USER="small", CRYO_DB_PASSWORD_FILE=str(secret))
    finally:
        with database.connect() as conn:
            conn.execute("drop owned by small; drop role small")

    assert result.returncode == BROKEN
    told = reason(result)
    assert "migration 0003_expand_three.sql line 6 (nothing of it was kept), `alter table" in told
    assert "must be owner of table thing" in told
    assert "42501" in told
    assert history(database) == ["0001_expand_one", "0002_expand_two"]


@contextmanager
def tiny_disk(path: Path, size: str) -> Iterator[bool]:
    """A file system of a few megabytes; False where this process may not mount one."""
    path.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], check=False, capture_output=True
    ).returncode == 0  # fmt: skip
    if mounted:
        shutil.chown(path, "postgres")
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(path)], check=True)


def test_full_disk_is_told_and_the_same_command_ends_the_work_when_there_is_room(
    database, cluster, migrate, folder, tmp_path_factory
) -> None:
    """Where no file system can be mounted, temporary files are limited instead: the same class of error."""
    body = "create table public.big (id bigint, filler text);\n\ninsert into public.big "
    rows = "select n, repeat('x', 200) from generate_series(1, 100000) as n order by random();"
    path = folder(m0001_expand_one=TABLE, m0002_expand_two=body + rows)
    place = cluster.password_file.parent / f"disk-{database.name}"
    with tiny_disk(place, "8m") as mounted:
        with database.connect() as conn:
            if mounted:
                conn.execute(f"create tablespace tiny_{database.name} location '{place}'")
                conn.execute(f"alter database {database.name} set default_tablespace = tiny_{database.name}")
            else:
                conn.execute(f"alter database {database.name} set temp_file_limit = '1MB'")
                conn.execute(f"alter database {database.name} set work_mem = '64kB'")
        full = migrate("apply", folder=path)
        kept = history(database)
        with database.connect() as conn:
            conn.execute(f"alter database {database.name} reset all")
        again = migrate("apply", folder=path)
        if mounted:
            with database.connect() as conn:
                for kind in ("table", "index"):
                    conn.execute(f"alter {kind} all in tablespace tiny_{database.name} set tablespace pg_default")
                conn.execute(f"drop tablespace tiny_{database.name}")

    assert full.returncode == BUSY
    assert "migration 0002_expand_two.sql line 7 (nothing of it was kept)" in reason(full)
    assert ("53100" if mounted else "53400") in reason(full)
    assert "make room on the server" in reason(full)
    assert kept == ["0001_expand_one"]
    assert again.returncode == 0, again.stderr
    assert history(database) == ["0001_expand_one", "0002_expand_two"]


def wait_until(condition: Callable[[], bool], *, timeout_s: float = 20) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "the awaited state never came"
        time.sleep(0.02)


def is_sleeping(database) -> bool:
    with database.connect() as conn:
        query = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
        return conn.execute(query).fetchone() == (1,)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_server_that_stops_in_the_middle_keeps_whole_steps_and_the_next_run_ends_the_work(
    database, cluster, migrate, start_migrate, folder, *, mode: str
) -> None:
    path = folder(m0001_expand_one=TABLE, m0002_expand_two=SLOW)
    process = start_migrate("apply", folder=path)
    wait_until(lambda: is_sleeping(database))

    cluster.control("restart", f"--mode={mode}")
    _, err = process.communicate(timeout=60)
    kept = history(database)
    (path / "0002_expand_two.sql").write_text(HEAD + "create table public.slow ();", encoding="utf-8")
    again = migrate("apply", folder=path)

    assert process.returncode == BUSY, err
    told = json.loads(err.strip().splitlines()[-1])["reason"]
    assert "migration 0002_expand_two.sql line 7 (nothing of it was kept)" in told
    assert "run the same command again" in told
    assert kept == ["0001_expand_one"]
    assert again.returncode == 0, again.stderr
    assert history(database) == ["0001_expand_one", "0002_expand_two"]


def test_connection_lost_outside_a_transaction_says_what_stays(database, migrate, start_migrate, folder) -> None:
    alone = HEAD.replace("yes", "no")
    path = folder(m0001_expand_one=alone + "create table if not exists public.slow ();\n\nselect pg_sleep(20);")
    process = start_migrate("apply", folder=path)
    wait_until(lambda: is_sleeping(database))
    with database.connect() as conn:
        conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep' "
            "and datname = current_database()"
        )
    _, err = process.communicate(timeout=60)
    (path / "0001_expand_one.sql").write_text(alone + "create table if not exists public.slow ();", encoding="utf-8")

    assert process.returncode == BUSY, err
    assert "migration 0001_expand_one.sql line 7 (statements before it stay in place)" in err
    assert history(database) == []
    again = migrate("apply", folder=path)
    assert again.returncode == 0, again.stderr
    assert history(database) == ["0001_expand_one"]
