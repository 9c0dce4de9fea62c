"""Throw-away PostgreSQL servers: reachable by a socket in a private folder only, archiving nothing, gone afterwards.

Everything of one lives in a folder of its own that holds a lock as long as its process lives. The kernel gives the
lock back when the process is killed, so the next run knows its own leftovers from servers that are in use.
"""

import fcntl
import os
import secrets
import select
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from agents.backup.errors import EngineFailedError, InstanceFailedError, RepositoryUnavailableError
from agents.backup.programs import Command, Programs, owner_of_servers, run
from agents.runtime.clock import Clock, Deadline
from agents.runtime.errors import DatabaseUnavailableError
from agents.runtime.names import PORT_POSTGRES, SessionName
from agents.runtime.postgres import Connection, open_connection
from agents.runtime.settings import DatabaseSettings

SUPERUSER = "cryo_throwaway"
PREFIX = "cryo-pg-"
_LOCK = "lock"
# Cited: sizeof(sun_path) in sys/un.h is 108 with the final zero.
_MAX_SOCKET_PATH = 107
_LOG_LINES = 8
_STOP_TIMEOUT_S = 60.0
_KILL_WAIT_S = 10.0
_POLL_S = 0.2
# A copy must not act like its original: no archive, no workers that connect elsewhere, no preloaded cron. fsync is
# off because the server is thrown away; what is verified was read back from the repository before.
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(PORT_POSTGRES),
    "ssl": "off",
    "archive_mode": "off",
    "archive_command": "",
    "primary_conninfo": "",
    "primary_slot_name": "",
    "synchronous_standby_names": "",
    "shared_preload_libraries": "",
    "session_preload_libraries": "",
    "max_logical_replication_workers": "0",
    "max_connections": "40",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
    "hot_standby": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "logging_collector": "off",
    "log_destination": "stderr",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class Workshop:
    """What throw-away servers need of this process."""

    scratch: Path
    """Folder for them, with room for the database; its path must be short, because sockets lie below it."""
    clock: Clock
    log: FilteringBoundLogger
    start_timeout_s: float = 300.0
    """Including the recovery of a restored set."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A server that runs."""

    socket_folder: Path
    data: Path
    superuser: str
    workshop: Workshop

    def settings(self, database: str = "postgres") -> DatabaseSettings:
        """Say how to reach one of its databases."""
        return DatabaseSettings(
            host=str(self.socket_folder),
            port=PORT_POSTGRES,
            name=database,
            user=self.superuser,
            password_file=None,
            sslmode="disable",
        )

    @contextmanager
    def connect(self, database: str = "postgres", *, patience_s: float = 10.0) -> Iterator[Connection]:
        """Lend a connection as the superuser."""
        session = SessionName(agent="backup", colour=None, version="throwaway")
        deadline = Deadline.after(patience_s, self.workshop.clock)
        with open_connection(self.settings(database), session, deadline=deadline, log=self.workshop.log) as conn:
            yield conn


