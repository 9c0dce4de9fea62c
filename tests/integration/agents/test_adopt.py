"""Adoption of a CryoProtect v2 database, on a planted one: 12 relations with orphans, wrong types, lost constraints."""

import json
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from psycopg import sql

from agents.runtime.postgres.fingerprint import read_fingerprint

LEGACY = Path(__file__).parent / "legacy"
BROKEN = 70
# Counted by the planted rows themselves: child table, column, parent.
RELATIONS = [
    ("user_team_membership", "user_id", "auth.users"),
    ("user_team_membership", "team_id", "public.teams"),
    ("user_team_membership", "role_id", "public.team_roles"),
    ("projects", "created_by", "auth.users"),
    ("molecules", "created_by", "auth.users"),
    ("mixtures", "created_by", "auth.users"),
    ("mixture_components", "mixture_id", "public.mixtures"),
    ("mixture_components", "molecule_id", "public.molecules"),
    ("experiments", "mixture_id", "public.mixtures"),
    ("experiments", "created_by", "auth.users"),
    ("lab_verifications", "experiment_id", "public.experiments"),
    ("lab_verifications", "verifier", "auth.users"),
]
ORPHANS = (
    "select count(*) from public.{child} as child where {column} is not null and not exists "
    "(select from {parent} as parent where parent.id::text = child.{column}::text)"
)


@pytest.fixture
def base(tmp_path: Path, repository: Path) -> Path:
    """The files that an adoption stands for, without those that repair and protect afterwards."""
    for path in (repository / "migrations").iterdir():
        if path.name == "schema.sql" or int(path.name[:4]) <= 7:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def plant(database, *, rows: bool = True) -> None:
    with database.connect() as conn:
        conn.execute((LEGACY / "schema.sql").read_bytes())
        if rows:
            conn.execute((LEGACY / "rows.sql").read_bytes())


def reason(result: subprocess.CompletedProcess[str]) -> str:
    return str(json.loads(result.stderr.strip().splitlines()[-1])["reason"])


def ask(database, query: str, *parameters: object) -> list[tuple[object, ...]]:
    with database.connect() as conn:
        return conn.execute(query.encode(), parameters or None).fetchall()


def copy_rows(database) -> dict[str, dict[str, dict[str, object]]]:
    """Every row of every public table by table and primary key."""
    with database.connect() as conn:
        tables = [
            row[0]
            for row in conn.execute(
                "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
            )
        ]
        return {
            table: {str(row[0]["id"]): row[0] for row in conn.execute(f"select to_jsonb(t) from public.{table} as t")}  # noqa: S608
            for table in tables
            if conn.execute(
                "select 1 from pg_attribute where attrelid = to_regclass(%s) and attname = 'id'", (f"public.{table}",)
            ).fetchone()
        }


def count_orphans(database) -> dict[tuple[str, str], int]:
    with database.connect() as conn:
        return {
            (child, column): conn.execute(
                sql.SQL(ORPHANS).format(
                    child=sql.Identifier(child),
                    column=sql.Identifier(column),
                    parent=sql.Identifier(*parent.split(".")),
                )
            ).fetchone()[0]
            for child, column, parent in RELATIONS
        }


def test_database_without_a_history_is_refused_with_the_way_on(database, migrate) -> None:
    plant(database, rows=False)
    with database.connect() as conn:
        before = read_fingerprint(conn)

    for verb in ("apply", "plan"):
        result = migrate(verb)
        assert result.returncode == BROKEN
        assert "public.experiments" in reason(result)
        assert "cryo migrate adopt" in reason(result)
        assert "apply --adopt" in reason(result)
    with database.connect() as conn:
        assert read_fingerprint(conn) == before
    assert ask(
        database,
        "select to_regclass('cryo.schema_migrations') is null or "
        "(select count(*) = 0 from pg_class where relname = 'molecules_inchikey_idx')",
    ) == [(True,)]


def test_dry_run_says_everything_and_changes_nothing(database, migrate) -> None:
    plant(database)
    with database.connect() as conn:
        before = read_fingerprint(conn)
    result = migrate("adopt", "--json")
    answer = json.loads(result.stdout)

    with database.connect() as conn:
        assert read_fingerprint(conn) == before
    assert ask(database, "select to_regnamespace('cryo') is null") == [(True,)]
    assert answer["refusals"] == []
    assert all(action["because"] for action in answer["actions"])
    rows = {(action["step"], action["object"]): action["rows"] for action in answer["actions"]}
    assert rows["fill", "public.experiments.name"] == 30_000
    assert rows["retype", "public.molecules"] == 20_000
    assert ("set_aside", "public.predictions") in rows
    assert ("create_table", "public.predictions") in rows


