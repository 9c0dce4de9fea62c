"""The migration runner against a real PostgreSQL, run as a Job runs it: its own process and exit code."""

import json
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from agents.runtime.postgres.fingerprint import compare, read_fingerprint

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"
FILES = len(list(MIGRATIONS.glob("*.verify.sql")))
HEAD = "-- Adds a thing.\n-- @lock-budget-ms 200\n-- @server 15\n-- @transaction yes\n"
ALONE = HEAD.replace("yes", "no")
VERIFY = "-- Each row is a defect.\n-- @expect zero-rows\nselect 1 where false;\n"
TABLE = "create table public.thing (id bigint primary key);\n"
BUSY = 75
BROKEN = 70


def wait_until(condition: Callable[[], bool], *, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the awaited state never came"
        time.sleep(0.02)


def read_until(process: subprocess.Popen[str], event: str) -> None:
    """Follow a runner's log until it tells of the event."""
    assert process.stderr is not None
    for line in process.stderr:
        if event in line:
            return
    pytest.fail(f"the runner ended without {event}")


def exists(database, name: str) -> bool:
    with database.connect() as conn:
        row = conn.execute("select to_regclass(%s) is not null", (name,)).fetchone()
    return bool(row and row[0])


def history(database) -> list[str]:
    with database.connect() as conn:
        if not (conn.execute("select to_regclass('cryo.schema_migrations')").fetchone() or (None,))[0]:
            return []
        return [row[0] for row in conn.execute("select name from cryo.schema_migrations order by number, finished_at")]


def reason(result: subprocess.CompletedProcess[str]) -> str:
    return str(json.loads(result.stderr.strip().splitlines()[-1])["reason"])


def test_empty_database_gets_the_schema_that_schema_sql_declares(database, cluster, migrate, repository: Path) -> None:
    with cluster.connect() as conn:
        conn.execute(f"create database {database.name}_truth")
    with cluster.connect(f"{database.name}_truth") as conn:
        conn.execute((repository / "migrations" / "schema.sql").read_bytes())
        expected = read_fingerprint(conn)
    result = migrate("apply")
    with database.connect() as conn:
        actual = read_fingerprint(conn)
    with cluster.connect() as conn:
        conn.execute(f"drop database {database.name}_truth with (force)")

    assert result.returncode == 0, result.stderr
    assert compare(expected, actual) == ()
    assert len(expected) > 300


@pytest.mark.parametrize(
    "change",
    [
        "alter table public.teams add column extra text",
        "alter table public.teams alter column name drop not null",
        "drop index public.teams_created_by_idx",
        "alter table public.predictions drop constraint predictions_interval_check",
        "drop trigger teams_touch on public.teams",
        "grant select on public.teams to anon",
        "grant update (name) on public.teams to anon",
        "revoke execute on function private.my_teams(text) from authenticated",
        "alter table public.teams no force row level security",
        "create policy p on public.teams using (true)",
        "comment on table public.teams is null",
        "create or replace function auth.uid() returns uuid language sql stable as 'select null::uuid'",
        "create view public.v as select 1 as one",
        "alter table public.teams alter column name set default 'x'",
        "revoke usage on schema auth from anon",
    ],
)
def test_fingerprint_notices(database, migrate, change: str) -> None:
    assert migrate("apply").returncode == 0
    with database.connect() as conn:
        before = read_fingerprint(conn)
        conn.execute(change)

        assert compare(before, read_fingerprint(conn)) != ()


def test_second_run_changes_nothing(database, migrate) -> None:
    first = migrate("apply", "--json")
    with database.connect() as conn:
        before = conn.execute("select * from cryo.schema_migrations order by number").fetchall()
    second = migrate("apply", "--json")
    with database.connect() as conn:
        after = conn.execute("select * from cryo.schema_migrations order by number").fetchall()

    assert len(json.loads(first.stdout)["applied"]) == FILES
    assert (second.returncode, json.loads(second.stdout)["applied"]) == (0, [])
    assert before == after


def test_history_says_who_what_and_how_long(database, migrate) -> None:
    migrate("apply")
    with database.connect() as conn:
        row = conn.execute(
            "select phase, git_sha, actor, attempts, server_version / 10000, finished_at >= started_at "
            "from cryo.schema_migrations where number = 2"
        ).fetchone()
        major = conn.info.server_version // 10000

    assert row == ("expand", "0123abc", "postgres cryo-migrate/blue/1.0.0", 1, major, True)


def test_plan_says_what_would_run_and_leaves_no_trace(database, migrate) -> None:
    result = migrate("plan", "--json")

    steps = json.loads(result.stdout)["steps"]
    assert [(step["action"], step["because"]) for step in steps] == [("run", ["not in the history"])] * FILES
    assert not exists(database, "cryo.schema_migrations")


def test_status_and_verify_describe_the_database(migrate) -> None:
    assert "no migrations" not in migrate("status").stdout
    assert "nothing was applied yet" in migrate("verify").stdout
    migrate("apply")
    status = json.loads(migrate("status", "--json").stdout)

    assert (len(status["applied"]), status["pending"]) == (FILES, [])
    assert len(json.loads(migrate("verify", "--json").stdout)["verified"]) == FILES


def test_verify_fails_when_somebody_changed_the_database(database, migrate) -> None:
    migrate("apply")
    with database.connect() as conn:
        conn.execute("drop table public.audit_log")

    result = migrate("verify")

    assert result.returncode == BROKEN
    assert "0005_expand_operations: line" in reason(result)
    assert "0018_expand_complete_rls_policies: " in reason(result)
    assert "audit_log" in reason(result)


def test_way_down_leaves_nothing_and_the_way_up_works_again(database, migrate, repository: Path) -> None:
    with database.connect() as conn:
        empty = read_fingerprint(conn)
    migrate("apply")
    with database.connect() as conn:
        full = read_fingerprint(conn)
        for path in sorted((repository / "migrations").glob("*.down.sql"), reverse=True):
            conn.execute(path.read_bytes())
        assert read_fingerprint(conn) == empty
        conn.execute("drop schema cryo cascade")

    assert migrate("apply").returncode == 0
    with database.connect() as conn:
        assert read_fingerprint(conn) == full


def test_supabase_keeps_its_own_auth_schema(database, cluster, migrate) -> None:
    with cluster.connect() as conn:
        conn.execute("create role supabase_admin nologin")
    try:
        with database.connect() as conn:
            conn.execute("create schema auth; create table auth.users (id uuid primary key, instance_id uuid)")
            for name, kind in (("uid", "uuid"), ("jwt", "jsonb"), ("role", "text")):
                conn.execute(f"create function auth.{name}() returns {kind} language sql as $$ select null::{kind} $$")
            for role in ("anon", "authenticated", "service_role", "authenticator"):
                conn.execute(f"do $$ begin create role {role}; exception when duplicate_object then null; end $$")
            conn.execute("alter role service_role bypassrls")
            before = read_fingerprint(conn, ("auth",))
        result = migrate("apply")
        with database.connect() as conn:
            after = read_fingerprint(conn, ("auth",))
    finally:
        with cluster.connect() as conn:
            conn.execute("drop role supabase_admin")

    assert result.returncode == 0, result.stderr
    assert after == before


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        (
            '{"sub": "6a1b6c1e-0000-4000-8000-000000000001", "role": "authenticated"}',
            ("6a1b6c1e-0000-4000-8000-000000000001", "authenticated"),
        ),
        ('{"role": "service_role"}', (None, "service_role")),
        ("", (None, None)),
    ],
    ids=["user", "service role", "reset by a pooled session"],
)
def test_caller_is_read_from_the_token(database, migrate, claims: str, expected: tuple[str | None, str | None]) -> None:
    migrate("apply")
    with database.connect() as conn:
        conn.execute("select set_config('request.jwt.claims', %s, false)", (claims,))

        assert conn.execute("select auth.uid()::text, auth.role()").fetchone() == expected


