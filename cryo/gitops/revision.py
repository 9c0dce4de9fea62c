"""The environment files and migrations of another commit, laid out in a folder."""

import io
import tarfile
from pathlib import Path

from cryo.errors import PermanentCryoError
from toolchain.errors import CommandFailedError
from toolchain.process import Command, run_command

_TIMEOUT_S = 60


def merge_base(root: Path, ref: str, log: Path) -> str:
    """Commit at which this checkout left `ref`: what a pull request is compared with.

    Raises:
        PermanentCryoError: no such commit here.
    """
    return _git(root, log, "merge-base", "HEAD", ref).strip()


def lay_out(root: Path, commit: str, folder: Path, log: Path) -> None:
    """Write `environments/` and `migrations/` as they are in a commit below a folder.

    Raises:
        PermanentCryoError: the commit is not here or lacks them.
    """
    archive = folder / "revision.tar"
    _git(root, log, "archive", "--format=tar", f"--output={archive}", commit, "environments", "migrations")
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as files:
        files.extractall(folder, filter="data")
    archive.unlink()


def _git(root: Path, log: Path, *arguments: str) -> str:
    try:
        return run_command(Command(("git", *arguments), log, cwd=root, timeout_s=_TIMEOUT_S))
    except CommandFailedError as error:
        message = f"git {arguments[0]}: {error}; fetch the commit that it names (in a workflow: fetch-depth: 0)"
        raise PermanentCryoError(message) from error