def test_planted_database_ends_whole_and_no_row_is_lost(database, migrate, repository: Path) -> None:
    plant(database)
    before = copy_rows(database)
    orphans = count_orphans(database)

    first = migrate("apply", "--adopt", "--without-backup", "a planted database")
    verified = migrate("verify", "--json")
    with database.connect() as conn:
        schema = read_fingerprint(conn)
        history = conn.execute("select * from cryo.schema_migrations order by number, phase").fetchall()
    second = migrate("apply", "--adopt", "--json")

    assert first.returncode == 0, first.stderr[-3000:]
    assert len(RELATIONS) == 12
    assert min(orphans.values()) > 0
    assert sum(orphans.values()) >= 100_000
    assert set(count_orphans(database).values()) == {0}
    assert verified.returncode == 0, verified.stderr[-3000:]
    assert json.loads(verified.stdout)["schema"].startswith("equals schema.sql")
    kept = {each["name"]: each["reason"] for each in json.loads(verified.stdout)["kept"]}
    assert "public.legacy_predictions" in kept
    assert "public.molecules.pubchem_link" in kept
    assert all(kept.values())
    assert json.loads(second.stdout) == {"adopted": [], "applied": [], "notes": []}
    with database.connect() as conn:
        assert read_fingerprint(conn) == schema
        assert conn.execute("select * from cryo.schema_migrations order by number, phase").fetchall() == history
    lost = find_lost_rows(database, before, declared_deletes(repository))
    assert lost == []


def declared_deletes(repository: Path) -> set[str]:
    """Tables whose orphans are deleted because the declaration says that they mean nothing without their parent."""
    text = (repository / "migrations" / "0017_backfill_fix_foreign_keys.toml").read_text(encoding="utf-8")
    relations = next(value for value in tomllib.loads(text).values() if isinstance(value, list))
    return {each["child"].removeprefix("public.") for each in relations if each["orphan"] == "delete"}


def find_lost_rows(database, before: dict[str, dict[str, dict[str, object]]], deletes: set[str]) -> list[str]:
    """Rows that are neither where they were nor whole in quarantine, and values that changed without a declaration."""
    after = copy_rows(database)
    moved = {"predictions": "legacy_predictions"}
    quarantined = {
        (table, key["id"]): data
        for table, key, data in ask(
            database, "select table_name, row_key::jsonb, row_data from private.quarantined_rows"
        )
    }
    known = {key for key, _ in ask(database, "select id::text, 1 from auth.users")}
    parents = {"user_id": known, "team_id": set(after["teams"]), "role_id": set(after["team_roles"])}
    lost = []
    for table, rows in before.items():
        now = after[moved.get(table, table)]
        for key, row in rows.items():
            found = now.get(key) or quarantined.get((f"public.{table}", key))
            if found is None:
                meaningless = table in deletes and any(row[column] not in ids for column, ids in parents.items())
                if not meaningless:
                    lost.append(f"{table} {key}")
                continue
            changed = {name for name, value in row.items() if found.get(name) != value}
            if table == "lab_verifications" and str(row["verifier"]) in str(found.get("comments")):
                changed.discard("comments")  # a name that is no account moves there
            allowed = {"name", "smiles", "created_by", "verifier", "created_at", "updated_at"}
            if changed - allowed:
                lost.append(f"{table} {key}: {sorted(changed - allowed)}")
    return lost


def test_values_of_v2_are_kept_and_what_they_mean_is_written_here(database, migrate) -> None:
    plant(database)
    assert migrate("apply", "--adopt", "--without-backup", "a planted database").returncode == 0

    units = ask(database, "select distinct concentration_unit, amount_unit from public.mixture_components")
    assert sorted(units) == [
        ("%w/v", "%w/v"), ("M", "mol/L"), ("mM", "mmol/L"), ("mg/mL", "g/L"), ("mol/L", "mol/L"),
    ]  # fmt: skip
    assert ask(database, "select count(*) from public.mixture_components where amount <> concentration") == [(0,)]
    assert ask(database, "select name from public.molecules where cid in (7, 8, 9) order by cid") == [
        ("CID 7",), ("CID 8",), ("molecule 9",),
    ]  # fmt: skip
    # The triggers of v2 would have written the moment of the adoption here; forgetting a lost person is a change.
    assert ask(
        database, "select distinct updated_at::date::text from public.molecules where created_by is not null"
    ) == [("2024-05-01",)]
    experiment = "select name, status, protocol, performed_at = '2024-01-02 00:00+00' from public.experiments "
    assert ask(database, experiment + "where id = '0000000a-0000-4000-8000-000000000001'") == [
        ("experiment 0000000a-0000-4000-8000-000000000001", "done", "cooled at 1 K/min", True)
    ]
    assert ask(database, "select name, id, enabled from public.feature_flags order by id") == [
        ("tg_dashboard", 1, True), ("exports", 2, False),
    ]  # fmt: skip
    with database.connect() as conn:
        new = conn.execute("insert into public.feature_flags (name) values ('later') returning id").fetchone()
    assert new == (3,)
    names = "select count(*) > 0, bool_and(comments like '%verified by Dr. Frost') from public.lab_verifications "
    assert ask(database, names + "where comments like '%Frost%'") == [(True, True)]
    roles = ask(database, "select name, can_view, can_create, can_delete from public.team_roles order by name")
    assert roles == [
        ("admin", True, True, True), ("member", True, True, False), ("owner", True, True, True),
        ("viewer", True, False, False),
    ]  # fmt: skip


