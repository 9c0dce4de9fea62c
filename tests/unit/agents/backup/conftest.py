"""A signing key of the test's own, and a manifest to sign."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.backup.contents import Contents, SequenceState, Source, TableState
from agents.backup.manifest import Manifest, StoredFile
from agents.backup.signature import Signer, Verifier, new_key_pair, read_signer, read_verifier

FINISHED = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Signer, Verifier]:
    private, public = new_key_pair()
    (tmp_path / "private.pem").write_bytes(private)
    (tmp_path / "public.pem").write_bytes(public)
    return read_signer(tmp_path / "private.pem"), read_verifier(tmp_path / "public.pem")


@pytest.fixture
def contents() -> Contents:
    return Contents(
        source=Source(
            system_identifier="7000000000000000001",
            database="cryoprotect",
            server_version_num=150018,
            server_version="15.18",
            encoding="UTF8",
            locale="C/C",
            size_bytes=1000,
            large_objects=0,
        ),
        tables={"public.teams": TableState(3, "0" * 32), "public.molecules": TableState(5, "1" * 32)},
        sequences={"public.audit_log_id_seq": SequenceState(12, is_called=True)},
        schema_fingerprint="a" * 64,
        access_fingerprint="b" * 64,
        schema_facts={"relation public.teams": "c" * 16, "policy public.teams.teams_select": "d" * 16},
        orphans={},
        migration_head="0018_expand_complete_rls_policies",
    )


@pytest.fixture
def manifest(contents: Contents) -> Manifest:
    return Manifest(
        label="20260302-030000L",
        engine="pg_dump 15.18",
        kind="logical",
        started_at=datetime(2026, 3, 2, 2, 59, tzinfo=UTC),
        finished_at=FINISHED,
        size_bytes=1000,
        stored_bytes=100,
        tools={"pg_dump": "15.18"},
        encryption_key_ids=("age1abc",),
        colour="blue",
        git_sha="0123abc",
        contents=contents,
        files={"dump/toc.dat.zst.age": StoredFile(100, "e" * 64)},
    )
