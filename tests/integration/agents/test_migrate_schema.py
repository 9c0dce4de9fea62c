"""`verify` against schema.sql: a scratch database on the same server, and every difference by its name."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg import sql

BROKEN = 70
SCHEMA = "create schema private;\ncreate table public.thing (id bigint primary key);\n"
MIGRATION = SCHEMA


def reason(result: subprocess.CompletedProcess[str]) -> str:
    return str(json.loads(result.stderr.strip().splitlines()[-1])["reason"])


def scratch_databases(cluster) -> list[str]:
    with cluster.connect() as conn:
        query = "select datname from pg_database where datname like 'cryo!_truth!_%' escape '!' order by 1"
        return [row[0] for row in conn.execute(query)]


@pytest.fixture(autouse=True)
def _no_leftovers(cluster) -> None:
    """Tests that kill a runner share this server, and what such a runner leaves is young enough to stay."""
    with cluster.connect() as conn:
        for name in scratch_databases(cluster):
            conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def small(folder: Callable[..., Path]) -> Path:
    """A folder whose schema.sql says what its one migration does."""
    path = folder(m0001_expand_one=MIGRATION)
    (path / "schema.sql").write_text(SCHEMA, encoding="utf-8")
    return path


def test_own_schema_file_is_what_the_migrations_make(database, cluster, migrate) -> None:
    migrate("apply")
    result = migrate("verify", "--json")

    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["schema"].startswith("equals schema.sql, fingerprint ")
    assert scratch_databases(cluster) == []


def test_every_difference_is_named_and_the_scratch_database_is_gone(database, cluster, migrate, small: Path) -> None:
    migrate("apply", folder=small)
    with database.connect() as conn:
        conn.execute("alter table public.thing add column colour text, drop constraint thing_pkey")
        conn.execute("create function public.f() returns int language sql as 'select 1'")

    result = migrate("verify", folder=small)

    assert result.returncode == BROKEN
    for told in (
        "unexpected column public.thing.colour: text",
        "missing constraint public.thing.thing_pkey: PRIMARY KEY (id)",
        "missing index public.thing_pkey",
        "unexpected function public.f()",
    ):
        assert told in reason(result)
    assert scratch_databases(cluster) == []


def test_broken_schema_file_is_told_with_its_line_and_leaves_no_database(cluster, migrate, small: Path) -> None:
    migrate("apply", folder=small)
    (small / "schema.sql").write_text(SCHEMA + "\nalter table public.none add a int;\n", encoding="utf-8")

    result = migrate("verify", folder=small)

    assert result.returncode == BROKEN
    assert "schema.sql line 4, in a scratch database" in reason(result)
    assert "42P01" in reason(result)
    assert scratch_databases(cluster) == []


def test_loading_the_schema_file_changes_no_role_that_is_there(cluster, migrate, database) -> None:
    migrate("apply")
    roles = (
        "select rolname, rolbypassrls, rolinherit, rolcanlogin, xmin::text from pg_authid "
        "where rolname in ('anon', 'authenticated', 'service_role', 'authenticator') order by 1"
    )
    members = "select roleid, member, grantor, admin_option, xmin::text from pg_auth_members order by 1, 2"
    with cluster.connect() as conn:
        before = conn.execute(roles).fetchall(), conn.execute(members).fetchall()
        assert migrate("verify").returncode == 0
        assert (conn.execute(roles).fetchall(), conn.execute(members).fetchall()) == before


def test_role_that_may_not_create_databases_is_told_what_to_run(
    cluster, database, migrate, small: Path, tmp_path: Path
) -> None:
    migrate("apply", folder=small)
    with cluster.connect() as conn:
        conn.execute("create role narrow login password 'narrow-password'")
    with database.connect() as conn:
        conn.execute("grant usage on schema cryo, private to narrow; grant select on cryo.schema_migrations to narrow")
    secret = tmp_path.parent / "narrow-password"
    secret.write_text("narrow-password\n", encoding="utf-8")
    try:
        result = migrate("verify", folder=small, CRYO_DB_USER="narrow", CRYO_DB_PASSWORD_FILE=str(secret))
    finally:
        with database.connect() as conn:
            conn.execute("drop owned by narrow; drop role narrow")

    assert result.returncode == BROKEN
    assert 'run `alter role "narrow" createdb` as a superuser' in reason(result)


def test_scratch_database_of_a_killed_run_is_removed_when_it_is_old(cluster, migrate, small: Path) -> None:
    migrate("apply", folder=small)
    now = int(time.time())
    old, young, foreign = f"cryo_truth_{now - 3700}_0123abcd", f"cryo_truth_{now - 60}_0123abcd", "cryo_truth_of_mine"
    with cluster.connect() as conn:
        for name in (old, young, foreign):
            conn.execute(f"create database {name}")
    try:
        assert migrate("verify", folder=small).returncode == 0
        assert scratch_databases(cluster) == sorted([young, foreign])
    finally:
        with cluster.connect() as conn:
            conn.execute(f"drop database {young}")
            conn.execute(f"drop database {foreign}")


def test_search_path_of_the_database_does_not_look_like_a_difference(cluster, database, migrate) -> None:
    migrate("apply")
    with cluster.connect() as conn:
        conn.execute(f"alter database {database.name} set search_path = private, auth, public")

    assert migrate("verify").returncode == 0


def test_supabase_auth_is_not_compared(cluster, database, migrate) -> None:
    migrate("apply")
    with cluster.connect() as conn:
        conn.execute("create role supabase_admin nologin")
    try:
        with database.connect() as conn:
            conn.execute("alter table auth.users add column instance_id uuid")
        result = migrate("verify")
    finally:
        with cluster.connect() as conn:
            conn.execute("drop role supabase_admin")

    assert result.returncode == 0, result.stderr
    assert "auth.users.instance_id" in reason(migrate("verify"))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"m0002_expand_two": "select 1;"}, "schema: not compared, 1 files are not applied yet, first 0002_expand_two"),
        ({}, "schema: not compared, the folder has no schema.sql"),
    ],
    ids=["pending", "no file"],
)
def test_comparison_that_cannot_be_made_is_told_not_passed_over(
    migrate, folder, more: dict[str, str], told: str
) -> None:
    path = folder(m0001_expand_one=MIGRATION)
    migrate("apply", folder=path)
    folder(**more)
    if more:
        (path / "schema.sql").write_text(SCHEMA, encoding="utf-8")

    assert told in migrate("verify", folder=path).stdout
