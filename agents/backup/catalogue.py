"""The database's own list of its backups, for people, the migration agent and metrics.

The signed manifests in the repository are the truth: the catalogue is lost with the database and is written again from
them. It knows one thing that the repository cannot say about itself: which manifest was there when the set was made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from agents.backup.contents import queries
from agents.backup.engine import BackupKind
from agents.backup.errors import SetUnknownError
from agents.backup.manifest import Manifest, Proof, encode_manifest
from agents.runtime.clock import format_rfc3339
from agents.runtime.postgres import Connection, as_our_error

_REMEDY = "apply the migrations, and use the owner of the schema or a role with BYPASSRLS"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row."""

    label: str
    kind: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    verified_level: int
    verified_at: datetime | None
    held_until: datetime | None
    manifest_sha256: str | None
    error: str | None


class Catalogue:
    """public.backup_catalogue of one database."""

    def __init__(self, conn: Connection) -> None:
        """Use a connection in autocommit mode; every call is its own transaction."""
        self._conn = conn

    @classmethod
    def exists(cls, conn: Connection) -> bool:
        """Whether the database has one; a hosted one that is only backed up may not."""
        with as_our_error("look for the catalogue", remedy=_REMEDY):
            row = conn.execute(queries()["catalogue_exists"].text).fetchone()
        return row is not None and row[0] is True

    def record_manifest(self, manifest: Manifest, *, sha256: str, repository: int) -> None:
        """Write what a manifest says; the row is made when there is none.

        Args:
            manifest: of a finished set.
            sha256: of the signed file.
            repository: number of the store that it lies in.
        """
        self._run("record_manifest", _columns(manifest, sha256=sha256, repository=repository))

    def record_proof(self, proof: Proof) -> None:
        """Add a verification and store the level that it reached.

        Raises:
            SetUnknownError: the catalogue has no such set.
        """
        verification = msgspec.json.encode([proof], order="sorted").decode()
        parameters = {
            "label": proof.label,
            "reached": proof.reached,
            "verified_at": proof.verified_at,
            "verification": verification,
        }
        self._change_one("record_proof", parameters)

    def record_expiry(self, label: str, *, reason: str) -> None:
        """Say that a set was deleted and which rule let it go."""
        self._run("record_expiry", {"label": label, "reason": reason})

    def record_failure(self, kind: BackupKind, *, began: datetime, ended: datetime, reason: str) -> None:
        """Say that a run ended without a set."""
        parameters = {
            "label": f"failed {format_rfc3339(began)} {kind}",
            "kind": kind.in_catalogue,
            "started_at": began,
            "finished_at": ended,
            "error": reason,
        }
        self._run("record_failure", parameters)

    def record_hold(self, label: str, *, until: datetime | None) -> None:
        """Keep a set from every rule until a moment; None ends the hold.

        Raises:
            SetUnknownError: there is no finished set of that label.
        """
        self._change_one("record_hold", {"label": label, "until": until})

    def read(self) -> tuple[Entry, ...]:
        """Return every row, newest first."""
        with as_our_error("read the catalogue", remedy=_REMEDY):
            rows = self._conn.execute(queries()["read_catalogue"].text).fetchall()
        return tuple(Entry(*row) for row in rows)  # type: ignore[arg-type]

    def _change_one(self, query: str, parameters: Mapping[str, object]) -> None:
        if self._run(query, parameters) == 0:
            message = f"the catalogue has no finished set {parameters['label']}; see `cryo backup list`"
            raise SetUnknownError(message)

    def _run(self, query: str, parameters: Mapping[str, object]) -> int:
        with as_our_error(f"write the catalogue ({query})", remedy=_REMEDY):
            return self._conn.execute(queries()[query].text, parameters).rowcount


def _columns(manifest: Manifest, *, sha256: str, repository: int) -> dict[str, object]:
    contents, wal = manifest.contents, manifest.wal
    return {
        "label": manifest.label,
        "kind": manifest.kind,
        "started_at": manifest.started_at,
        "finished_at": manifest.finished_at,
        "size_bytes": manifest.size_bytes,
        "stored_bytes": manifest.stored_bytes,
        "wal_start": wal.wal_start if wal else None,
        "wal_stop": wal.wal_stop if wal else None,
        "tool_version": ", ".join(f"{name} {version}" for name, version in sorted(manifest.tools.items())),
        "engine": manifest.engine,
        "repository": repository,
        "parent": manifest.parent,
        "timeline": wal.timeline if wal else None,
        "lsn_start": wal.lsn_start if wal else None,
        "lsn_stop": wal.lsn_stop if wal else None,
        "server_version": contents.source.server_version,
        "encryption_key_ids": list(manifest.encryption_key_ids),
        "schema_fingerprint": contents.schema_fingerprint,
        "access_fingerprint": contents.access_fingerprint,
        "migration_head": contents.migration_head,
        "row_count": contents.rows,
        "colour": manifest.colour,
        "git_sha": manifest.git_sha,
        "manifest_sha256": sha256,
        "manifest": encode_manifest(manifest).decode(),
    }