def test_every_table_is_commented_indexed_and_closed_to_strangers(database, migrate) -> None:
    migrate("apply")
    with database.connect() as conn:
        uncommented = conn.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' "
            "and obj_description(oid, 'pg_class') is null"
        ).fetchall()
        unindexed = conn.execute(
            "select conname from pg_constraint where contype = 'f' and not exists "
            "(select from pg_index where indrelid = conrelid and indkey[0] = conkey[1])"
        ).fetchall()
        reachable = conn.execute(
            "select relname, role from pg_class, unnest(array['anon', 'public']) as role "
            "where relnamespace = 'public'::regnamespace and relkind = 'r' "
            "and has_table_privilege(role, pg_class.oid, 'select, insert, update, delete')"
        ).fetchall()
        tables = conn.execute(
            "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
        )

        assert (uncommented, unindexed, reachable) == ([], [], [])
        assert tables.fetchone() == (21,)


def test_edited_applied_file_is_refused_and_nothing_runs(database, migrate, folder) -> None:
    path = folder(m0001_expand_one=TABLE, m0002_expand_two="select 1;")
    assert migrate("apply", folder=path).returncode == 0
    folder(m0001_expand_one=TABLE + "-- edited\n", m0003_expand_three="create table public.never ();")

    for verb in ("apply", "plan", "verify", "status"):
        result = migrate(verb, folder=path)
        assert result.returncode == BROKEN, verb
        assert "0001_expand_one.sql was edited after it was applied" in reason(result)
    assert not exists(database, "public.never")


