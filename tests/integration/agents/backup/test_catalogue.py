from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agents.backup.catalogue import Catalogue
from agents.backup.contents import Limits, read_contents, snapshot
from agents.backup.errors import SetUnknownError
from agents.backup.manifest import LevelResult, Manifest, Proof

NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
ENGINE = "pg_dump 15.18"


@pytest.fixture
def conn(database, migrate):
    assert migrate("apply").returncode == 0
    with database.connect() as connection:
        yield connection


@pytest.fixture
def manifest(conn) -> Manifest:
    with snapshot(conn, Limits()):
        contents = read_contents(conn)
    return Manifest(
        label="one",
        engine=ENGINE,
        kind="logical",
        started_at=NOW - timedelta(minutes=1),
        finished_at=NOW,
        size_bytes=10,
        stored_bytes=1,
        tools={"pg_dump": "15.18"},
        encryption_key_ids=("age1abc",),
        colour=None,
        git_sha="0123abc",
        contents=contents,
        files={},
    )


def test_a_database_without_our_migrations_has_no_catalogue(database) -> None:
    with database.connect() as connection:
        assert not Catalogue.exists(connection)


def test_a_verified_set_is_what_the_migration_agent_asks_for(conn, manifest, repository: Path) -> None:
    query = (repository / "agents/migrate/foreign_keys/sql/verified_backup.sql").read_bytes()
    asked = {"level": 3, "since": NOW - timedelta(hours=24), "now": NOW + timedelta(minutes=1)}
    assert Catalogue.exists(conn)
    catalogue = Catalogue(conn)

    catalogue.record_manifest(manifest, sha256="f" * 64, repository=1)
    assert conn.execute(query, asked).fetchone() is None
    proof = Proof(
        label="one",
        manifest_sha256="f" * 64,
        verified_at=NOW,
        reached=5,
        levels=(LevelResult(5, "passed", (), 1.0),),
    )
    catalogue.record_proof(proof)

    assert conn.execute(query, asked).fetchone() == ("one", 5, NOW)
    stored = conn.execute("select manifest::text, verifications::text from public.backup_catalogue").fetchone()
    assert stored is not None
    assert msgspec.json.decode(stored[0], type=Manifest) == manifest
    assert msgspec.json.decode(stored[1], type=list[Proof]) == [proof]


def test_a_later_failed_verification_takes_the_level_away_and_the_history_stays(conn, manifest) -> None:
    catalogue = Catalogue(conn)
    catalogue.record_manifest(manifest, sha256="f" * 64, repository=1)
    for reached in (5, 1):
        catalogue.record_proof(
            Proof(label="one", manifest_sha256="f" * 64, verified_at=NOW, reached=reached, levels=())
        )

    row = conn.execute(
        "select verified_level, jsonb_array_length(verifications) from public.backup_catalogue"
    ).fetchone()

    assert row == (1, 2)


def test_hold_and_expiry_are_kept(conn, manifest) -> None:
    catalogue = Catalogue(conn)
    for label in ("one", "old"):
        catalogue.record_manifest(msgspec.structs.replace(manifest, label=label), sha256="f" * 64, repository=1)
    catalogue.record_hold("one", until=NOW + timedelta(days=1))
    catalogue.record_expiry("old", reason="no rule keeps it")

    found = {entry.label: entry for entry in catalogue.read()}

    assert (found["old"].status, found["old"].error) == ("expired", "no rule keeps it")
    assert found["one"].held_until == NOW + timedelta(days=1)


def test_an_unknown_set_is_refused(conn) -> None:
    with pytest.raises(SetUnknownError, match="none"):
        Catalogue(conn).record_hold("none", until=NOW)