@contextmanager
def private_folder(scratch: Path) -> Iterator[Path]:
    """Make a folder that only we and our servers can enter, and remove it with everything in it.

    Args:
        scratch: where; leftovers of killed runs are removed from there first.

    Raises:
        RepositoryUnavailableError: it cannot be made.
    """
    clear_leftovers(scratch)
    folder = scratch / f"{PREFIX}{secrets.token_hex(4)}"
    hidden = folder.with_name(f".{folder.name}")  # until it is locked, nobody may take it for a leftover
    try:
        hidden.mkdir(mode=0o700, parents=True)
        lock = os.open(hidden / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        hidden.rename(folder)
    except OSError as error:
        raise RepositoryUnavailableError(f"scratch folder {folder}: {error.strerror}; free or mount it") from error
    if owner := owner_of_servers():
        shutil.chown(folder, owner)
    try:
        yield folder
    finally:
        _kill_server(folder / "data")
        shutil.rmtree(folder)
        os.close(lock)


def clear_leftovers(scratch: Path) -> tuple[Path, ...]:
    """End and remove what killed runs left; a folder whose lock is held is in use and stays."""
    removed: list[Path] = []
    for folder in sorted(scratch.glob(f"{PREFIX}*")):
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # its owner is at this moment making or removing it
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            _kill_server(folder / "data")
            shutil.rmtree(folder)
            removed.append(folder)
        finally:
            os.close(lock)
    return tuple(removed)


def create_data(data: Path, programs: Programs, *, encoding: str = "UTF8", timeout_s: float = 120.0) -> None:
    """Make an empty data folder with page checksums; whoever can enter the folder above it is its superuser."""
    argv = [programs.path("initdb"), f"--pgdata={data}", f"--username={SUPERUSER}", "--auth=trust", "--no-sync"]
    more = ["--data-checksums", f"--encoding={encoding}", "--locale=C", "--no-instructions"]
    run(Command([*argv, *more], timeout_s, f"create {data}", as_server=True))


@contextmanager
def running(
    folder: Path,
    programs: Programs,
    workshop: Workshop,
    *,
    superuser: str = SUPERUSER,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Instance]:
    """Run the server of `folder/data`; it is stopped cleanly at the end, so that its files can be checked.

    Args:
        folder: from `private_folder`.
        programs: of the data's major version.
        workshop: for waiting and logs.
        superuser: of the data.
        settings: of the server, over those that keep a copy from acting like its original.

    Raises:
        InstanceFailedError: it did not start, or ended by itself.
    """
    if len(f"{folder}/.s.PGSQL.{PORT_POSTGRES}.lock") > _MAX_SOCKET_PATH:
        raise InstanceFailedError(f"{folder} is too long a path for a socket; set a shorter scratch folder")
    data, server_log = folder / "data", folder / "server.log"
    access = folder / "access.conf"
    access.write_text("local all all trust\n", encoding="utf-8")
    access.chmod(0o644)
    given = {
        **_SETTINGS,
        "hba_file": str(access),
        "unix_socket_directories": str(folder),
        "unix_socket_permissions": "0700",
        "cluster_name": folder.name,
        **(settings or {}),
    }
    options = " ".join(f"-c {name}='{value}'" for name, value in given.items())
    control = [programs.path("pg_ctl"), f"--pgdata={data}", f"--log={server_log}", "--wait"]
    patience_s = workshop.start_timeout_s
    begin = [*control, f"--timeout={patience_s:.0f}", f"--options={options}", "start"]
    try:
        _control(Command(begin, patience_s + 30.0, f"start {data}", as_server=True), server_log)
        instance = Instance(folder, data, superuser, workshop)
        _wait_for_recovery(instance, server_log)
        yield instance
        end = [*control, f"--timeout={_STOP_TIMEOUT_S:.0f}", "--mode=fast", "stop"]
        _control(Command(end, _STOP_TIMEOUT_S + 30.0, f"stop {data}", as_server=True), server_log)
    finally:
        _kill_server(data)


def _control(command: Command, server_log: Path) -> None:
    try:
        run(command)
    except EngineFailedError as error:
        raise InstanceFailedError(f"{error}; its log ends: {_last_lines(server_log)}") from error


def _wait_for_recovery(instance: Instance, server_log: Path) -> None:
    """Wait until it answers: without hot standby pg_ctl calls a server started that still replays its WAL."""
    deadline = Deadline.after(instance.workshop.start_timeout_s, instance.workshop.clock)
    while True:
        try:
            with instance.connect(patience_s=0.0):
                return
        except DatabaseUnavailableError as error:
            gone = not (instance.data / "postmaster.pid").exists()
            if gone or deadline.is_over:
                told = (
                    "ended while it recovered"
                    if gone
                    else f"still recovers after {instance.workshop.start_timeout_s:.0f} s"
                )
                raise InstanceFailedError(f"{instance.data} {told}; its log ends: {_last_lines(server_log)}") from error
            deadline.sleep(_POLL_S)


def _last_lines(path: Path) -> str:
    if not path.exists():
        return "(empty)"
    return " | ".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:])


def _kill_server(data: Path) -> None:
    """End the server of a data folder, if there is one; a process that works elsewhere is not it."""
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
        if Path(f"/proc/{pid}/cwd").resolve(strict=True) != data.resolve(strict=True):
            return
        # Immediate shutdown: the postmaster ends its children too, which a SIGKILL would leave behind.
        handle = os.pidfd_open(pid)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return
    try:
        signal.pidfd_send_signal(handle, signal.SIGQUIT)
        select.select([handle], [], [], _KILL_WAIT_S)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)