def test_broken_statement_names_file_line_and_remedy_and_keeps_nothing(database, migrate, folder) -> None:
    path = folder(
        m0001_expand_one=TABLE, m0002_expand_two="create table public.two ();\n\nalter table public.none add a int;"
    )

    result = migrate("apply", folder=path)

    assert result.returncode == BROKEN
    told = (
        "migration 0002_expand_two.sql line 7 (nothing of it was kept), `alter table public.none add a int`: relation"
    )
    assert told in reason(result)
    assert "42P01" in reason(result)
    assert history(database) == ["0001_expand_one"]
    assert not exists(database, "public.two")


def test_failing_proof_rolls_the_migration_back(database, migrate, folder) -> None:
    proof = "-- x\n-- @expect zero-rows\nselect id from public.thing;\n"
    path = folder(m0001_expand_one="create table public.thing as select 7::bigint as id;@@" + proof)

    result = migrate("apply", folder=path)

    assert result.returncode == BROKEN
    assert "0001_expand_one.verify.sql: line 3: expected no rows, got (7,); the migration was rolled back" in reason(
        result
    )
    assert not exists(database, "public.thing")
    assert history(database) == []


def test_proof_that_writes_is_refused_by_the_server(database, migrate, folder) -> None:
    proof = "-- x\n-- @expect zero-rows\nwith gone as (delete from public.thing returning id) select id from gone;\n"
    path = folder(m0001_expand_one=TABLE + "@@" + proof)

    result = migrate("apply", folder=path)

    assert result.returncode == BROKEN
    assert "read-only transaction" in reason(result)
    assert not exists(database, "public.thing")


def test_contract_step_waits_until_it_is_asked_for(database, migrate, folder) -> None:
    path = folder(m0001_expand_one=TABLE, m0002_contract_one="drop table public.thing;")

    first = migrate("apply", folder=path)
    still_there = exists(database, "public.thing")
    second = migrate("apply", "--include", "contract", folder=path)

    assert (first.returncode, still_there) == (0, True)
    assert (second.returncode, exists(database, "public.thing")) == (0, False)
    assert migrate("apply", "--include", "expand", folder=path).returncode == 2


@contextmanager
def lock_on_thing(database) -> Iterator[psycopg.Connection]:
    with database.connect() as conn:
        conn.autocommit = False
        conn.execute("lock table public.thing in access share mode")
        yield conn
        conn.rollback()