def test_shares_are_copied_where_item_and_receiver_exist(database, migrate) -> None:
    plant(database)
    assert migrate("apply", "--adopt", "--without-backup", "a planted database").returncode == 0

    shares = ask(
        database,
        "select num_nonnulls(molecule_id), num_nonnulls(mixture_id), num_nonnulls(project_id), "
        "num_nonnulls(experiment_id), num_nonnulls(shared_with_team_id) from public.shared_content order by 1, 2, 3, 4",
    )
    assert shares == [(0, 0, 0, 1, 1), (0, 0, 1, 0, 1), (0, 1, 0, 0, 1), (1, 0, 0, 0, 0)]
    assert ask(database, "select count(*) from public.shared_items") == [(5,)]


def test_views_survive_a_type_change_below_them_with_comment_and_rights(database, migrate, base: Path) -> None:
    plant(database, rows=False)
    with database.connect() as conn:
        conn.execute("grant select on public.named_molecules to authenticated with grant option")
    assert migrate("adopt", "--apply", folder=base).returncode == 0

    assert ask(
        database,
        "select format_type(atttypid, atttypmod) from pg_attribute where attname = 'cid' "
        "and attrelid = 'public.molecule_with_properties'::regclass",
    ) == [("bigint",)]
    assert ask(database, "select obj_description('public.molecule_with_properties'::regclass)") == [
        ("Molecules and how much is known of them.",)
    ]
    right = "select has_table_privilege('authenticated', 'public.named_molecules', 'select with grant option')"
    assert ask(database, right) == [(True,)]
    options = "select reloptions from pg_class where oid = 'public.named_molecules'::regclass"
    assert ask(database, options) == [(["security_invoker=true"],)]
    generated = (
        "select attgenerated from pg_attribute "
        "where attname = 'pubchem_link' and attrelid = 'public.molecules'::regclass"
    )
    assert ask(database, generated) == [("s",)]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (
            "update public.mixture_components set concentration_unit = '%' where id::text like '%0001'",
            r"amount_unit: would be empty in \d+ of 70000 rows, for example 00000007.*, %; write one of",
        ),
        (
            "update public.mixture_components set concentration = -1 where id::text like '%0002'",
            r"mixture_components_amount_check: is broken by \d+ of 70000 rows, for example 00000007-0000",
        ),
        (
            (
                "insert into public.user_team_membership (user_id, team_id, role_id) "
                "select user_id, team_id, role_id from public.user_team_membership where id in "
                "(select id from public.user_team_membership limit 3)"
            ),
            r"user_team_membership_user_id_team_id_key: 3 values occur more than once, for example 0000",
        ),
        (
            "alter table public.teams drop column name, add column name jsonb",
            r"public.teams.name: is jsonb and cannot become text without a guess; convert it by hand",
        ),
        (
            "alter table public.comments rename to model_versions",
            r"model_versions",
        ),
    ],
    ids=["unknown unit", "broken check", "duplicates", "type without a conversion", "another meaning"],
)
def test_rows_that_need_a_decision_are_named_and_nothing_is_changed(
    database, migrate, base: Path, fault: str, told: str
) -> None:
    plant(database)
    with database.connect() as conn:
        conn.execute(fault.encode())
        before = read_fingerprint(conn)

    dry = migrate("adopt", folder=base)
    result = migrate("apply", "--adopt", folder=base)

    assert dry.returncode == 0
    assert "things must be decided first" in dry.stdout
    assert result.returncode == BROKEN
    assert re.search(told, reason(result)), reason(result)
    with database.connect() as conn:
        assert read_fingerprint(conn) == before


