"""Puts a restored data folder where the server looks for it; what was there stays beside it for a person to delete."""

import ctypes
import errno
import os
from datetime import datetime
from pathlib import Path

from agents.backup.errors import FolderNotEmptyError

_UNFINISHED = ".restoring"
# Cited: renameat2(2), linux/fcntl.h and linux/fs.h.
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_CANNOT_EXCHANGE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def unfinished_folder(data: Path) -> Path:
    """Return where a restore works: beside the data folder, on the same volume."""
    return data.with_name(data.name + _UNFINISHED)


def replaced_folder(data: Path, now: datetime) -> Path:
    """Return where the old data folder goes."""
    return data.with_name(f"{data.name}.replaced-{now:%Y%m%dT%H%M%SZ}")


def require_stopped(data: Path, *, known: bool) -> None:
    """Refuse while a server may be running.

    Args:
        data: the server's data folder.
        known: the caller has seen that it is stopped, so that a postmaster.pid is only left over.

    Raises:
        FolderNotEmptyError: there is a postmaster.pid; nothing was touched.
    """
    if not known and (data / "postmaster.pid").exists():
        message = (
            f"{data} has a postmaster.pid, so a server may be running in it; stop it, or give --stopped if you know "
            "that it is; nothing was touched"
        )
        raise FolderNotEmptyError(message)


def swap_in(data: Path, now: datetime) -> Path | None:
    """Put the restored folder in place of the old one; return where the old one is, None if none was.

    A kill at any point leaves a whole folder in place: without one, the server's next start would make an empty
    database. A kill before the exchange leaves the restored folder under the name that is returned.
    """
    restored = unfinished_folder(data)
    if not data.exists():
        restored.rename(data)
        return None
    kept = replaced_folder(data, now)
    # The next restore clears the unfinished folder, so the old data must never be there.
    restored.rename(kept)
    if not _exchange(kept, data):
        kept.rename(restored)
        data.rename(kept)
        restored.rename(data)
    return kept


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change names in one step; False where the file system cannot."""
    renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))