def test_blocked_migration_is_tried_again_then_left_for_later(database, migrate, folder) -> None:
    path = folder(m0001_expand_one=TABLE)
    migrate("apply", folder=path)
    folder(m0002_expand_two="alter table public.thing add column a int;")

    with lock_on_thing(database) as holder:
        result = migrate("apply", "--lock-tries", "3", folder=path)
        pid = holder.info.backend_pid

    assert result.returncode == BUSY
    assert "no lock within 200 ms in 3 tries" in reason(result)
    assert f"held by pid {pid}" in reason(result)
    retries = [line for line in result.stderr.splitlines() if "migrate.lock.timed_out" in line]
    assert [json.loads(line)["holders"][0]["relations"] for line in retries] == [["thing"]] * 3
    assert history(database) == ["0001_expand_one"]


def test_blocked_migration_goes_through_when_the_lock_is_released(database, start_migrate, migrate, folder) -> None:
    path = folder(m0001_expand_one=TABLE)
    migrate("apply", folder=path)
    folder(m0002_expand_two="alter table public.thing add column a int;")

    with lock_on_thing(database):
        process = start_migrate("apply", "--json", folder=path)
        read_until(process, "migrate.lock.timed_out")
    out, err = process.communicate(timeout=30)

    (run,) = json.loads(out)["applied"]
    assert process.returncode == 0, err
    assert run["attempts"] >= 2
    assert run["lock_wait_ms"] >= 200


def test_waiting_migration_never_holds_others_longer_than_its_budget(database, start_migrate, migrate, folder) -> None:
    path = folder(m0001_expand_one=TABLE)
    migrate("apply", folder=path)
    folder(m0002_expand_two="alter table public.thing add column a int;")
    waits: list[float] = []

    with lock_on_thing(database), database.connect() as reader:
        process = start_migrate("apply", "--lock-tries", "4", folder=path)
        while process.poll() is None:
            begin = time.monotonic()
            reader.execute("select count(*) from public.thing")
            waits.append(time.monotonic() - begin)

    assert process.returncode == BUSY
    # 200 ms of budget; the rest is scheduling on a busy machine. Without a budget the reader waits for the holder.
    assert 0.1 < max(waits) < 1.0


def test_two_runners_at_once_apply_everything_exactly_once(database, start_migrate, folder) -> None:
    bodies = {f"m{n:04d}_expand_step": f"create table public.t{n} (); select pg_sleep(0.1);" for n in range(1, 6)}
    path = folder(**bodies)

    processes = [start_migrate("apply", "--json", folder=path) for _ in range(3)]
    results = [process.communicate(timeout=60) for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0], [err for _, err in results]
    assert sorted(len(json.loads(out)["applied"]) for out, _ in results) == [0, 0, 5]
    assert len(history(database)) == 5


def test_second_runner_gives_up_at_its_deadline(start_migrate, migrate, folder, database) -> None:
    path = folder(m0001_expand_one="create table public.slow (); select pg_sleep(12);")
    first = start_migrate("apply", folder=path)
    wait_until(lambda: holds_runner_lock(database))

    second = migrate("apply", "--wait-s", "0.5", folder=path)

    assert second.returncode == BUSY
    assert "another runner holds the migration lock" in reason(second)
    first.communicate(timeout=30)
    assert first.returncode == 0


def holds_runner_lock(database) -> bool:
    with database.connect() as conn:
        row = conn.execute("select count(*) from pg_locks where locktype = 'advisory' and granted").fetchone()
    return bool(row and row[0])


@pytest.mark.parametrize("after_s", [0.0, 0.15, 0.3, 0.45, 0.6, 0.75])
def test_killed_runner_leaves_whole_steps_and_the_next_run_ends_the_work(
    database, start_migrate, migrate, folder, after_s: float
) -> None:
    bodies = {f"m{n:04d}_expand_step": f"create table public.t{n} (); select pg_sleep(0.15);" for n in range(1, 6)}
    path = folder(**bodies)
    process = start_migrate("apply", folder=path)
    wait_until(lambda: holds_runner_lock(database))
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)

    result = migrate("apply", "--json", folder=path)

    done_before = 5 - len(json.loads(result.stdout)["applied"])
    assert result.returncode == 0, result.stderr
    assert 0 <= done_before < 5
    assert len(history(database)) == 5
    assert all(exists(database, f"public.t{n}") for n in range(1, 6))


