"""What other sessions do: each test opens them for real, and closes them again."""

import threading
import time
from contextlib import contextmanager

import psycopg
import pytest
from planting import ask, objects

from agents.health.definition import Severity
from agents.health.findings import Status

DEADLINE_S = 30


@pytest.fixture
def place(debian):
    with debian.database() as name, debian.connect(name) as conn:
        conn.execute("create table public.planted (id bigint primary key, value bigint)")
        conn.execute("insert into public.planted values (1, 1), (2, 2)")
        yield debian, name, conn


@contextmanager
def running(server, name: str, statement: str):
    """A session that is busy with a statement until it is ended."""
    conn = server.connect(name, application_name="planted")

    def work() -> None:
        try:
            conn.execute(statement)
        except psycopg.Error:
            return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield conn
    finally:
        conn.cancel_safe()
        thread.join(DEADLINE_S)
        conn.close()


def wait_for(conn, check: str, change: dict, count: int = 1):
    """Ask until that many objects are found; a session needs a moment to get where it waits."""
    until = time.monotonic() + DEADLINE_S
    while True:
        outcome = ask(conn, check, change)
        if len(outcome.findings) == count or time.monotonic() > until:
            return outcome
        time.sleep(0.02)


def test_a_session_that_forgot_to_commit_is_found_with_the_statement_that_ends_it(place):
    server, name, conn = place
    assert ask(conn, "connections.idle_in_transaction").status is Status.OK

    with server.connect(name, application_name="planted") as other:
        other.execute("begin")
        other.execute("select 1")
        outcome = wait_for(conn, "connections.idle_in_transaction", {"warn": 0})
        pid = other.info.backend_pid

    assert objects(outcome) == [f"process {pid}"]
    assert outcome.findings[0].evidence["application"] == "planted"
    assert outcome.findings[0].fix_sql == f"select pg_terminate_backend({pid})"


def test_a_statement_that_runs_long_is_found_and_a_dump_is_not(place):
    server, name, conn = place
    assert ask(conn, "connections.long_query").status is Status.OK

    with running(server, name, "select pg_sleep(60)") as busy, running(server, name, "analyze"):
        outcome = wait_for(conn, "connections.long_query", {"warn": 0})

        assert objects(outcome) == [f"process {busy.info.backend_pid}"]


def test_idle_sessions_are_counted_against_all_slots(place):
    server, name, conn = place
    assert ask(conn, "connections.idle", {"warn": 0.05}).status is Status.OK

    with server.connect(name), server.connect(name), server.connect(name):
        outcome = wait_for(conn, "connections.idle", {"warn": 0.05})

    assert objects(outcome) == ["server"]
    assert outcome.findings[0].evidence == {"idle": 3}


def test_a_forgotten_prepared_transaction_is_found(place):
    server, name, conn = place
    assert ask(conn, "connections.prepared_transaction", {"warn": 0}).status is Status.OK

    with server.connect(name) as other:
        other.execute("begin")
        other.execute("update public.planted set value = 5 where id = 1")
        other.execute("prepare transaction 'planted'")
        outcome = ask(conn, "connections.prepared_transaction", {"warn": 0})
        held = ask(conn, "vacuum.horizon_held", {"warn": 0})
        other.execute("rollback prepared 'planted'")

    assert objects(outcome) == ["planted"]
    assert "prepared planted" in objects(held)


def test_an_open_snapshot_holds_the_horizon(place):
    server, name, conn = place
    assert ask(conn, "vacuum.horizon_held").status is Status.OK

    with server.connect(name) as other:
        other.execute("begin isolation level repeatable read")
        other.execute("select 1 from public.planted")
        outcome = wait_for(conn, "vacuum.horizon_held", {"warn": 0})
        pid = other.info.backend_pid

    assert objects(outcome) == [f"process {pid}"]


