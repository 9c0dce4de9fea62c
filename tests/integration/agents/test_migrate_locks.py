"""Locks as the classifier tells them and as the server takes them, and what waiting for one does to others."""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest
from psycopg import sql

from agents.migrate.locks import LockMode, classify_statement

TABLE = "create table public.thing (id bigint primary key);\n"
BUSY = 75
SCHEMA = """
create table public.parent (id bigint primary key, note text);
create table public.child (id bigint primary key, parent_id bigint, code varchar(10), amount integer not null default 0,
    constraint child_amount_check check (amount >= 0));
create index child_code_idx on public.child (code);
create unique index child_code_key on public.child (code);
alter table public.child add constraint child_code_unchecked check (code <> 'x') not valid;
create view public.children as select id from public.child;
create materialized view public.totals as select count(*) as n from public.child;
create unique index totals_n on public.totals (n);
create sequence public.numbers;
create function public.nothing() returns trigger language plpgsql as 'begin return new; end';
create trigger child_old before update on public.child for each row execute function public.nothing();
create policy child_all on public.child using (true);
create table public.parts (id bigint, kind text) partition by list (kind);
create table public.part_a (id bigint, kind text);
"""
# Each runs in a transaction of its own; what it locks in the schema public is compared with what was foretold.
SAMPLES = [
    "alter table public.child add column a text",
    "alter table public.child add column a int default 7",
    "alter table public.child add column a timestamptz not null default now()",
    "alter table public.child add column a uuid default gen_random_uuid()",
    "alter table public.child add column a bigint references public.parent (id)",
    "alter table public.child add column a int generated always as (amount * 2) stored",
    "alter table public.child add column a text, drop column code",
    "alter table public.child drop column code",
    "alter table public.child alter column amount type bigint",
    "alter table public.child alter amount set data type numeric",
    "alter table public.child alter column code set not null",
    "alter table public.child alter column amount drop not null",
    "alter table public.child alter column amount set default 3",
    "alter table public.child alter column amount drop default",
    "alter table public.child alter column amount set statistics 200",
    "alter table public.child add constraint k check (amount < 9)",
    "alter table public.child add constraint k check (amount < 9) not valid",
    "alter table public.child add check (amount < 9)",
    "alter table public.child add constraint k unique (amount, id)",
    "alter table public.child add constraint k unique using index child_code_key",
    "alter table public.child add constraint k foreign key (parent_id) references public.parent (id)",
    "alter table public.child add constraint k foreign key (parent_id) references public.parent (id) not valid",
    "alter table public.child validate constraint child_code_unchecked",
    "alter table public.child drop constraint child_amount_check",
    "alter table public.child rename constraint child_amount_check to k",
    "alter table public.child rename column code to label",
    "alter table public.child rename to kid",
    "alter table public.child enable row level security, force row level security",
    "alter table public.child disable trigger child_old",
    "alter table public.child set (fillfactor = 80)",
    "alter table public.child set unlogged",
    "alter table public.child owner to current_user",
    "alter table only public.child replica identity full",
    "alter table public.parts attach partition public.part_a for values in ('a')",
    "alter index public.child_code_idx rename to other",
    "create index on public.child (amount)",
    "create unique index if not exists thing_idx on public.child using btree (amount, id)",
    "create trigger t before insert on public.child for each row execute function public.nothing()",
    "create or replace trigger child_old after delete on public.child for each row execute function public.nothing()",
    "drop trigger child_old on public.child",
    "alter trigger child_old on public.child rename to other",
    "create policy p on public.child for select using (true)",
    "alter policy child_all on public.child using (false)",
    "drop policy child_all on public.child",
    "create table public.made (up bigint references public.parent (id), own bigint references public.child (id))",
    "create table public.part_b partition of public.parts for values in ('b')",
    "create table if not exists public.copied (like public.child)",
    "insert into public.child (id) values (1)",
    "insert into public.child (id) values (1) on conflict (id) do update set amount = 2",
    "update public.child set amount = 1 where id = 1",
    "delete from public.child",
    "with gone as (delete from public.child returning id) insert into public.parent (id) select id + 1 from gone",
    "truncate public.child",
    "comment on table public.child is 'x; alter table public.parent drop column id'",
    "comment on column public.child.amount is 'x'",
    "comment on constraint child_amount_check on public.child is 'x'",
    "grant select on public.child to current_user",
    "revoke all on public.child from public",
    "create view public.v as select id from public.parent",
    "drop view public.children",
    "alter view public.children set (security_invoker = true)",
    "refresh materialized view public.totals",
    "refresh materialized view concurrently public.totals",
    "create function public.f() returns int language sql as 'select 1'",
    "drop function public.nothing() cascade",
    "create schema s",
    "create statistics public.st on amount, id from public.child",
    "alter sequence public.numbers restart with 7",
    "analyze public.child",
    "lock table public.child in access exclusive mode",
    "drop table public.child cascade",
    "drop index public.child_code_idx",
    "select count(*) from public.child",
    "set local lock_timeout = '1s'",
]
# What the text cannot tell; the reason says that there is more.
BEYOND_THE_TEXT = {
    "drop function public.nothing() cascade": {"public.child": LockMode.ACCESS_EXCLUSIVE},
    "drop table public.child cascade": {
        "public.children": LockMode.ACCESS_EXCLUSIVE,
        "public.totals": LockMode.ACCESS_EXCLUSIVE,
    },
}
# Locks that nobody who works with tables notices, and that the classifier does not tell.
QUIET = {LockMode.ACCESS_SHARE, LockMode.ROW_SHARE, LockMode.NONE}


