"""Starts, finds and stops the cluster's processes.

A record holds pid and start time: together they name one process for ever, so that a reused pid after a reboot is
never taken for ours and never stopped.
"""

import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from toolchain.cluster.components import Daemon
from toolchain.errors import PermanentToolchainError

STOP_GRACE_S = 10.0
WAIT_PAUSE_S = 0.02
# The kernel counts start times in hundredths of a second from boot, and the boot time itself may be stepped a little.
SAME_START_S = 1.0
# Chosen: two logs of this size per process stay below 200 MB in all.
LOG_LIMIT_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class DaemonRecord:
    """One started process and the command it was started with."""

    name: str
    pid: int
    created_at: float
    argv: tuple[str, ...]


def running(folder: Path, name: str) -> psutil.Process | None:
    """The live process of a record, or None when it ended or was never started."""
    record = read_record(folder, name)
    return None if record is None else _process(record)


def read_record(folder: Path, name: str) -> DaemonRecord | None:
    """What was started under this name, whether it still runs or not."""
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    try:
        fields = json.loads(path.read_text())
        return DaemonRecord(fields["name"], fields["pid"], fields["created_at"], tuple(fields["argv"]))
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path}: not a process record ({error}); check that {name} is not running and remove the file"
        raise PermanentToolchainError(message) from error


def start(folder: Path, logs: Path, daemon: Daemon) -> bool:
    """Start a process unless it runs already with the same command.

    Args:
        folder: where records are kept.
        logs: where its output goes.
        daemon: what to run.

    Returns:
        True when it was started now, False when it was running.

    Raises:
        PermanentToolchainError: the program is missing.
    """
    process = running(folder, daemon.name)
    if process is not None:
        record = read_record(folder, daemon.name)
        if record is not None and record.argv == daemon.argv:
            return False
        stop_process(process)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{daemon.name}.log"
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    process = _spawn(daemon, log)
    record = DaemonRecord(daemon.name, process.pid, process.create_time(), daemon.argv)
    temporary = folder / f".{daemon.name}.json"
    temporary.write_text(json.dumps(asdict(record)))
    temporary.replace(folder / f"{daemon.name}.json")
    return True


def _spawn(daemon: Daemon, log: Path) -> psutil.Process:
    # posix_spawn, not Popen: the process outlives us on purpose, and Popen warns about children that nobody waits for.
    actions: list[tuple[object, ...]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
        # A lock or a pipe that our caller handed down would be held for as long as the cluster runs.
        *((os.POSIX_SPAWN_CLOSE, number) for number in _handed_down()),
    ]
    try:
        pid = os.posix_spawnp(daemon.argv[0], daemon.argv, os.environ, file_actions=actions, setsid=True)
    except FileNotFoundError as error:
        message = f"{daemon.argv[0]}: not found; run `cryo up`, which installs what the cluster needs"
        raise PermanentToolchainError(message) from error
    return psutil.Process(pid)


def _handed_down() -> list[int]:
    """Open files beside the standard three that a child would inherit; Python's own are closed by the kernel."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        number = int(entry.name)
        # The listing's own handle is gone by now.
        with suppress(OSError):
            if number > 2 and os.get_inheritable(number):  # noqa: PLR2004 - the standard error
                found.append(number)
    return found


def stop(folder: Path, name: str, *, grace_s: float = STOP_GRACE_S) -> bool:
    """Stop a recorded process and forget it; True when it was running."""
    process = running(folder, name)
    if process is not None:
        stop_process(process, grace_s=grace_s)
    (folder / f"{name}.json").unlink(missing_ok=True)
    return process is not None


def stop_process(process: psutil.Process, *, grace_s: float = STOP_GRACE_S) -> None:
    """Ask a process to end and kill it when it does not."""
    stop_all([process], grace_s=grace_s)


def stop_all(processes: Iterable[psutil.Process], *, grace_s: float) -> None:
    """Ask processes to end, all at once, and kill those that do not."""
    alive = list(processes)
    for send in (psutil.Process.terminate, psutil.Process.kill):
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                send(process)
        alive = wait_gone(alive, timeout_s=grace_s)
        if not alive:
            return


def wait_gone(processes: Iterable[psutil.Process], *, timeout_s: float) -> list[psutil.Process]:
    """Wait until processes have ended; returns those that have not.

    A zombie has ended: on machines whose first process reaps slowly, waiting for it to vanish took two seconds each.
    """
    alive = [process for process in processes if is_alive(process)]
    deadline = time.monotonic() + timeout_s
    while alive and time.monotonic() < deadline:
        time.sleep(WAIT_PAUSE_S)
        alive = [process for process in alive if is_alive(process)]
    return alive


def is_alive(process: psutil.Process) -> bool:
    """False for a process that ended, reaped or not."""
    try:
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.is_running()
    except psutil.NoSuchProcess:
        return False
    _reap(process.pid)
    return False


def held_bytes(processes: Iterable[psutil.Process]) -> int:
    """Memory that these processes hold together: a page that several share (proportional set size) counts once."""
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss
    return total


def _process(record: DaemonRecord) -> psutil.Process | None:
    try:
        process = psutil.Process(record.pid)
        is_ours = abs(process.create_time() - record.created_at) < SAME_START_S
    except psutil.NoSuchProcess:
        return None
    return process if is_ours and is_alive(process) else None


def _reap(pid: int) -> None:
    """Collect a child that this very process started and that has ended; other pids are left alone."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
