"""PostgreSQL's own programs: where they are, which version they have, and how they are run to an end."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents.backup.errors import DeadlineExceededError, EngineFailedError, ToolMissingError

# Cited: Debian's layout; every version lives beside the others.
_DEBIAN = Path("/usr/lib/postgresql")
_VERSION = re.compile(r"\(PostgreSQL\) (?P<version>(?P<major>\d+)\S*)")
# PostgreSQL's server refuses root, so a root shell hands its programs to this user; pods are never root.
_SERVER_USER = "postgres"


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of one installed version."""

    folder: Path
    major: int
    version: str

    def path(self, name: str) -> str:
        """Return the full path of one program.

        Raises:
            ToolMissingError: this version has none of that name.
        """
        found = self.folder / name
        if not os.access(found, os.X_OK):
            message = f"{found} is missing; install the complete PostgreSQL {self.major} server and client packages"
            raise ToolMissingError(message)
        return str(found)


@dataclass(frozen=True, slots=True)
class Command:
    """One run of a program."""

    argv: Sequence[str]
    timeout_s: float
    what: str
    """For messages: what was being done."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Added to our own environment; secrets only as names of files."""
    as_server: bool = False
    """It works on a data folder, so it may not run as root."""
    stdout: Path | None = None
    """File for its output; None drops it."""
    told_lines: int = 6
    """How many of its last lines a failure's message carries."""


def find_programs(major: int | None = None, *, at_least: int | None = None) -> Programs:
    """Return the newest installed version, a given one, or the newest that is not older than a given one.

    Raises:
        ToolMissingError: there is none.
    """
    folders = [*sorted(_DEBIAN.glob("*/bin"), key=lambda path: path.parent.name)]
    if on_path := shutil.which("pg_ctl"):
        folders.append(Path(on_path).resolve().parent)
    found = [programs for folder in folders if (programs := _read_version(folder)) is not None]
    fitting = [
        each
        for each in found
        if (major is None or each.major == major) and (at_least is None or each.major >= at_least)
    ]
    if not fitting:
        wanted = f"PostgreSQL {major or (f'{at_least} or newer' if at_least else '')}".strip()
        have = ", ".join(each.version for each in found) or "none"
        message = f"{wanted} is not installed (found: {have}); install its server and client packages"
        raise ToolMissingError(message)
    return max(fitting, key=lambda each: each.major)


def run(command: Command) -> None:
    """Run a program to its end.

    Raises:
        DeadlineExceededError: it took longer than its limit and was stopped.
        EngineFailedError: it failed; its last lines are in the message.
    """
    finish(command, start(command))


def start(command: Command) -> subprocess.Popen[str]:
    """Start a program in a process group of its own, so that it ends with everything that it started."""
    argv = list(command.argv)
    if command.as_server and os.geteuid() == 0:
        argv = ["runuser", "-u", _SERVER_USER, "--", *argv]
    environ = {**os.environ, **command.environ, "LC_ALL": "C.UTF-8"}
    output = command.stdout.open("wb") if command.stdout else subprocess.DEVNULL
    try:
        return subprocess.Popen(  # noqa: S603 - argv is ours, without a shell
            argv, stdout=output, stderr=subprocess.PIPE, text=True, env=environ, start_new_session=True, cwd="/"
        )
    except OSError as error:
        raise ToolMissingError(f"{command.what}: {argv[0]}: {error}; install it") from error
    finally:
        if output is not subprocess.DEVNULL:
            output.close()  # type: ignore[union-attr]


def finish(command: Command, process: subprocess.Popen[str]) -> None:
    """Wait for a started program; see run."""
    try:
        _, errors = process.communicate(timeout=command.timeout_s)
    except subprocess.TimeoutExpired as error:
        stop(process)
        message = f"{command.what}: not done after {command.timeout_s:.0f} s and stopped; raise the limit or look why"
        raise DeadlineExceededError(message) from error
    except BaseException:
        stop(process)
        raise
    if process.returncode != 0:
        told = " | ".join(line for line in errors.strip().splitlines()[-command.told_lines :]) or "it said nothing"
        name = Path(command.argv[0]).name
        raise EngineFailedError(f"{command.what}: {name} ended with code {process.returncode}: {told}")


def stop(process: subprocess.Popen[str]) -> None:
    """End a program and everything in its group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def owner_of_servers() -> str | None:
    """Name the user that data folders must belong to; None when it is ourselves."""
    return _SERVER_USER if os.geteuid() == 0 else None


def _read_version(folder: Path) -> Programs | None:
    program = folder / "pg_ctl"
    if not os.access(program, os.X_OK):
        return None
    answer = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
    found = _VERSION.search(answer.stdout)
    return Programs(folder, int(found["major"]), found["version"]) if found else None
