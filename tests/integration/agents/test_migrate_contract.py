"""Contract steps wait until nobody needs what they take away."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BUSY = 75
CONTRACT = ("apply", "--include", "contract")


def reason(result: subprocess.CompletedProcess[str]) -> str:
    return str(json.loads(result.stderr.strip().splitlines()[-1])["reason"])


@pytest.fixture
def renamed(folder: Callable[..., Path]) -> Path:
    """A change with all that is old still in place, and the step that takes it away."""
    return folder(
        m0001_expand_one="create table public.thing (id bigint, old text);",
        m0001_contract_one="alter table public.thing drop column old;",
    )


@contextmanager
def session(database, application_name: str) -> Iterator[int]:
    with database.connect() as conn:
        conn.execute(f"set application_name = '{application_name}'")
        yield conn.info.backend_pid


def has_old(database) -> bool:
    with database.connect() as conn:
        query = "select 1 from pg_attribute where attrelid = 'public.thing'::regclass and attname = 'old'"
        return conn.execute(query).fetchone() is not None


def test_contract_step_never_runs_with_its_own_expansion(database, migrate, renamed: Path) -> None:
    result = migrate(*CONTRACT, "--rollback-window-s", "0", folder=renamed)

    assert result.returncode == BUSY
    assert "0001_expand_one has to be applied, and in use, before" in reason(result)
    assert has_old(database)
    assert migrate(*CONTRACT, "--rollback-window-s", "0", folder=renamed).returncode == 0
    assert not has_old(database)


def test_open_rollback_window_is_told_with_its_end(database, migrate, renamed: Path) -> None:
    migrate("apply", folder=renamed)

    result = migrate(*CONTRACT, folder=renamed)

    assert result.returncode == BUSY
    assert "its expansion was applied 20" in reason(result)
    assert "wait, or shorten --rollback-window-s" in reason(result)
    with database.connect() as conn:
        conn.execute("update cryo.schema_migrations set finished_at = finished_at - interval '25 hours'")
    assert migrate(*CONTRACT, folder=renamed).returncode == 0


def test_recent_promotion_keeps_the_window_open(database, migrate, renamed: Path) -> None:
    migrate("apply", folder=renamed)
    with database.connect() as conn:
        conn.execute("update cryo.schema_migrations set finished_at = finished_at - interval '25 hours'")
        conn.execute(
            "create table public.release_history (phase text, started_at timestamptz, finished_at timestamptz)"
        )
        conn.execute("insert into public.release_history values ('promoted', now() - interval '2 hours', now())")

    refused = migrate(*CONTRACT, folder=renamed)
    with database.connect() as conn:
        conn.execute("update public.release_history set phase = 'rolled_back'")

    assert refused.returncode == BUSY
    assert "the last promotion ended 20" in reason(refused)
    assert migrate(*CONTRACT, folder=renamed).returncode == 0


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("cryo-flags/blue/0.9.0", True),
        ("cryo-flags/green/1.0.0", True),
        ("cryo-flags/none/0.9.0", True),
        ("cryo-flags/blue/1.0.0", False),
        ("cryo-flags/none/1.0.0", False),
        ("cryo-migrate/green/0.9.0", False),
        ("psql", False),
        ("", False),
    ],
)
def test_session_of_another_version_or_colour_blocks(database, migrate, renamed: Path, name: str, blocks) -> None:
    migrate("apply", folder=renamed)

    with session(database, name) as pid:
        result = migrate(*CONTRACT, "--rollback-window-s", "0", folder=renamed)

    assert (result.returncode == BUSY) == blocks, result.stderr
    assert has_old(database) == blocks
    if blocks:
        assert f"{name} is connected (pid {pid}) and we are version 1.0.0; stop that version first" in reason(result)


def test_session_in_another_database_does_not_block(cluster, migrate, renamed: Path) -> None:
    migrate("apply", folder=renamed)
    with cluster.connect("postgres") as conn:
        conn.execute("set application_name = 'cryo-flags/green/0.9.0'")
        assert migrate(*CONTRACT, "--rollback-window-s", "0", folder=renamed).returncode == 0


def test_other_steps_still_run_when_a_contract_step_is_refused(database, migrate, renamed: Path, folder) -> None:
    migrate("apply", folder=renamed)
    folder(m0002_expand_two="create table public.two ();")

    result = migrate(*CONTRACT, folder=renamed)

    assert result.returncode == BUSY
    with database.connect() as conn:
        assert conn.execute("select to_regclass('public.two') is not null").fetchone() == (True,)


def test_plan_says_why_a_contract_step_waits(migrate, renamed: Path) -> None:
    migrate("apply", folder=renamed)
    steps = json.loads(migrate("plan", "--include", "contract", "--json", folder=renamed).stdout)["steps"]

    assert [step["action"] for step in steps] == ["done", "refused"]
    assert "may be taken back until" in steps[1]["because"][0]
