"""Sets of dumps as they lie in a store: listed, checked against their signed lists, and deleted."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from agents.backup.encryption import Identities, hash_file, open_file
from agents.backup.engine import BackupKind, BackupSet, Damage
from agents.backup.errors import BackupError, KeyWrongError, SetDamagedError, SetUnknownError
from agents.backup.instance import private_folder
from agents.backup.manifest import MANIFEST_FILE, PROOF_FILE, Manifest, manifest_digest, open_manifest
from agents.backup.object_store import ObjectStore
from agents.backup.signature import Verifier

_OURS = (MANIFEST_FILE, PROOF_FILE)


class SetReader:
    """The sets of one database in one store."""

    def __init__(self, store: ObjectStore, name: str, verifier: Verifier, *, repository: int) -> None:
        """Read nothing yet."""
        self._store = store
        self._name = name
        self._verifier = verifier
        self._repository = repository

    def key(self, label: str, path: str) -> str:
        """Return the key of one object of a set."""
        return f"{self._name}/{label}/{path}"

    def list(self) -> Sequence[BackupSet]:
        """Return every set whose manifest is whole, oldest first."""
        opened = [self._try_open(label) for label in self._labels()]
        whole = [set_of(each, repository=self._repository) for each in opened if isinstance(each, Manifest)]
        return sorted(whole, key=lambda each: (each.finished_at, each.label))

    def choose(self, label: str | None) -> Manifest:
        """Return the manifest of a set, or of the newest.

        Raises:
            SetUnknownError: there is none.
            ManifestRefusedError: it is damaged.
        """
        if label is not None:
            return self.open(label)
        sets = self.list()
        if not sets:
            raise SetUnknownError(f"the repository holds no whole set of {self._name}; take a backup first")
        return self.open(sets[-1].label)

    def open(self, label: str) -> Manifest:
        """Return the manifest of a set after its signature was checked.

        Raises:
            SetUnknownError: there is no such set.
            ManifestRefusedError: it is damaged or of another set.
        """
        return open_manifest(
            self.read_manifest(label), self._verifier, label=label, where=self.key(label, MANIFEST_FILE)
        )

    def read_manifest(self, label: str) -> bytes:
        """Return the signed file itself."""
        if label not in self._labels():
            raise SetUnknownError(f"{self._name} has no set {label}; see `cryo backup list`")
        return self._store.get_bytes(self.key(label, MANIFEST_FILE))

    def digest(self, label: str) -> str:
        """Return the sha256 of the signed file."""
        return manifest_digest(self.read_manifest(label))

    def fetch(self, manifest: Manifest, path: str, target: Path) -> None:
        """Fetch one object and check it against the manifest's list.

        Raises:
            SetDamagedError: it is missing or not what was written.
        """
        key = self.key(manifest.label, path)
        self._store.get(key, target)
        if hash_file(target) != manifest.files[path]:
            raise SetDamagedError(f"{key}: its content is not what was written; take another set or copy")

    def put(self, label: str, path: str, source: Path) -> None:
        """Store one object of a set; the manifest comes last."""
        self._store.put(source, self.key(label, path))

    def find_damage(self, label: str | None, scratch: Path, identities: Identities | None) -> Sequence[Damage]:
        """Return everything that is wrong with one set or all."""
        labels = self._labels()
        if label is not None and label not in labels:
            raise SetUnknownError(f"{self._name} has no set {label}; see `cryo backup list`")
        found: list[Damage] = []
        for each in labels if label is None else [label]:
            with private_folder(scratch) as folder:
                found += self._check(each, folder, identities)
        return found

    def remove_half_uploads(self) -> Sequence[str]:
        """Delete what killed backups left; only the holder of the backup lock may call it."""
        half = [label for label, files in self._objects().items() if MANIFEST_FILE not in files]
        for label in half:
            self.delete(label)
        return half

    def delete(self, label: str) -> None:
        """Delete a set, its manifest first."""
        files = self._objects().get(label)
        if files is None:
            raise SetUnknownError(f"{self._name} has no set {label}; see `cryo backup list`")
        for path in sorted(files, key=lambda each: (each != MANIFEST_FILE, each)):
            self._store.delete(self.key(label, path))

    def _check(self, label: str, folder: Path, identities: Identities | None) -> Iterator[Damage]:
        stored = self._objects()[label]
        if MANIFEST_FILE not in stored:
            yield self._damage(label, MANIFEST_FILE, "there is none: the upload was never finished, or it was deleted")
            return
        opened = self._try_open(label)
        if not isinstance(opened, Manifest):
            yield self._damage(label, MANIFEST_FILE, str(opened))
            return
        for path, expected in sorted(opened.files.items()):
            if path not in stored:
                yield self._damage(label, path, "is missing")
                continue
            if stored[path] != expected.size_bytes:
                told = f"has {stored[path]} bytes, {expected.size_bytes} were written"
                yield self._damage(label, path, told)
                continue
            fetched = folder / "object"
            self._store.get(self.key(label, path), fetched)
            if hash_file(fetched) != expected:
                yield self._damage(label, path, "its content is not what was written")
            fetched.unlink()
        for path in sorted(stored.keys() - opened.files.keys() - set(_OURS)):
            yield self._damage(label, path, "does not belong to the set")
        if identities is not None:
            yield from self._check_key(label, opened, folder, identities)

    def _check_key(self, label: str, manifest: Manifest, folder: Path, identities: Identities) -> Iterator[Damage]:
        """Open the smallest object, so that a lost key is noticed before it is needed."""
        path = min(manifest.files, key=lambda each: (manifest.files[each].size_bytes, each))
        source, target = folder / "smallest", folder / "opened"
        try:
            self._store.get(self.key(label, path), source)
            open_file(source, target, identities, name=self.key(label, path))
        except KeyWrongError as error:
            yield self._damage(label, path, str(error))
        except SetDamagedError:
            return  # told above, with its size or checksum

    def _damage(self, label: str, path: str, problem: str) -> Damage:
        return Damage(object=self.key(label, path), problem=problem, label=label, repository=self._repository)

    def _try_open(self, label: str) -> Manifest | BackupError:
        try:
            return self.open(label)
        except BackupError as error:
            return error

    def _labels(self) -> Sequence[str]:
        return sorted(self._objects())

    def _objects(self) -> Mapping[str, Mapping[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for key, size in self._store.list(self._name).items():
            label, _, path = key.removeprefix(f"{self._name}/").partition("/")
            if path:
                found.setdefault(label, {})[path] = size
        return found


def set_of(manifest: Manifest, *, repository: int) -> BackupSet:
    """Return a manifest as the record that engines speak in."""
    return BackupSet(
        label=manifest.label,
        kind=BackupKind.LOGICAL,
        started_at=manifest.started_at,
        finished_at=manifest.finished_at,
        size_bytes=manifest.size_bytes,
        stored_bytes=manifest.stored_bytes,
        repository=repository,
        annotations=manifest.annotations,
    )
