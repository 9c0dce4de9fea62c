"""Migration 0018 itself: complete, provable, reversible, and at home in a database with a past."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from agents.migrate.access.files import BEGIN, END, MIGRATION, load_tables
from agents.migrate.statements import split_statements
from agents.runtime.postgres.fingerprint import compare, read_fingerprint

LEGACY = """
create table public.property_types (id integer primary key, name text);
alter table public.property_types enable row level security;
create policy "Public read" on public.property_types using (true);
grant all on public.property_types to anon, authenticated;
create table public.unprotected (secret text);
grant all on public.unprotected to public;
create view public.molecule_summary as select id, name from public.molecules;
grant select on public.molecule_summary to anon, authenticated;
create materialized view public.molecule_count as select count(*) as molecules from public.molecules;
grant select on public.molecule_count to anon, authenticated;
create function public.all_molecules() returns setof public.molecules language sql security definer as
'select * from public.molecules';
grant all on public.molecules to anon, authenticated, service_role;
grant update (created_by) on public.molecules to authenticated;
alter table public.molecules enable row level security;
create policy "Enable read access for all users" on public.molecules for select using (true);
create policy molecules_select on public.molecules for all to public using (auth.role() = 'service_role');
alter default privileges in schema public grant all on tables to anon, authenticated;
"""
HOLES = {
    "a new table without a rule": "create table public.later (id bigint)",
    "row-level security off": "alter table public.teams disable row level security",
    "not forced": "alter table public.teams no force row level security",
    "policy gone": "drop policy teams_delete on public.teams",
    "policy too many": "create policy more on public.teams for select to authenticated using (false)",
    "policy for anon": "alter policy teams_select on public.teams to anon, authenticated",
    "open write": "alter policy teams_update on public.teams with check (true)",
    "truncate": "grant truncate on public.teams to authenticated",
    "right for everybody": "grant select on public.teams to public",
    "created_by may be updated": "grant update (created_by) on public.teams to authenticated",
    "service cannot write": "revoke insert on public.teams from service_role",
    "trigger off": "alter table public.teams disable trigger teams_created_by",
    "function finds other things": "alter function private.my_teams(text) reset search_path",
    "function of everybody": "grant execute on function private.my_teams(text) to public",
    "function cannot be called": "revoke execute on function private.my_grants() from authenticated",
    "function under the policies": (
        "create role plain_owner; grant all on schema private to plain_owner; "
        "alter function private.my_teams(text) owner to plain_owner"
    ),
    "definer function in public": "create function public.f() returns int language sql security definer as 'select 1'",
    "definer view": "create view public.v as select 1 as one",
    "anon in private": "grant usage on schema private to anon",
    "role passes": "alter role authenticated bypassrls",
}


@pytest.fixture
def before_0018(cluster, repository: Path) -> Iterator[psycopg.Connection]:
    """A database as it is when 0018 is next."""
    name = f"cryo_rls_{secrets.token_hex(4)}"
    with cluster.connect() as conn:
        conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    schema = (repository / "migrations" / "schema.sql").read_text(encoding="utf-8")
    before, rest = schema.split(BEGIN)
    with cluster.connect(name) as conn:
        conn.execute((before + rest.split(END)[1]).encode())
        yield conn
    with cluster.connect() as conn:
        conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def run_file(conn: psycopg.Connection, repository: Path, ending: str) -> list[tuple[object, ...]]:
    """Run every statement of one of 0018's files in one transaction; return what its queries returned."""
    found: list[tuple[object, ...]] = []
    with conn.transaction():
        text = (repository / "migrations" / f"{MIGRATION}{ending}").read_text(encoding="utf-8")
        for statement in split_statements(text):
            cursor = conn.execute(statement.text.encode())
            found += cursor.fetchall() if cursor.description else []
    return found


def test_every_table_of_schema_public_has_a_rule(connection: psycopg.Connection) -> None:
    rows = connection.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
    ).fetchall()

    assert {row[0] for row in rows} == {table.name for table in load_tables()}


def test_every_declared_column_exists_and_every_other_is_never_the_callers(connection: psycopg.Connection) -> None:
    rows = connection.execute(
        "select table_name, column_name from information_schema.columns where table_schema = 'public'"
    ).fetchall()
    declared = {(table.name, column) for table in load_tables() for column in (*table.insert, *table.update)}

    assert declared - set(rows) == set()


def test_migration_makes_the_section_of_schema_sql(before_0018, connection, repository: Path) -> None:
    run_file(before_0018, repository, ".sql")
    made = read_fingerprint(before_0018)

    assert compare(read_fingerprint(connection), made) == ()
    assert run_file(before_0018, repository, ".verify.sql") == []


def test_way_down_restores_the_schema_and_the_way_up_works_again(before_0018, repository: Path) -> None:
    before = read_fingerprint(before_0018)
    run_file(before_0018, repository, ".sql")
    after = read_fingerprint(before_0018)
    run_file(before_0018, repository, ".down.sql")

    assert compare(before, read_fingerprint(before_0018)) == ()
    run_file(before_0018, repository, ".sql")
    assert read_fingerprint(before_0018) == after


def test_adopted_database_loses_every_open_door(before_0018, repository: Path) -> None:
    before_0018.execute(LEGACY)
    run_file(before_0018, repository, ".sql")

    assert run_file(before_0018, repository, ".verify.sql") == []
    reachable = before_0018.execute(
        "select relname, role from pg_class, unnest(array['anon', 'authenticated']) as role "
        "where relname in ('property_types', 'unprotected', 'molecule_count') "
        "and has_table_privilege(role, pg_class.oid, 'select, insert, update, delete')"
    ).fetchall()
    policies = before_0018.execute("select policyname from pg_policies where tablename = 'molecules'").fetchall()
    assert reachable == []
    assert {row[0] for row in policies} == {f"molecules_{each}" for each in ("select", "insert", "update", "delete")}
    before_0018.execute("create table public.born_later (id bigint)")
    assert not before_0018.execute(
        "select has_table_privilege('authenticated', 'public.born_later', 'select')"
    ).fetchone()[0]


@pytest.mark.parametrize("hole", HOLES.values(), ids=HOLES)
def test_proof_notices(connection: psycopg.Connection, repository: Path, hole: str) -> None:
    assert run_file(connection, repository, ".verify.sql") == []
    connection.execute(hole.encode())

    assert run_file(connection, repository, ".verify.sql") != []


def test_policies_are_asked_once_per_query(connection: psycopg.Connection) -> None:
    connection.execute("set local session authorization authenticator; set local role authenticated")
    plan = connection.execute("explain (format json) select * from public.molecules").fetchone()[0]

    assert str(plan).count("InitPlan") >= 3