def test_killed_runner_frees_its_lock_while_its_statement_still_runs(database, start_migrate, folder) -> None:
    path = folder(m0001_expand_one="create table public.slow (); select pg_sleep(20);")
    process = start_migrate("apply", folder=path)
    wait_until(lambda: holds_runner_lock(database))
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)

    begin = time.monotonic()
    wait_until(lambda: not holds_runner_lock(database), timeout_s=10)

    assert time.monotonic() - begin < 5
    assert history(database) == []


def test_runner_that_is_asked_to_stop_rolls_back_and_says_try_again(database, start_migrate, folder) -> None:
    path = folder(m0001_expand_one="create table public.slow (); select pg_sleep(20);")
    process = start_migrate("apply", folder=path)
    wait_until(lambda: holds_runner_lock(database))
    time.sleep(0.3)
    process.terminate()
    _, err = process.communicate(timeout=10)

    assert process.returncode == BUSY, err
    assert "stopped by SIGTERM" in err
    wait_until(lambda: not holds_runner_lock(database))
    assert not exists(database, "public.slow")


def test_statement_over_its_budget_is_cancelled_and_not_tried_again(migrate, folder) -> None:
    head = HEAD + "-- @statement-budget-s 1\n"
    result = migrate("apply", folder=folder(m0001_expand_one=head + "select pg_sleep(5);"))

    assert result.returncode == BROKEN
    assert "passed its budget of 1 s" in reason(result)


def test_setting_of_one_file_does_not_reach_the_next(database, migrate, folder) -> None:
    path = folder(
        m0001_expand_one="set search_path = pg_catalog;",
        m0002_expand_two="create table public.seen as select current_setting('search_path') as path;",
    )
    migrate("apply", folder=path)

    with database.connect() as conn:
        assert conn.execute("select path from public.seen").fetchone() == ('"$user", public',)


def test_concurrent_index_is_built_outside_a_transaction(database, migrate, folder) -> None:
    index = "create index concurrently if not exists thing_idx on public.thing (id);"
    path = folder(m0001_expand_one=TABLE, m0002_expand_two=ALONE + index)

    result = migrate("apply", folder=path)

    assert result.returncode == 0, result.stderr
    assert exists(database, "public.thing_idx")


def test_invalid_index_of_a_killed_build_is_dropped_and_built_again(database, migrate, folder) -> None:
    path = folder(m0001_expand_one=TABLE)
    migrate("apply", folder=path)
    with database.connect() as conn:
        conn.execute("create index thing_idx on public.thing (id)")
        # What a killed concurrent build leaves behind, made without the race.
        conn.execute("update pg_index set indisvalid = false where indexrelid = 'public.thing_idx'::regclass")
    folder(m0002_expand_two=ALONE + "create index concurrently if not exists thing_idx on public.thing (id);")

    result = migrate("apply", folder=path)

    assert result.returncode == 0, result.stderr
    assert "migrate.index.dropped" in result.stderr
    with database.connect() as conn:
        query = "select indisvalid from pg_index where indexrelid = 'public.thing_idx'::regclass"
        assert conn.execute(query).fetchone() == (True,)


def test_concurrent_index_behind_a_long_transaction_is_tried_again_from_a_clean_state(
    database, start_migrate, migrate, folder
) -> None:
    path = folder(m0001_expand_one=TABLE)
    migrate("apply", folder=path)
    folder(m0002_expand_two=ALONE + "create index concurrently if not exists thing_idx on public.thing (id);")

    with lock_on_thing(database) as holder:
        holder.execute("insert into public.thing values (1)")
        process = start_migrate("apply", folder=path)
        read_until(process, "migrate.lock.timed_out")
    _, err = process.communicate(timeout=30)

    assert process.returncode == 0, err
    with database.connect() as conn:
        query = "select indisvalid from pg_index where indexrelid = 'public.thing_idx'::regclass"
        assert conn.execute(query).fetchone() == (True,)