def test_a_blocked_session_is_found_with_whoever_blocks_it(place):
    server, name, conn = place
    assert ask(conn, "locks.blocked", {"warn": 0}).status is Status.OK

    with server.connect(name, application_name="blocker") as blocker:
        blocker.execute("begin")
        blocker.execute("lock table public.planted in access exclusive mode")
        with running(server, name, "select count(*) from public.planted") as waiting:
            outcome = wait_for(conn, "locks.blocked", {"warn": 0})
            pids = waiting.info.backend_pid, blocker.info.backend_pid
        blocker.execute("rollback")

    assert objects(outcome) == [f"process {pids[0]}"]
    assert outcome.findings[0].evidence["blocked_by"] == [pids[1]]
    assert outcome.findings[0].evidence["blocker_application"] == "blocker"


def test_a_forgotten_advisory_lock_is_found(place):
    server, name, conn = place
    assert ask(conn, "locks.advisory_idle", {"warn": 0}).status is Status.OK

    with server.connect(name) as other:
        other.execute("select pg_advisory_lock(4711)")
        outcome = wait_for(conn, "locks.advisory_idle", {"warn": 0})

    assert outcome.findings[0].evidence["key"] == 4711


def test_a_deadlock_is_counted(place):
    server, name, conn = place
    assert ask(conn, "locks.deadlocks").status is Status.OK

    with server.connect(name) as other:
        conn.execute("begin")
        other.execute("begin")
        conn.execute("update public.planted set value = 3 where id = 1")
        other.execute("update public.planted set value = 3 where id = 2")
        thread = threading.Thread(target=lambda: _ignore(other, "update public.planted set value = 4 where id = 1"))
        thread.start()
        _ignore(conn, "update public.planted set value = 4 where id = 2")
        conn.execute("rollback")
        thread.join(DEADLINE_S)
        other.execute("rollback")
        for each in (conn, other):
            each.execute("select pg_stat_force_next_flush()")
    outcome = wait_for(conn, "locks.deadlocks", {})

    assert objects(outcome) == [name]
    assert outcome.findings[0].severity is Severity.WARN


def _ignore(conn, statement: str) -> None:
    try:
        conn.execute(statement)
    except psycopg.Error:
        return


def test_an_archive_that_fails_is_found_until_it_works_again(debian):
    with debian.connect() as conn:
        conn.execute("select pg_switch_wal()")
        assert wait_for(conn, "replication.archive_failing", {}, count=0).status is Status.OK
        assert ask(conn, "replication.archive_off").status is Status.OK
        try:
            set_option(conn, "archive_command", "false")
            conn.execute("create table public.planted as select 1 as id")
            conn.execute("select pg_switch_wal()")
            conn.execute("insert into public.planted select 1 from generate_series(1, 1000)")
            failing = wait_for(conn, "replication.archive_failing", {})
            stale = ask(conn, "replication.archive_stale", {"warn": 0})
            set_option(conn, "archive_command", "")
            off = wait_for(conn, "replication.archive_off", {})
        finally:
            set_option(conn, "archive_command", None)
            conn.execute("drop table if exists public.planted")
        assert wait_for(conn, "replication.archive_failing", {}, count=0).status is Status.OK

    assert objects(failing) == ["archiver"]
    assert objects(stale) == ["archiver"]
    assert objects(off) == ["server"]


def test_forced_checkpoints_are_told_from_timed_ones(debian):
    with debian.connect() as conn:
        conn.execute("select pg_stat_reset_shared('bgwriter')")
        assert wait_for(conn, "storage.forced_checkpoints", {}, count=0).status is Status.OK
        for _ in range(11):
            conn.execute("checkpoint")
        outcome = wait_for(conn, "storage.forced_checkpoints", {})

    assert objects(outcome) == ["server"]


def test_a_setting_that_waits_for_a_restart_is_found(debian):
    with debian.connect() as conn:
        assert ask(conn, "availability.pending_restart").status is Status.OK
        try:
            set_option(conn, "max_locks_per_transaction", "128")
            outcome = wait_for(conn, "availability.pending_restart", {})
        finally:
            set_option(conn, "max_locks_per_transaction", None)

    assert objects(outcome) == ["max_locks_per_transaction"]


def set_option(conn, name: str, value: str | None) -> None:
    conn.execute(f"alter system reset {name}" if value is None else f"alter system set {name} = '{value}'")
    conn.execute("select pg_reload_conf()")
