"""Two versions of the application on one database: the old release works on every schema that a new one expands to."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from agents.migrate.discovery import read_folder
from agents.migrate.model import Phase
from agents.migrate.statements import split_statements, strip_quoted

HERE = Path(__file__).parent
MIGRATIONS = HERE.parents[2] / "migrations"
OLD_RELEASE = 5
LATER = [
    each.name for each in read_folder(MIGRATIONS) if each.number >= OLD_RELEASE and each.phase is not Phase.CONTRACT
]


def accept(conn: psycopg.Connection) -> None:
    """The old release's acceptance suite: every statement runs, every question is answered with true."""
    asked = 0
    for statement in split_statements((HERE / "acceptance_0005.sql").read_text(encoding="utf-8")):
        cursor = conn.execute(statement.text.encode())
        if strip_quoted(statement.text).lstrip().lower().startswith("select"):
            assert cursor.fetchall() == [(True,)], f"line {statement.line}: {statement.text}"
            asked += 1
    assert asked == 11


@pytest.fixture
def migrated_to(database, tmp_path):
    """Applies the repository's migrations up to one file, as a Job would."""

    def go(name: str) -> psycopg.Connection:
        for migration in read_folder(MIGRATIONS):
            for path in MIGRATIONS.glob(f"{migration.name}.*"):
                shutil.copy(path, tmp_path)
            if migration.name == name:
                break
        command = [sys.executable, "-m", "agents.migrate", "apply", "--migrations", str(tmp_path)]
        environ = {**os.environ, **database.environ}
        done = subprocess.run(command, env=environ, cwd=MIGRATIONS.parent, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return database.connect()

    return go


@pytest.mark.parametrize("name", LATER)
def test_the_old_release_works_on_the_schema_after(name, migrated_to):
    with migrated_to(name) as conn:
        accept(conn)


def test_the_old_release_is_noticed_to_break(migrated_to):
    with migrated_to(LATER[-1]) as conn:
        conn.execute("alter table public.molecules rename column cid to pubchem_cid")
        with pytest.raises(psycopg.errors.UndefinedColumn):
            accept(conn)