def test_failing_proof_of_a_step_outside_a_transaction_says_what_stays(database, migrate, folder) -> None:
    proof = "-- x\n-- @expect one-true\nselect false;\n"
    path = folder(m0001_expand_one=ALONE + TABLE.replace("create table", "create table if not exists") + "@@" + proof)

    result = migrate("apply", folder=path)

    assert result.returncode == BROKEN
    assert "its statements stay in place" in reason(result)
    assert (exists(database, "public.thing"), history(database)) == (True, [])


@pytest.mark.parametrize(
    ("environ", "code", "told"),
    [
        ({"CRYO_DB_HOST": ""}, BROKEN, "CRYO_DB_HOST is not set"),
        ({"CRYO_DB_PORT": "1"}, BUSY, "did not answer in time"),
        ({"CRYO_DB_NAME": "nowhere"}, BROKEN, 'database "nowhere" does not exist'),
        ({"CRYO_DB_USER": "nobody"}, BROKEN, "password authentication failed"),
        ({"CRYO_DB_PASSWORD_FILE": "/nonexistent/password"}, BROKEN, "cannot be read"),
    ],
    ids=["no host", "nobody listens", "no database", "no role", "no password file"],
)
def test_unreachable_database_is_told_with_the_right_exit_code(
    migrate, environ: dict[str, str], code: int, told: str
) -> None:
    result = migrate("apply", "--wait-s", "0.2", **environ)

    assert result.returncode == code
    assert told in reason(result)


def test_password_never_reaches_the_log(migrate, cluster) -> None:
    password = cluster.password_file.read_text(encoding="utf-8").strip()
    result = migrate("apply")

    assert result.returncode == 0
    assert password not in result.stderr + result.stdout


def test_role_without_rights_is_refused_with_the_reason(cluster, migrate, tmp_path: Path) -> None:
    with cluster.connect() as conn:
        conn.execute("create role weak login password 'weak-password'")
    (tmp_path / "password").write_text("weak-password\n", encoding="utf-8")
    try:
        result = migrate("apply", CRYO_DB_USER="weak", CRYO_DB_PASSWORD_FILE=str(tmp_path / "password"))
    finally:
        with cluster.connect() as conn:
            conn.execute("drop role weak")

    assert result.returncode == BROKEN
    assert "permission denied" in reason(result)


@contextmanager
def pooler(port: int) -> Iterator[int]:
    """Forwards one connection and, like PgBouncer, shows the client a backend number of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)

        def serve() -> None:
            client, _ = server.accept()
            with client, socket.create_connection(("127.0.0.1", port)) as upstream:
                forward = threading.Thread(target=pump, args=(client, upstream))
                forward.start()
                pump_rewritten(upstream, client)
                forward.join()

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


def pump_rewritten(source: socket.socket, sink: socket.socket) -> None:
    marker = b"K" + struct.pack("!i", 12)
    while data := source.recv(65536):
        at = data.find(marker)
        sink.sendall(data if at < 0 else data[: at + 5] + struct.pack("!i", 4711) + data[at + 9 :])


def test_connection_pooler_is_refused(database, migrate) -> None:
    with pooler(database.cluster.port) as port:
        result = migrate("apply", CRYO_DB_PORT=str(port), CRYO_DB_SSLMODE="disable")

    assert result.returncode == BROKEN
    assert "a connection pooler stands between" in reason(result)
    assert history(database) == []


def test_server_that_dies_in_the_middle_is_a_reason_to_try_again(database, start_migrate, folder) -> None:
    path = folder(m0001_expand_one="create table public.slow (); select pg_sleep(20);")
    process = start_migrate("apply", folder=path)
    wait_until(lambda: holds_runner_lock(database))
    with database.connect() as conn:
        conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'cryo-migrate/%%' "
            "and datname = current_database()"
        )
    _, err = process.communicate(timeout=20)

    assert process.returncode == BUSY, err
    assert history(database) == []
