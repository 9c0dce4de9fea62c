"""Runs one program, keeps everything it prints in a log file, and explains a failure from that log.

The environment and the standard input may hold secrets: neither is ever logged. The arguments are logged, so a secret
never goes into them.
"""

# ruff: noqa: S603 - argument vectors are built by this package from checked values and never pass through a shell.

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import CommandFailedError

# Chosen: a compiler's or apt's last complaint fits, and the message still fits on a screen.
TAIL_LINES = 15
TAIL_BYTES = 16_384
STOP_GRACE_S = 5.0


def own_program(name: str) -> str:
    """Path of a program that our lock installed beside this interpreter, whose folder need not be on PATH."""
    return str(Path(sys.executable).with_name(name))


@dataclass(frozen=True, slots=True)
class Command:
    """One program call.

    Attributes:
        argv: program and arguments; logged, so never a secret.
        log: file to which the call and all its output are appended.
        cwd: working directory; None means the caller's.
        env: the whole environment of the program; None means the caller's.
        stdin: text given on standard input; never logged.
        timeout_s: after so many seconds the program and its children are stopped; None waits for ever.
        live: standard output goes straight into the log, where it can be watched, and is not returned.
        name: what messages call the program, where argv begins with a wrapper; None means the first argument.
        good_exits: exit statuses that are answers, not failures; linters say with 1 that they found something.
    """

    argv: Sequence[str]
    log: Path
    cwd: Path | None = None
    env: Mapping[str, str] | None = None
    stdin: str | None = None
    timeout_s: float | None = None
    live: bool = False
    name: str | None = None
    good_exits: tuple[int, ...] = (0,)


def run_command(command: Command) -> str:
    """Run a program to its end.

    Args:
        command: what to run and where to log.

    Returns:
        What the program printed on standard output, unless it is live. Standard error goes to the log only.

    Raises:
        CommandFailedError: not found, non-zero exit, or out of time; the message holds the program's name, its exit
            status, its last lines and the path of the log.
    """
    command.log.parent.mkdir(parents=True, exist_ok=True)
    started_at = time.monotonic()
    with command.log.open("a+b") as log:
        log.write(f"$ {shlex.join(command.argv)}\n".encode())
        log.flush()
        offset = log.tell()
        process = _start(command, log.fileno())
        stdout = _wait(process, command, offset)
        took_s = time.monotonic() - started_at
        errors_end = log.seek(0, os.SEEK_END)
        log.write(stdout + f"# exit {process.returncode} after {took_s:.1f} s\n".encode())
    if process.returncode not in command.good_exits:
        # What it said on standard error explains the failure; standard output only where it said nothing there.
        span = (offset, errors_end if errors_end > offset else errors_end + len(stdout))
        raise _failure(command, f"exited with {process.returncode}", span, exit_status=process.returncode)
    return stdout.decode(errors="replace")


def _start(command: Command, log_fd: int) -> subprocess.Popen[bytes]:
    try:
        # Its own session: a deadline or an interrupt stops the children as well, and Ctrl-C reaches us first.
        return subprocess.Popen(
            list(command.argv),
            cwd=command.cwd,
            env=dict(command.env) if command.env is not None else None,
            stdin=subprocess.PIPE if command.stdin is not None else subprocess.DEVNULL,
            stdout=log_fd if command.live else subprocess.PIPE,
            stderr=log_fd,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        name = command.argv[0]
        message = f"{name}: program or working directory not found ({error.filename}); install it or check the path"
        raise CommandFailedError(message, exit_status=None) from error


def _wait(process: subprocess.Popen[bytes], command: Command, offset: int) -> bytes:
    stdin = command.stdin.encode() if command.stdin is not None else None
    try:
        stdout, _ = process.communicate(stdin, timeout=command.timeout_s)
    except subprocess.TimeoutExpired as error:
        _stop_group(process)
        reason = f"was stopped after its {command.timeout_s:.0f} s"
        raise _failure(command, reason, (offset, command.log.stat().st_size), exit_status=None) from error
    except BaseException:
        _stop_group(process)
        raise
    return stdout or b""


def _stop_group(process: subprocess.Popen[bytes]) -> None:
    """End the program and all its children; nothing it started outlives us."""
    for step in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, step)
        except ProcessLookupError:
            break
        try:
            process.wait(STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            continue
    if process.stdout is not None:
        process.stdout.close()
    process.wait()


def _failure(command: Command, reason: str, span: tuple[int, int], *, exit_status: int | None) -> CommandFailedError:
    name = command.name or Path(command.argv[0]).name
    tail = _tail(command.log, span)
    message = f"{name} {reason}; last lines:\n{tail}\nwhole output: {command.log}"
    return CommandFailedError(message, exit_status=exit_status)


def _tail(log: Path, span: tuple[int, int]) -> str:
    start, end = span
    with log.open("rb") as stream:
        start = max(start, end - TAIL_BYTES)
        stream.seek(start)
        lines = stream.read(end - start).decode(errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-TAIL_LINES:])
