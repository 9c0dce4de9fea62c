"""`cryo flags` against a real PostgreSQL: every change is made, printed and kept in the audit log."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

ANN, BOB = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"
RED = "00000000-0000-0000-0000-0000000000f1"
DONE, BROKEN, WRONG_USAGE = 0, 70, 2

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def migrated(database, repository: Path):
    """A database with the whole schema, two people, and a team with one of them."""
    with database.connect() as conn:
        conn.execute((repository / "migrations" / "schema.sql").read_bytes())
        conn.execute("insert into auth.users (id) values (%s), (%s)", (ANN, BOB))
        conn.execute("insert into public.teams (id, name) values (%s, 'red')", (RED,))
        conn.execute(
            "insert into public.user_team_membership (user_id, team_id, role_id) "
            "select %s, %s, id from public.team_roles where name = 'member'",
            (ANN, RED),
        )
    return database


@pytest.fixture
def flags(migrated, repository: Path) -> Run:
    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "agents.flags", *arguments],
            env={**os.environ, **migrated.environ, "CRYO_ACTOR": "tester", **environ},
            cwd=repository,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def rows(database, query: str) -> list[tuple]:
    with database.connect() as conn:
        return conn.execute(query).fetchall()


def test_change_is_printed_made_and_kept_with_its_author_and_reason(flags: Run, migrated) -> None:
    made = flags("set", "new_table", "--on", "--description", "faster table", "--reason", "pilot")
    grown = flags("rollout", "new_table", "12.5", "--reason", "goes well", "--json")

    assert made.returncode == grown.returncode == DONE, made.stderr + grown.stderr
    assert made.stdout.splitlines() == [
        "before: does not exist",
        "after:  on, rollout 0 %",
        "new_table changed",
    ]
    answer = json.loads(grown.stdout)
    assert (answer["verdict"], answer["before"]["rollout_percent"], answer["after"]["rollout_percent"]) == (
        "changed",
        "0",
        "12.5",
    )
    audit = rows(
        migrated,
        "select actor_name, reason, action, actor_role, after ->> 'rollout_percent' from public.audit_log order by id",
    )
    assert audit == [
        ("tester", "pilot", "insert", "postgres", "0"),
        ("tester", "goes well", "update", "postgres", "12.5"),
    ]


def test_dry_run_shows_the_change_and_makes_none(flags: Run, migrated) -> None:
    flags("set", "a", "--on", "--reason", "x")
    before = rows(migrated, "select name, rollout_percent::text from public.feature_flags")

    told = flags("rollout", "a", "50", "--reason", "x", "--dry-run")

    assert told.stdout.splitlines() == [
        "before: on, rollout 0 %",
        "after:  on, rollout 50 %",
        "a would change",
    ]
    assert rows(migrated, "select name, rollout_percent::text from public.feature_flags") == before
    assert rows(migrated, "select count(*) from public.audit_log") == [(1,)]


def test_same_change_again_writes_nothing(flags: Run, migrated) -> None:
    flags("set", "a", "--on", "--reason", "x")

    again = flags("set", "a", "--on", "--reason", "y")

    assert again.stdout.splitlines()[-1] == "a unchanged"
    assert rows(migrated, "select count(*) from public.audit_log") == [(1,)]


def test_exception_is_made_changed_ended_and_remembered(flags: Run, migrated) -> None:
    flags("set", "a", "--on", "--reason", "x")
    flags("override", "a", "--user", ANN, "--on", "--reason", "pilot")
    flags("override", "a", "--user", ANN, "--off", "--reason", "trouble")
    flags("override", "a", "--team", RED, "--on", "--reason", "all of them")
    shown = flags("show", "a")
    flags("override", "a", "--team", RED, "--clear", "--reason", "over")
    removed = flags("remove", "a", "--reason", "not needed")
    history = json.loads(flags("history", "a", "--json").stdout)["changes"]

    assert shown.stdout.splitlines()[1:] == [f"user {ANN} off: trouble", f"team {RED} on: all of them"]
    assert removed.stdout.splitlines()[-2:] == ["after:  does not exist", "a changed"]
    told = [(each["action"], each["table"].removeprefix("feature_flag"), each["reason"]) for each in history]
    assert sorted(told[:2]) == [("delete", "_overrides", "not needed"), ("delete", "s", "not needed")]
    assert told[2:] == [
        ("delete", "_overrides", "over"),
        ("insert", "_overrides", "all of them"),
        ("update", "_overrides", "trouble"),
        ("insert", "_overrides", "pilot"),
        ("insert", "s", "x"),
    ]
    assert {each["actor"] for each in history} == {"tester"}
    assert rows(migrated, "select count(*) from public.feature_flag_overrides") == [(0,)]


def test_history_in_words_names_what_changed(flags: Run) -> None:
    flags("set", "a", "--on", "--reason", "x")
    flags("rollout", "a", "5", "--reason", "slowly")

    [latest, _] = flags("history").stdout.splitlines()

    assert latest.endswith("Z  tester  update a: slowly; rollout_percent 0 -> 5")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("rollout", "newtable", "5", "--reason", "x"), BROKEN, "did you mean new_table"),
        (("rollout", "new_table", "101", "--reason", "x"), BROKEN, "use 0 to 100"),
        (("rollout", "new_table", "many", "--reason", "x"), WRONG_USAGE, "is no number"),
        (("set", "New Table", "--on", "--reason", "x"), BROKEN, "is no name for a flag"),
        (("set", "other", "--on", "--reason", " "), BROKEN, "--reason is empty"),
        (("set", "other", "--on"), WRONG_USAGE, "Missing option '--reason'"),
        (("override", "new_table", "--on", "--reason", "x"), WRONG_USAGE, "either --user or --team"),
        (("override", "new_table", "--user", ANN, "--reason", "x"), WRONG_USAGE, "--on, --off and --clear"),
        (
            ("override", "new_table", "--user", "ann", "--on", "--reason", "x"),
            WRONG_USAGE,
            "Invalid value for '--user'",
        ),
        (("override", "new_table", "--user", RED, "--on", "--reason", "x"), BROKEN, "foreign key constraint"),
        (("override", "new_table", "--team", RED, "--clear", "--reason", "x"), BROKEN, "nothing to end"),
        (("show", "missing"), BROKEN, "no flag is named 'missing'"),
    ],
)
def test_wrong_change_is_one_message_and_changes_nothing(
    flags: Run, migrated, arguments: tuple[str, ...], code: int, told: str
) -> None:
    flags("set", "new_table", "--on", "--reason", "x")

    result = flags(*arguments)

    assert result.returncode == code, result.stderr
    assert told in " ".join(result.stderr.replace("│", " ").split())
    assert rows(migrated, "select count(*) from public.audit_log") == [(1,)]


def test_change_by_a_signed_in_user_names_the_user(migrated) -> None:
    with migrated.connect() as conn:
        conn.execute("grant insert on public.feature_flags to service_role")
        with conn.transaction():
            conn.execute("set local role service_role")
            conn.execute("select set_config('request.jwt.claims', %s, true)", (json.dumps({"sub": ANN}),))
            conn.execute("insert into public.feature_flags (name) values ('a')")

    assert rows(migrated, "select actor::text, actor_role, actor_name, reason from public.audit_log") == [
        (ANN, "service_role", None, None)
    ]


def test_actor_of_one_transaction_does_not_leak_into_the_next(migrated) -> None:
    """A pooled session keeps a reset SET LOCAL as an empty text."""
    with migrated.connect() as conn:
        with conn.transaction():
            conn.execute("select set_config('cryo.actor', 'ann', true)")
            conn.execute("insert into public.feature_flags (name) values ('a')")
        conn.execute("insert into public.feature_flags (name) values ('b')")

    assert rows(migrated, "select actor_name from public.audit_log order by id") == [("ann",), (None,)]


@pytest.mark.parametrize(
    ("user_id", "team_id"), [(None, None), (ANN, RED)], ids=["for nobody", "for a person and a team"]
)
def test_exception_is_for_exactly_one(migrated, user_id: str | None, team_id: str | None) -> None:
    with migrated.connect() as conn:
        conn.execute("insert into public.feature_flags (name) values ('a')")
        with pytest.raises(psycopg.errors.CheckViolation, match="one_receiver"):
            conn.execute(
                "insert into public.feature_flag_overrides (flag_id, user_id, team_id, enabled, reason) "
                "select id, %s, %s, true, 'x' from public.feature_flags",
                (user_id, team_id),
            )


def test_role_of_the_service_may_read_the_flags_and_nothing_else(flags: Run, migrated, tmp_path: Path) -> None:
    password_file = tmp_path / "password"
    password_file.write_text("service-secret\n")
    flags("set", "a", "--on", "--reason", "x")
    with migrated.connect() as conn:
        conn.execute("set log_statement = 'all'")
    allowed = flags("allow-login", "--password-file", str(password_file))

    assert allowed.returncode == DONE, allowed.stderr
    with psycopg.connect(
        host="127.0.0.1",
        port=migrated.cluster.port,
        dbname=migrated.name,
        user="cryo_flags",
        password="service-secret",  # noqa: S106 - of a throw-away server
        autocommit=True,
    ) as conn:
        assert conn.execute("select private.read_feature_flags() -> 'flags' -> 0 ->> 'name'").fetchone() == ("a",)
        for forbidden in ("feature_flags", "feature_flag_overrides", "audit_log", "user_team_membership"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(f"select from public.{forbidden}")
    assert "service-secret" not in allowed.stdout + allowed.stderr
    verifier = rows(migrated, "select rolpassword from pg_authid where rolname = 'cryo_flags'")[0][0]
    assert verifier.startswith("SCRAM-SHA-256$")


def test_api_roles_may_not_read_the_flags(migrated) -> None:
    with migrated.connect() as conn:
        for role in ("anon", "authenticated"):
            conn.execute(f"set role {role}")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("select private.read_feature_flags()")
            conn.execute("reset role")