def test_large_rewrite_needs_to_be_allowed(database, migrate, base: Path) -> None:
    plant(database, rows=False)
    with database.connect() as conn:
        conn.execute("insert into public.molecules (cid, name) select n, 'm' || n from generate_series(1, 100001) as n")

    refused = migrate("apply", "--adopt", folder=base)
    allowed = migrate("apply", "--adopt", "--allow-rewrite", folder=base)

    assert refused.returncode == BROKEN
    assert "writes 100001 rows anew" in reason(refused)
    assert "--allow-rewrite" in reason(refused)
    assert allowed.returncode == 0, allowed.stderr[-2000:]


@pytest.mark.slow
def test_killed_adoption_goes_on_where_it_stopped(database, repository: Path, migrate) -> None:
    plant(database)
    command = [sys.executable, "-m", "agents.migrate", "apply", "--adopt", "--without-backup", "a planted database"]
    for after_s in (1.2, 2.0, 2.8, 3.6):
        process = subprocess.Popen(
            command, env={**os.environ, **database.environ}, cwd=repository,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(after_s)
        process.kill()
        process.wait(timeout=10)

    result = migrate("apply", "--adopt", "--without-backup", "a planted database")

    assert result.returncode == 0, result.stderr[-2000:]
    assert migrate("verify").returncode == 0
    names = [row[0] for row in ask(database, "select name from cryo.schema_migrations order by number, finished_at")]
    assert len(names) == len(set(names)) == len(list((repository / "migrations").glob("*.verify.sql")))


def test_change_after_an_adoption_is_still_noticed(database, migrate) -> None:
    plant(database, rows=False)
    assert migrate("apply", "--adopt", "--without-backup", "a planted database").returncode == 0
    with database.connect() as conn:
        conn.execute("alter table public.molecules add column colour text; drop view public.named_molecules")

    result = migrate("verify")

    assert result.returncode == BROKEN
    assert "unexpected column public.molecules.colour" in reason(result)
    assert "named_molecules" not in reason(result)


@pytest.mark.parametrize("verb", [("adopt",), ("adopt", "--apply"), ("apply", "--adopt")])
def test_empty_and_migrated_databases_have_nothing_to_adopt(
    database, migrate, base: Path, verb: tuple[str, ...]
) -> None:
    assert migrate(*verb, folder=base).returncode == 0
    assert migrate("apply", folder=base).returncode == 0
    with database.connect() as conn:
        before = read_fingerprint(conn)
    assert migrate(*verb, folder=base).returncode == 0

    assert ask(database, "select distinct how from cryo.schema_migrations") == [("applied",)]
    with database.connect() as conn:
        assert read_fingerprint(conn) == before


def test_baseline_records_what_is_proven_and_only_that(database, migrate, base: Path) -> None:
    migrate("apply", folder=base)
    with database.connect() as conn:
        conn.execute("drop schema cryo cascade; alter table public.molecules alter column smiles set not null")

    refused = migrate("baseline", "--up-to", "7", folder=base)
    recorded = migrate("baseline", "--up-to", "6", "--json", folder=base)
    applied = migrate("apply", "--json", folder=base)

    assert refused.returncode == BROKEN
    assert "molecules.smiles is not null" in reason(refused)
    assert "nothing was recorded" in reason(refused)
    assert len(json.loads(recorded.stdout)["recorded"]) == 6
    assert [each["name"] for each in json.loads(applied.stdout)["applied"]] == [
        "0007_expand_molecules_without_structure"
    ]
    hows = ask(database, "select how, count(*) from cryo.schema_migrations group by how order by how")
    assert hows == [("applied", 1), ("baseline", 6)]


def test_history_of_an_older_runner_is_carried_on(database, migrate, base: Path) -> None:
    migrate("apply", folder=base)
    with database.connect() as conn:
        conn.execute("alter table cryo.schema_migrations drop column how")

    assert json.loads(migrate("status", "--json", folder=base).stdout)["applied"][0]["how"] == "applied"
    assert migrate("apply", folder=base).returncode == 0
    assert ask(database, "select distinct how from cryo.schema_migrations") == [("applied",)]


def test_adoption_waits_briefly_for_a_lock_and_names_who_holds_it(database, migrate, base: Path) -> None:
    plant(database, rows=False)
    with database.connect() as blocker:
        blocker.autocommit = False
        blocker.execute("lock table public.teams in access share mode")
        result = migrate("apply", "--adopt", "--lock-tries", "2", folder=base)
        pid = blocker.info.backend_pid
        blocker.rollback()

    assert result.returncode == 75
    assert f"pid {pid}" in reason(result)
    assert migrate("apply", "--adopt", folder=base).returncode == 0
