"""Puts a restored data folder where the server looks for it; what was there stays beside it for a person to delete."""

from datetime import datetime
from pathlib import Path

from agents.backup.errors import FolderNotEmptyError

_UNFINISHED = ".restoring"


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
    """Rename the old folder away and the restored one into its place; return where the old one is, None if none was."""
    kept = replaced_folder(data, now) if data.exists() else None
    if kept is not None:
        data.rename(kept)
    unfinished_folder(data).rename(data)
    return kept