@pytest.fixture(scope="module")
def schema(cluster) -> Iterator[psycopg.Connection]:
    """One database for all samples: each is rolled back."""
    name = f"cryo_{secrets.token_hex(4)}"
    with cluster.connect() as conn:
        conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    with cluster.connect(name) as conn:
        conn.execute(SCHEMA)
        conn.execute("insert into public.child (id, code) values (100, 'a'); insert into public.parent values (100)")
        yield conn
    with cluster.connect() as conn:
        conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def read_names(conn: psycopg.Connection) -> dict[int, str]:
    """Tables, views and sequences by oid; an index counts as its table."""
    query = (
        "select pg_class.oid::bigint, coalesce(owner.relname, pg_class.relname) from pg_class "
        "left join pg_index on indexrelid = pg_class.oid left join pg_class as owner on owner.oid = indrelid "
        "where pg_class.relnamespace = 'public'::regnamespace"
    )
    return {oid: f"public.{name}" for oid, name in conn.execute(query)}


def read_locks(conn: psycopg.Connection, names: dict[int, str]) -> dict[str, LockMode]:
    """Strongest lock of our own transaction on each table that others know already."""
    modes = {mode.title + "Lock": mode for mode in LockMode}
    query = "select relation::bigint, mode from pg_locks where pid = pg_backend_pid() and locktype = 'relation'"
    found: dict[str, LockMode] = {}
    for oid, mode in conn.execute(query):
        if oid in names and modes[mode] not in QUIET:
            found[names[oid]] = max(found.get(names[oid], LockMode.NONE), modes[mode])
    return found


@pytest.mark.parametrize("statement", SAMPLES)
def test_classifier_tells_the_locks_that_the_server_takes(schema, statement: str) -> None:
    names = read_names(schema)
    file_of_child = "select relfilenode from pg_class where oid = to_regclass('public.child')"
    before = schema.execute(file_of_child).fetchone()
    with schema.transaction(force_rollback=True):
        schema.execute(statement)
        actual = read_locks(schema, names)
        after = schema.execute(file_of_child).fetchone()
    told = classify_statement(statement)
    # An index names no table, so it is compared under the table.
    foretold = {
        "public.child" if "child_code_idx" in lock.table else lock.table: lock.mode
        for lock in told.locks
        if lock.mode not in QUIET
    }

    assert {**foretold, **BEYOND_THE_TEXT.get(statement, {})} == actual
    assert told.known
    assert told.because
    assert told.rewrites or before == after or after is None or "truncate" in statement


@pytest.mark.parametrize(
    ("statement", "mode"),
    [
        ("create index concurrently if not exists i on public.child (amount)", "ShareUpdateExclusive"),
        ("drop index concurrently public.child_code_idx", "ShareUpdateExclusive"),
        ("alter table public.parts detach partition public.part_a concurrently", "ShareUpdateExclusive"),
        ("do $$ begin drop table public.child; end $$", "AccessExclusive"),
        ("reindex table public.child", "AccessExclusive"),
        ("alter table public.child frobnicate", "AccessExclusive"),
    ],
)
def test_statement_outside_a_transaction_or_unknown_is_told_by_its_strongest_lock(statement: str, mode: str) -> None:
    assert classify_statement(statement).strongest.title == mode


