"""A PostgreSQL of this machine's own packages that lives as long as a `with` block."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

START_TIMEOUT_S = 60


@dataclass(frozen=True)
class ThrowawayPostgres:
    """Where the server listens."""

    port: int
    password: str

    def connect(self, database: str = "postgres", *, autocommit: bool = True) -> psycopg.Connection:
        """Connect as the superuser."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=database,
            user="postgres",
            password=self.password,
            autocommit=autocommit,
        )


@contextmanager
def throwaway_postgres(**settings: str) -> Iterator[ThrowawayPostgres]:
    """Start a server with durable commits switched on, as in production, unless the settings say otherwise.

    Args:
        settings: postgresql.conf by name; `shared_buffers="1GB"`.
    """
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not binaries:
        message = "no PostgreSQL server found; install the package `postgresql`"
        raise FileNotFoundError(message)
    folder = Path(tempfile.mkdtemp(prefix="cryo-bench-pg-"))
    password = secrets.token_hex(16)
    password_file = folder / "password"
    password_file.write_text(password + "\n", encoding="utf-8")
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        shutil.chown(password_file, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    data = f"--pgdata={folder / 'data'}"
    init = [str(binaries[-1]), data, "--username=postgres", f"--pwfile={password_file}", "--auth=scram-sha-256"]
    _run([*init, "--encoding=UTF8", "--no-sync"], folder)
    chosen = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(folder), **settings}
    options = " ".join(f"-c {name}={value}" for name, value in chosen.items())
    control = [str(binaries[-1].with_name("pg_ctl")), data, f"--log={folder / 'server.log'}", "--wait"]
    _run([*control, f"--timeout={START_TIMEOUT_S}", f"--options={options}", "start"], folder)
    try:
        yield ThrowawayPostgres(port, password)
    finally:
        _run([*control, "--mode=immediate", "stop"], folder)
        shutil.rmtree(folder)


def _run(command: list[str], folder: Path) -> None:
    """Run as postgres when we are root, because the server refuses root."""
    argv = ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command
    # The server keeps its starter's descriptors open, so a pipe would never end.
    subprocess.run(argv, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
