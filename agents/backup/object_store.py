"""Where sets of the logical engine lie: named objects that are there whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from agents.backup.errors import RepositoryUnavailableError, SetDamagedError

_TEMPORARY = ".incoming-"


class ObjectStore(Protocol):
    """Keys are relative paths with `/`; every method raises RepositoryUnavailableError when the store fails."""

    def list(self, prefix: str) -> Mapping[str, int]:
        """Return the size in bytes of every object below a folder, by its full key."""

    def put(self, source: Path, key: str) -> None:
        """Store a file; when this returns, it is there whole and survives a power cut."""

    def get(self, key: str, target: Path) -> None:
        """Fetch an object into a file; a missing one is a SetDamagedError."""

    def get_bytes(self, key: str) -> bytes:
        """Fetch a small object; a missing one is a SetDamagedError."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is gone already is no error."""


class FolderStore:
    """A folder, usually a volume of its own."""

    def __init__(self, root: Path) -> None:
        """Use an absolute path; folders below it are made when needed."""
        self._root = root

    def list(self, prefix: str) -> Mapping[str, int]:
        """Return the size in bytes of every object below a folder."""
        folder = self._root / prefix
        try:
            if not folder.is_dir():
                self._require_root()
                return {}
            return {
                str(path.relative_to(self._root)): path.stat().st_size
                for path in sorted(folder.rglob("*"))
                if path.is_file() and not path.name.startswith(_TEMPORARY)
            }
        except OSError as error:
            raise self._failed(prefix, error) from error

    def put(self, source: Path, key: str) -> None:
        """Copy beside the final place, sync, and rename."""
        target = self._root / key
        temporary = target.with_name(f"{_TEMPORARY}{secrets.token_hex(4)}")
        try:
            self._require_root()
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            with source.open("rb") as reader, temporary.open("xb") as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)
                writer.flush()
                os.fsync(writer.fileno())
            temporary.replace(target)
            _sync_folder(target.parent)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise self._failed(key, error) from error

    def get(self, key: str, target: Path) -> None:
        """Copy out."""
        try:
            shutil.copyfile(self._root / key, target)
        except FileNotFoundError as error:
            raise SetDamagedError(f"{self._root / key}: is missing from the repository") from error
        except OSError as error:
            raise self._failed(key, error) from error

    def get_bytes(self, key: str) -> bytes:
        """Read whole."""
        try:
            return (self._root / key).read_bytes()
        except FileNotFoundError as error:
            raise SetDamagedError(f"{self._root / key}: is missing from the repository") from error
        except OSError as error:
            raise self._failed(key, error) from error

    def delete(self, key: str) -> None:
        """Remove the file and folders that it leaves empty."""
        path = self._root / key
        try:
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder == self._root or not folder.is_dir() or any(folder.iterdir()):
                    break
                folder.rmdir()
        except OSError as error:
            raise self._failed(key, error) from error

    def _require_root(self) -> None:
        # A volume that is not mounted must not be taken for an empty repository.
        if not self._root.is_dir():
            message = f"repository {self._root} is not there; mount the volume, or make the folder once by hand"
            raise RepositoryUnavailableError(message)

    def _failed(self, key: str, error: OSError) -> RepositoryUnavailableError:
        told = error.strerror or str(error)
        return RepositoryUnavailableError(f"repository {self._root}, {key}: {told}; free space or correct its rights")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
