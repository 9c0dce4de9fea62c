"""The signed description that lies beside every backup: what it holds, how it was made, and what it must restore to.

It is written once, last, and never changed: a set without one is not finished. What is found out later about a set is
a `Proof`, a signed document of its own.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from agents.backup.contents import Contents
from agents.backup.errors import ManifestRefusedError
from agents.backup.signature import Signer, Verifier
from agents.runtime.clock import format_rfc3339

MANIFEST_FILE = "manifest.json"
PROOF_FILE = "proof.json"
_MANIFEST = "manifest"
_PROOF = "proof"


class StoredFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One object of the set as it lies in the repository."""

    size_bytes: int
    sha256: str


class WalRange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The write-ahead log that makes a physical set consistent."""

    timeline: int
    lsn_start: str
    lsn_stop: str
    wal_start: str
    wal_stop: str
    lsn_contents: str | None = None
    """Position after the set at which the database held exactly what the manifest says. None when transactions never
    paused: rows and digests are then of about that time, and nothing is compared with them."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a backup is; times are in UTC, sizes in bytes."""

    format: Literal[1] = 1
    label: str
    engine: str
    """Name and version of the engine."""
    kind: Literal["full", "differential", "incremental", "logical"]
    parent: str | None = None
    references: tuple[str, ...] = ()
    """Every other set that it needs."""
    started_at: datetime
    finished_at: datetime
    size_bytes: int
    stored_bytes: int
    wal: WalRange | None = None
    """None for a logical set."""
    tools: Mapping[str, str]
    """Versions of the programs that wrote it."""
    encryption_key_ids: tuple[str, ...]
    """Names of the keys that can open it, never the keys; empty when it is stored in the clear."""
    colour: str | None
    git_sha: str
    contents: Contents
    files: Mapping[str, StoredFile]
    """Every stored object by its path in the set; a physical engine keeps its own list and this is empty."""
    annotations: Mapping[str, str] = {}


class LevelResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one level of the ladder went."""

    level: int
    outcome: Literal["passed", "failed", "skipped", "inapplicable"]
    because: tuple[str, ...]
    duration_s: float


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One verification of one set."""

    format: Literal[1] = 1
    label: str
    manifest_sha256: str
    verified_at: datetime
    reached: int
    levels: tuple[LevelResult, ...]


def encode_manifest(manifest: Manifest) -> bytes:
    """Write a manifest in its one canonical form: sorted keys, no spaces."""
    return msgspec.json.encode(manifest, order="sorted")


def seal_manifest(manifest: Manifest, signer: Signer) -> bytes:
    """Return the content of the manifest's file."""
    return signer.sign(_MANIFEST, encode_manifest(manifest))


def open_manifest(content: bytes, verifier: Verifier, *, label: str, where: str) -> Manifest:
    """Read a manifest after its signature was checked.

    Args:
        content: the whole file.
        verifier: whom we trust.
        label: of the set that it lies beside.
        where: the file, for messages.

    Raises:
        ManifestRefusedError: damaged, edited, or of another set.
        KeyWrongError: signed with a key that is not trusted.
    """
    document = verifier.open(_MANIFEST, content, where=where)
    try:
        manifest = msgspec.json.decode(document, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ManifestRefusedError(f"{where}: {error}; it was written by another version of the agent") from error
    if encode_manifest(manifest) != document:
        raise ManifestRefusedError(f"{where}: not in canonical form; it was not written by this agent")
    if manifest.label != label:
        raise ManifestRefusedError(f"{where}: is the manifest of {manifest.label}, not of {label}; the set was swapped")
    return manifest


def manifest_digest(content: bytes) -> str:
    """Return the sha256 of a manifest's file, which the catalogue keeps to notice a replaced set."""
    return hashlib.sha256(content).hexdigest()


def refuse_foreign(manifest: Manifest, *, system_identifier: str, database: str, where: str) -> None:
    """Refuse a set of another database.

    Raises:
        ManifestRefusedError: it is one.
    """
    source = manifest.contents.source
    if (source.system_identifier, source.database) != (system_identifier, database):
        raise ManifestRefusedError(
            f"{where}: holds database {source.database} of cluster {source.system_identifier}, "
            f"expected {database} of {system_identifier}; the repository belongs to another cluster"
        )


def refuse_stale(manifest: Manifest, *, now: datetime, max_age: timedelta, max_skew: timedelta, where: str) -> None:
    """Refuse a newest set that is too old, or one from the future.

    Raises:
        ManifestRefusedError: it is stale, or a clock is wrong.
    """
    age = now - manifest.finished_at
    finished = format_rfc3339(manifest.finished_at)
    if age > max_age:
        hours = max_age / timedelta(hours=1)
        raise ManifestRefusedError(
            f"{where}: finished at {finished}, older than {hours:g} h; no newer backup succeeded"
        )
    if age < -max_skew:
        raise ManifestRefusedError(f"{where}: finished at {finished}, which is in the future; check the clocks")


def seal_proof(proof: Proof, signer: Signer) -> bytes:
    """Return the content of the proof's file."""
    return signer.sign(_PROOF, msgspec.json.encode(proof, order="sorted"))


def open_proof(content: bytes, verifier: Verifier, *, where: str) -> Proof:
    """Read a proof after its signature was checked.

    Raises:
        ManifestRefusedError: damaged or edited.
        KeyWrongError: signed with a key that is not trusted.
    """
    document = verifier.open(_PROOF, content, where=where)
    try:
        return msgspec.json.decode(document, type=Proof)
    except msgspec.MsgspecError as error:
        raise ManifestRefusedError(f"{where}: {error}; it was written by another version of the agent") from error
