"""Signed manifests and proofs of physical sets: described when a set was taken, kept in the set's own folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from agents.backup.contents import Contents
from agents.backup.engine import BackupKind, BackupSet, Lsn
from agents.backup.errors import ManifestRefusedError
from agents.backup.manifest import (
    MANIFEST_FILE,
    PROOF_FILE,
    Manifest,
    Proof,
    WalRange,
    manifest_digest,
    open_manifest,
    seal_manifest,
    seal_proof,
)
from agents.backup.pgbackrest.engine import PgBackRest
from agents.backup.signature import Signer, Verifier
from agents.runtime.settings import Identity

_OURS = "cryo."
_KINDS: Mapping[BackupKind, Literal["full", "differential", "incremental"]] = {
    BackupKind.FULL: "full",
    BackupKind.DIFFERENTIAL: "differential",
    BackupKind.INCREMENTAL: "incremental",
}


@dataclass(frozen=True, slots=True)
class PhysicalSets:
    """What lies beside the sets of the near repository."""

    engine: PgBackRest
    verifier: Verifier
    signer: Signer
    repository: int = 1

    def open(self, label: str) -> Manifest:
        """Return a manifest after its signature was checked.

        Raises:
            ManifestRefusedError: there is none, or it is damaged or of another set.
        """
        where = f"{label}/{_OURS}{MANIFEST_FILE}"
        return open_manifest(self.read_manifest(label), self.verifier, label=label, where=where)

    def read_manifest(self, label: str) -> bytes:
        """Return the signed file."""
        found = self.engine.read_beside(label, f"{_OURS}{MANIFEST_FILE}", self.repository)
        if found is None:
            message = (
                f"backup {label} has no manifest: its run ended before it was signed, or it was deleted; take a new set"
            )
            raise ManifestRefusedError(message)
        return found.encode()

    def has_manifest(self, label: str) -> bool:
        """Whether there is one, whatever it says."""
        return self.engine.read_beside(label, f"{_OURS}{MANIFEST_FILE}", self.repository) is not None

    def put_manifest(self, manifest: Manifest) -> str:
        """Sign and store one; return the digest of the file."""
        sealed = seal_manifest(manifest, self.signer)
        self.engine.put_beside(manifest.label, f"{_OURS}{MANIFEST_FILE}", sealed, self.repository)
        return manifest_digest(sealed)

    def put_proof(self, proof: Proof) -> None:
        """Sign and store what a verification found; it takes the place of the one before."""
        sealed = seal_proof(proof, self.signer)
        self.engine.put_beside(proof.label, f"{_OURS}{PROOF_FILE}", sealed, self.repository)


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made a set."""

    engine: str
    """Name and version."""
    key_ids: tuple[str, ...]
    """Names of the keys that open it."""
    identity: Identity


def describe(taken: BackupSet, maker: Maker, contents: Contents, at: Lsn | None) -> Manifest:
    """Write down what a set is; pure.

    Args:
        taken: as the engine lists it.
        maker: who made it.
        contents: of the database soon after.
        at: position of those contents; None when it is not known.
    """
    name, _, version = maker.engine.partition(" ")
    wal = WalRange(
        timeline=taken.timeline or 0,
        lsn_start=str(taken.lsn_start),
        lsn_stop=str(taken.lsn_stop),
        wal_start=taken.wal_start or "",
        wal_stop=taken.wal_stop or "",
        lsn_contents=str(at) if at else None,
    )
    return Manifest(
        label=taken.label,
        engine=maker.engine,
        kind=_KINDS[taken.kind],
        parent=taken.parent,
        references=taken.references,
        started_at=taken.started_at,
        finished_at=taken.finished_at,
        size_bytes=taken.size_bytes,
        stored_bytes=taken.stored_bytes,
        wal=wal,
        tools={name: version},
        encryption_key_ids=maker.key_ids,
        colour=maker.identity.colour,
        git_sha=maker.identity.git_sha,
        contents=contents,
        files={},
    )
