import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents.migrate.foreign_keys.backup import MIN_VERIFIED_LEVEL


@pytest.fixture
def dump(protected, database, scratch, repository: Path, tmp_path: Path):
    """Runs a verb as a person would."""
    (tmp_path / "far").mkdir()
    keys = protected.keys
    settings = {
        "name": "main",
        "near": str(protected.repository),
        "far": str(tmp_path / "far"),
        "scratch": str(scratch),
        "trusted_keys": str(keys / "trust"),
        "signing_key": str(keys / "sign"),
        "recipients": str(keys / "to"),
        "identities": str(keys / "age"),
    }
    path = tmp_path / "settings.json"

    def run(*arguments: str, code: int = 0, **changes: object) -> subprocess.CompletedProcess[str]:
        path.write_text(json.dumps({**settings, **changes}), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "agents.backup.dumps", *arguments],
            env={**os.environ, **database.environ, "CRYO_DUMP_SETTINGS": str(path)},
            cwd=repository,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


def answer(done: subprocess.CompletedProcess[str]):
    return json.loads(done.stdout)


def test_from_a_dump_to_a_proof_that_lets_migrations_change_rows(
    dump, migrate, database, protected, repository
) -> None:
    # The platform's own schema beside the tests' tables, so that there is a catalogue.
    with database.connect() as conn:
        conn.execute("drop schema private cascade; drop table public.teams, public.molecules, public.mixtures cascade")
    assert migrate("apply").returncode == 0
    assert "nothing was done" in dump("run", "--dry-run").stdout

    label = answer(dump("run", "--json"))["backup"]["label"]
    assert "not proven" in dump("list").stdout
    proof = answer(dump("verify", "--json"))["proof"]

    assert [level["outcome"] for level in proof["levels"]] == [
        "passed", "inapplicable", "passed", "passed", "passed", "passed", "inapplicable", "passed",
    ]  # fmt: skip
    assert f"{label}" in dump("list").stdout
    assert "proven to level 7 (copy)" in dump("list").stdout
    assert "public.molecules: 0 rows" in dump("show", label).stdout
    query = (repository / "agents/migrate/foreign_keys/sql/verified_backup.sql").read_bytes()
    with database.connect() as conn:
        asked = {"level": MIN_VERIFIED_LEVEL, "since": "2000-01-01", "now": "2100-01-01"}
        assert conn.execute(query, asked).fetchone()[:2] == (label, 7)  # type: ignore[index]
    none = {"daily": 0, "weekly": 0, "monthly": 0, "yearly": 0, "window_days": 0, "min_verified": 1}
    dump("hold", label, "--days", "2")
    assert "held until" in dump("expire", keep=none).stdout
    dump("hold", label, "--days", "0")
    assert "held until" not in dump("expire", keep=none).stdout


def test_a_damaged_copy_is_named_and_the_exit_code_says_so(dump, tmp_path) -> None:
    label = answer(dump("run", "--json"))["backup"]["label"]
    victim = tmp_path / "far" / "main" / label / "globals.sql.zst.age"
    victim.write_bytes(victim.read_bytes()[:-1])

    told = dump("verify", "--level", "7", code=70).stdout

    assert "L7 copy" in told
    assert "far main" in told
    assert "globals.sql.zst.age" in told
    assert "proven to level 5" in told


def test_a_table_is_compared_and_brought_back(dump, database) -> None:
    dump("run")
    with database.connect() as conn:
        conn.execute("update public.mixtures set note = 'wrong' where id <= 3")

    dry = dump("tables", "--table", "mixtures").stdout
    swapped = dump("tables", "--table", "public.mixtures", "--swap").stdout

    assert "public.mixtures: 0 rows only here, 0 only in" in dry
    assert "3 different" in dry
    assert "nothing was changed" in dry
    assert "the rows are what they were" in swapped
    assert "0 different" in dump("tables", "--table", "mixtures").stdout


def test_a_swap_that_is_killed_changes_nothing_and_leaves_nothing(
    dump, database, protected, scratch, repository
) -> None:
    dump("run")
    with database.connect() as conn:
        conn.execute("update public.mixtures set note = 'wrong' where id <= 3")
    settings = protected.keys.parent / "settings.json"
    with database.connect() as conn, conn.transaction():
        conn.execute("lock table public.mixtures in exclusive mode")  # the swap waits for it
        swap = subprocess.Popen(
            [sys.executable, "-m", "agents.backup.dumps", "tables", "--table", "mixtures", "--swap"],
            env={**os.environ, **database.environ, "CRYO_DUMP_SETTINGS": str(settings)},
            cwd=repository,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        waiting = "select count(*) from pg_locks where relation = 'public.mixtures'::regclass and not granted"
        ends_at = time.monotonic() + 60
        while conn.execute(waiting).fetchone() == (0,):
            assert time.monotonic() < ends_at
            time.sleep(0.05)
        swap.kill()
        swap.wait()

    assert "3 different" in dump("tables", "--table", "mixtures").stdout
    assert list(scratch.iterdir()) == []
    with database.connect() as conn:
        assert conn.execute("select count(*) from pg_namespace where nspname like 'cryo_restore%'").fetchone() == (0,)


def test_retention_tells_its_reasons_and_deletes_both_copies(dump, tmp_path, protected) -> None:
    label = answer(dump("run", "--json"))["backup"]["label"]

    told = dump("expire").stdout

    assert label in told
    assert "stays" in told
    assert "nothing was deleted" in told
    assert (tmp_path / "far" / "main" / label / "manifest.json").exists()


def test_a_restore_makes_a_folder_for_a_server_of_its_own(dump, tmp_path) -> None:
    dump("run")

    dump("restore", "--folder", str(tmp_path / "new"))

    assert (tmp_path / "new" / "PG_VERSION").exists()


@pytest.mark.parametrize(
    ("arguments", "changes", "told"),
    [
        (["list"], {"near": "/nowhere"}, "mount the volume"),
        (["list"], {"trusted_keys": "/nowhere"}, "give ed25519 public keys"),
        (["list"], {"unknown": 1}, "unknown field"),
        (["verify"], {}, "take a backup first"),
        (["show", "none"], {}, "has no set none"),
        (["tables"], {}, "no table was named"),
        (["expire"], {"keep": {"time_zone": "Mars/Base"}}, "not known"),
    ],
)
def test_bad_input_gets_one_message(dump, arguments, changes, told) -> None:
    code = 75 if changes.get("near") else 70
    errors = dump(*arguments, code=code, **changes).stderr

    assert told in errors
    assert "Traceback" not in errors


def test_keys_are_made_once_and_for_their_owner_alone(dump, tmp_path) -> None:
    dump("keys", str(tmp_path / "made"))

    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "made").iterdir()} == {0o600}
    assert "already holds" in dump("keys", str(tmp_path / "made"), code=70).stderr
