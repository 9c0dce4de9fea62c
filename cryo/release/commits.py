"""Commits one file and nothing else that lies in the worktree."""

# ruff: noqa: S603 - git's own arguments, given as a vector, never through a shell.

import shutil
import subprocess
from pathlib import Path

from cryo.release.errors import EditRefusedError

_TIMEOUT_S = 120


def refuse_unclean(path: Path) -> None:
    """Refuse a file with changes of somebody else, which the commit would carry along.

    Raises:
        EditRefusedError: it has some, or lies in no repository.
    """
    if found := _git(path.parent, "status", "--porcelain", "--", path.name).strip():
        message = (
            f"{path}: has changes that are not committed ({found}); commit or undo them first; nothing was changed"
        )
        raise EditRefusedError(message)


def commit_file(path: Path, message: str) -> str:
    """Commit a changed file alone and return the new commit.

    Raises:
        EditRefusedError: git or one of its hooks refused; the file keeps its change.
    """
    _git(path.parent, "commit", "--quiet", "--only", "--message", message, "--", path.name)
    return _git(path.parent, "rev-parse", "--short", "HEAD").strip()


def find_author(path: Path, *, before: str) -> str:
    """Return commit, author and subject of a file's last change before a moment; empty when it has none.

    Raises:
        EditRefusedError: the file lies in no repository.
    """
    form = "--format=%h %an: %s"
    return _git(path.parent, "log", "-1", f"--before={before}", form, "--", path.name).strip()


def _git(folder: Path, *arguments: str) -> str:
    program = shutil.which("git")
    if program is None:
        message = "git: not found; install it, or use --no-commit"
        raise EditRefusedError(message)
    done = subprocess.run(
        [program, "-C", str(folder), *arguments], check=False, capture_output=True, text=True, timeout=_TIMEOUT_S
    )
    if done.returncode != 0:
        told = (done.stderr or done.stdout).strip()
        message = f"git {arguments[0]} in {folder}: {told}; repair that, or use --no-commit"
        raise EditRefusedError(message)
    return done.stdout
