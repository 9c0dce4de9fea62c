"""Where the registry keeps its bytes: a handful of calls, answered by a folder here and by a bucket in `object_store`.

Every call maps to one request of an S3-like store: read, list, put if absent, put if unchanged.
"""

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from model_server.errors import PermanentError, RegistryBusyError, SettingInvalidError

# One path segment starts with a letter or digit, so neither `..` nor a hidden file can be named.
_KEY = re.compile(r"[a-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,7}")
_DRAFT_PREFIX = ".draft-"
_LOCK_FILE = ".lock"


class StoreKeyError(PermanentError):
    """A name that no store can keep; a mistake in the caller."""


class Stored(NamedTuple):
    """Content and the tag that a conditional write compares."""

    content: bytes
    tag: str


class Store(Protocol):
    """Bytes by key. Each write is complete or absent, whatever happens to the process."""

    def read(self, key: str) -> Stored | None:
        """Return content and tag; None when absent."""
        ...

    def tag(self, key: str) -> str | None:
        """Return something cheap that changes whenever the content does; None when absent."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """List the keys below a prefix that ends with a slash, sorted."""
        ...

    def create(self, key: str, content: bytes) -> None:
        """Write a key whose content never changes; writing the same again does nothing."""
        ...

    def delete(self, key: str) -> None:
        """Remove a key; one that is absent stays so."""
        ...

    def replace(self, key: str, content: bytes, *, expected: str | None) -> None:
        """Write if the stored tag is still the expected one (None: still absent).

        Raises:
            RegistryBusyError: somebody else was faster (temporary).
        """
        ...


def check_key(key: str) -> str:
    """Return a key that every store can keep.

    Raises:
        StoreKeyError: it is none (permanent).
    """
    if not _KEY.fullmatch(key):
        raise StoreKeyError(f"{key!r} cannot be a key of the registry; use {_KEY.pattern}")
    return key


def tag_of(content: bytes) -> str:
    """Tag of some content."""
    return hashlib.sha256(content).hexdigest()


class FolderStore:
    """A store in a folder of one machine, shared by its processes.

    A write goes to a draft beside its target, is flushed to the disk and renamed; the rename is the moment at which it
    exists. A lock file orders conditional writes; a killed holder releases it, because the kernel does.
    """

    def __init__(self, root: Path) -> None:
        """Use a folder; it is made when something is first written."""
        self._root = root

    def __str__(self) -> str:
        """Name the folder in messages."""
        return str(self._root)

    def read(self, key: str) -> Stored | None:
        """Return content and tag; None when absent."""
        try:
            content = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        return Stored(content, tag_of(content))

    def tag(self, key: str) -> str | None:
        """Inode and time of change: every write makes a new file, so an unchanged pair means unchanged content."""
        try:
            found = self._path(key).stat()
        except FileNotFoundError:
            return None
        return f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"

    def keys(self, prefix: str) -> list[str]:
        """List the keys below a prefix, without drafts."""
        base = self._path(prefix.rstrip("/"))
        found = (path.relative_to(self._root) for path in base.rglob("*") if path.is_file())
        return sorted(str(path) for path in found if not path.name.startswith("."))

    def create(self, key: str, content: bytes) -> None:
        """Write a key once; the same content again does nothing.

        Raises:
            StoreKeyError: the key holds other content (permanent).
        """
        found = self.read(key)
        if found is None:
            self._write(self._path(key), content)
        elif found.content != content:
            raise StoreKeyError(f"{self._root / key} holds other content; remove the damaged file and register again")

    def delete(self, key: str) -> None:
        """Remove a key."""
        self._path(key).unlink(missing_ok=True)

    def replace(self, key: str, content: bytes, *, expected: str | None) -> None:
        """Write if the stored tag is still the expected one."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked(path.parent):
            found = self.read(key)
            if (found.tag if found else None) != expected:
                raise RegistryBusyError(f"{path} was changed by somebody else; look at it again and repeat")
            self._write(path, content)

    @contextmanager
    def _locked(self, folder: Path) -> Iterator[None]:
        with (folder / _LOCK_FILE).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Whoever made these died before the rename: a live writer would hold the lock.
            for leftover in folder.glob(f"{_DRAFT_PREFIX}*"):
                leftover.unlink(missing_ok=True)
            yield

    def _write(self, path: Path, content: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.parent / f"{_DRAFT_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
            with draft.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(path)
            self._flush(path.parent)
        except PermissionError as error:
            raise SettingInvalidError(f"{path}: {error.strerror}; give CRYO_REGISTRY_DIR a writable folder") from error

    @staticmethod
    def _flush(folder: Path) -> None:
        """Make the rename itself survive a power cut."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)