def test_plan_tells_locks_rows_and_work_of_each_statement(database, migrate, folder) -> None:
    path = folder(m0001_expand_one=TABLE)
    migrate("apply", folder=path)
    with database.connect() as conn:
        conn.execute("insert into public.thing select generate_series(1, 1000)")
        conn.execute("analyze public.thing")
    folder(m0002_expand_two="alter table public.thing alter column id type numeric;\ndo $$ begin end $$;")

    person, machine = migrate("plan", folder=path), json.loads(migrate("plan", "--json", folder=path).stdout)

    told = "AccessExclusive on public.thing of about 1000 rows (readers and writers wait); rewrites the table"
    assert told in person.stdout
    assert "unknown, treat as AccessExclusive" in person.stdout
    (first, second) = machine["steps"][1]["statements"]
    assert (first["line"], first["rewrites"], first["rows"]) == (5, True, {"public.thing": 1000})
    assert first["locks"] == [{"table": "public.thing", "mode": "AccessExclusive"}]
    assert second["known"] is False


@contextmanager
def transaction(database, *statements: str) -> Iterator[psycopg.Connection]:
    with database.connect() as conn:
        conn.autocommit = False
        for statement in statements:
            conn.execute(statement)
        yield conn
        conn.rollback()


def test_only_the_session_that_really_blocks_is_named(database, migrate, folder) -> None:
    path = folder(m0001_expand_one=TABLE + "create table public.other (id bigint);")
    migrate("apply", folder=path)
    folder(m0002_expand_two="alter table public.thing add column a int;")

    with transaction(database, "lock table public.other in access exclusive mode") as bystander:
        bystander.execute("select pg_advisory_xact_lock(1)")
        with transaction(database, "lock table public.thing in access share mode") as blocker:
            result = migrate("apply", "--lock-tries", "3", folder=path)
            pids = blocker.info.backend_pid, bystander.info.backend_pid

    assert result.returncode == BUSY
    events = [json.loads(line) for line in result.stderr.splitlines() if "migrate.lock.timed_out" in line]
    assert [[holder["pid"] for holder in event["holders"]] for event in events] == [[pids[0]]] * 3
    assert {holder["relations"][0] for event in events for holder in event["holders"]} == {"thing"}
    assert str(pids[1]) not in result.stderr.replace(str(pids[0]), "")
    assert "lock table" not in result.stderr


def test_who_waits_before_us_is_named_too(database, migrate, folder) -> None:
    path = folder(m0001_expand_one=TABLE)
    migrate("apply", folder=path)
    folder(m0002_expand_two="create index on public.thing (id);")

    with transaction(database, "insert into public.thing values (1)") as writer, database.connect() as waiter:
        thread = threading.Thread(target=_wait_for_lock, args=(waiter,))
        thread.start()
        time.sleep(0.3)
        result = migrate("apply", "--lock-tries", "1", folder=path)
        pids = {writer.info.backend_pid, waiter.info.backend_pid}
        waiter.cancel()
        thread.join()

    (event,) = [json.loads(line) for line in result.stderr.splitlines() if "migrate.lock.timed_out" in line]
    assert {holder["pid"] for holder in event["holders"]} == pids


def _wait_for_lock(conn: psycopg.Connection) -> None:
    with suppress(psycopg.errors.QueryCanceled):
        conn.execute("alter table public.thing add column b int")


def test_nobody_queues_behind_a_waiting_migration_for_longer_than_its_budget(
    database, start_migrate, migrate, folder
) -> None:
    path = folder(m0001_expand_one=TABLE)
    migrate("apply", folder=path)
    folder(m0002_expand_two="alter table public.thing add column a int;")
    waits_s: list[float] = []
    over = threading.Event()

    def work(statement: str) -> None:
        with database.connect() as conn:
            while not over.is_set():
                begin_s = time.monotonic()
                conn.execute(statement.encode())
                waits_s.append(time.monotonic() - begin_s)

    insert = "insert into public.thing select coalesce(max(id), 0) + 1 from public.thing on conflict do nothing"
    statements = ["select count(*) from public.thing", insert] * 2
    with transaction(database, "lock table public.thing in access share mode"):
        threads = [threading.Thread(target=work, args=(statement,)) for statement in statements]
        for thread in threads:
            thread.start()
        process = start_migrate("apply", folder=path)
        time.sleep(10)
    _, err = process.communicate(timeout=60)
    over.set()
    for thread in threads:
        thread.join()

    assert process.returncode == 0, err
    assert err.count("migrate.lock.timed_out") > 3
    # The blocker stays 10 s and the budget is 200 ms; a wait without a budget would last as long as the blocker.
    assert 0.1 < max(waits_s) < 5
