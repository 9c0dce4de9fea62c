from pathlib import Path

import pytest
from psycopg import sql

from agents.backup.contents import Contents, Limits, read_contents, snapshot
from agents.backup.differences import compare
from agents.runtime.errors import DatabaseRefusedError

SCHEMA = """
create schema s;
create table public.parents (id bigint primary key, name text);
create table public.children (
    id bigint generated always as identity primary key,
    parent_id bigint constraint children_parent_fkey references public.parents (id),
    taken_at timestamptz, weight double precision, payload bytea, data jsonb, length interval, "t" text
);
create table s."Odd name" (each_row text);
create table public.parted (id bigint, day date) partition by range (day);
create table public.parted_1 partition of public.parted for values from ('2026-01-01') to ('2026-02-01');
create unlogged table public.fleeting (id bigint);
insert into public.parents select n, 'parent ' || n from generate_series(1, 50) as n;
insert into public.children (parent_id, taken_at, weight, payload, data, length, "t")
select n, '2026-01-01'::timestamptz + n * interval '1 hour', n / 3.0, decode(md5(n::text), 'hex'),
    jsonb_build_object('n', n), n * interval '1 day', repeat('x', n * 100)
from generate_series(1, 50) as n;
insert into s."Odd name" values ('a'), ('a'), (null);
insert into public.parted values (1, '2026-01-05');
insert into public.fleeting values (1);
"""


@pytest.fixture
def filled(database):
    with database.connect() as conn:
        conn.execute(SCHEMA)
    return database


def read(database) -> Contents:
    with database.connect() as conn, snapshot(conn, Limits()):
        return read_contents(conn)


def test_every_lasting_table_is_counted_and_digested(filled) -> None:
    tables = read(filled).tables

    assert {name: state.rows for name, state in tables.items()} == {
        "public.children": 50,
        "public.parents": 50,
        "public.parted_1": 1,
        "s.Odd name": 3,
    }


def test_the_digest_does_not_depend_on_the_order_of_rows_or_the_session(filled) -> None:
    before = read(filled)
    with filled.connect() as conn:
        conn.execute("create table copy as select * from public.children")
        conn.execute("update public.children set id = default where false")
        conn.execute("cluster public.children using children_pkey")
        conn.execute("delete from public.parents where id > 25 and id not in (select parent_id from public.children)")
        conn.execute("drop table copy")
        for name, value in (("timezone", "Asia/Tokyo"), ("datestyle", "German"), ("extra_float_digits", "-5")):
            conn.execute(
                sql.SQL("alter database {} set {} = {}").format(
                    sql.Identifier(filled.name), sql.Identifier(name), sql.Literal(value)
                )
            )

    assert compare(before, read(filled)) == ()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("update public.children set weight = weight + 1e-12 where id = 7", "public.children"),
        ("delete from public.children where id = 7", "public.children"),
        ("update s.\"Odd name\" set each_row = 'b' where ctid = '(0,1)'", "s.Odd name"),
        ('delete from s."Odd name" where ctid = \'(0,1)\'; insert into s."Odd name" values (null)', "s.Odd name"),
        ("update public.parted set id = 2", "public.parted_1"),
        ("select setval('public.children_id_seq', 7)", "public.children_id_seq"),
        ("alter table public.parents enable row level security", "relation public.parents"),
        ("create policy p on public.parents using (true)", "policy public.parents.p"),
        ("alter table public.parents disable trigger all; delete from public.parents where id = 3", "public.parents"),
        ("create table public.more ()", "public.more"),
        ("select lo_create(0)", "large objects"),
    ],
)
def test_one_change_is_found_and_its_object_named(filled, change, named) -> None:
    before = read(filled)
    with filled.connect() as conn:
        conn.execute(change)

    assert named in {each.object for each in compare(before, read(filled))}


def test_rows_without_a_parent_are_counted_by_query_not_by_the_catalogue(filled) -> None:
    with filled.connect() as conn:
        conn.execute("alter table public.parents disable trigger all")
        conn.execute("delete from public.parents where id in (3, 4)")

    assert read(filled).orphans == {"public.children.children_parent_fkey": 2}


def test_the_contents_are_of_one_moment(filled) -> None:
    with filled.connect() as conn, snapshot(conn, Limits()):
        first = read_contents(conn)
        with filled.connect() as other:
            other.execute("delete from public.children")
        second = read_contents(conn)

    assert compare(first, second) == ()


def test_a_role_that_would_miss_rows_is_refused_instead_of_counting_fewer(filled) -> None:
    with filled.connect() as conn:
        conn.execute("alter table public.parents enable row level security")
        conn.execute("alter table public.parents force row level security")
        conn.execute("drop role if exists cryo_backup_reader")
        conn.execute("create role cryo_backup_reader login password 'reader-of-tests'")
        conn.execute("grant pg_read_all_data to cryo_backup_reader")
        try:
            conn.execute("set role cryo_backup_reader")
            with pytest.raises(DatabaseRefusedError, match=r"row-level security.*BYPASSRLS"), snapshot(conn, Limits()):
                read_contents(conn)
        finally:
            conn.execute("reset role")
            conn.execute("drop role cryo_backup_reader")


def test_the_platform_itself_can_be_read(database, migrate, repository: Path) -> None:
    assert migrate("apply").returncode == 0

    contents = read(database)

    newest = max(path.name for path in (repository / "migrations").glob("[0-9]*.verify.sql"))
    assert contents.migration_head == newest.removesuffix(".verify.sql")
    assert contents.orphans == {}
    assert "public.molecules" in contents.tables
    assert "cryo.schema_migrations" in contents.tables
