"""PostgreSQL 17 and pgBackRest 2.55 as they ship, in a root of their own, and a real S3 server over TLS."""

import ipaddress
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agents.backup.pgbackrest.config import DatabaseHost, EngineSettings, write_config
from agents.backup.pgbackrest.engine import PgBackRest
from agents.backup.pgbackrest.program import Program
from agents.backup.repositories import PosixStore, Repositories, Repository, S3Store
from toolchain.images import BuildRequest, build_images

OWNER = 999
START_LIMIT_S = 60
BINARIES = "/usr/lib/postgresql/17/bin"


@dataclass(frozen=True)
class Root:
    """An unpacked image, entered by chroot; its folder `work` has the same path outside and inside."""

    path: Path
    work: Path

    def argv(self, *command: str) -> list[str]:
        return ["/usr/sbin/chroot", f"--userspec={OWNER}:{OWNER}", str(self.path), *command]

    def run(self, *command: str) -> str:
        done = subprocess.run(self.argv(*command), capture_output=True, text=True, env=self.variables, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def variables(self) -> dict[str, str]:
        return {"PATH": f"/usr/local/bin:{BINARIES}:/usr/bin", "LANG": "C.UTF-8"}

    def folder(self, name: str) -> Path:
        found = self.work / name
        found.mkdir(mode=0o700)
        shutil.chown(found, OWNER, OWNER)
        return found


@pytest.fixture(scope="session")
def root():
    """The image `postgres`; CRYO_POSTGRES_ROOT names a folder with the same content where it cannot be built."""
    with entered("postgres", os.environ.get("CRYO_POSTGRES_ROOT")) as made:
        yield made


@pytest.fixture(scope="module")
def agent_root():
    """The image `backup`: the same programs with the agents, as the Jobs run them; CRYO_BACKUP_ROOT as above."""
    with entered("backup", os.environ.get("CRYO_BACKUP_ROOT")) as made:
        yield made


@contextmanager
def entered(image: str, given: str | None):
    """Unpack an image into a root of its own."""
    if os.geteuid() != 0:
        pytest.skip("needs root to enter the image")
    base = Path(tempfile.mkdtemp(prefix="cryo-backup-"))
    path = base / "root"
    if given:
        shutil.copytree(given, path, symlinks=True, ignore=shutil.ignore_patterns("lab", "urandom", "null"))
    else:
        _unpack(path, image)
    _make_devices(path)
    work = base / "work"
    inside = path / work.relative_to("/")
    inside.mkdir(parents=True)
    shutil.chown(inside, OWNER, OWNER)
    base.chmod(0o755)
    # The same absolute path outside: the agent and the programs in the root then speak of the same files.
    work.symlink_to(inside)
    yield Root(path, work)
    shutil.rmtree(base)


def _unpack(path: Path, image: str) -> None:
    cache = Path(os.environ.get("CRYO_CACHE") or "/var/cache/cryoprotect")
    index = build_images(BuildRequest(Path(__file__).parents[4], cache, names=(image,)), print)
    archive = index.images[image].archive
    path.mkdir()
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(archive) as outer:
        outer.extractall(scratch, filter="fully_trusted")  # noqa: S202 - our own image
        layers = _layers(Path(scratch))
        for layer in layers:
            with tarfile.open(layer) as inner:
                inner.extractall(path, filter="fully_trusted")  # noqa: S202 - our own image


def _layers(folder: Path) -> list[Path]:

    def blob(digest: str) -> Path:
        return folder / "blobs" / digest.replace(":", "/")

    index = json.loads((folder / "index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
    return [blob(layer["digest"]) for layer in manifest["layers"]]


def _make_devices(path: Path) -> None:
    (path / "dev" / "shm").mkdir(parents=True, exist_ok=True)
    (path / "dev" / "shm").chmod(0o1777)
    (path / "tmp").mkdir(exist_ok=True)
    (path / "tmp").chmod(0o1777)
    for name, minor in (("null", 3), ("urandom", 9)):
        device = path / "dev" / name
        if not device.exists():
            os.mknod(device, 0o20666, os.makedev(1, minor))
            device.chmod(0o666)


@dataclass
class S3:
    """An S3 server that can be killed and started again: `rclone serve s3`, with TLS and signatures."""

    port: int
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def store(self) -> S3Store:
        """Its bucket."""
        return S3Store(
            bucket="backups", endpoint=f"127.0.0.1:{self.port}", region="us-east-1", key_id_file=self.folder / "key_id",
            key_file=self.folder / "key", path="/main", ca_file=self.folder / "s3.crt",
        )  # fmt: skip

    def start(self) -> None:
        argv = [
            Path(sys.prefix) / "bin" / "rclone", "serve", "s3", self.folder / "data", "--addr",
            f"127.0.0.1:{self.port}", "--cert", self.folder / "s3.crt", "--key", self.folder / "s3.key", "--config",
            self.folder / "none.conf",
        ]  # fmt: skip
        key_id, key = ((self.folder / name).read_text() for name in ("key_id", "key"))
        variables = {"PATH": os.environ["PATH"], "RCLONE_AUTH_KEY": f'"{key_id},{key}"'}
        with (self.folder / "rclone.log").open("a") as log:
            self.process = subprocess.Popen(argv, env=variables, stdout=log, stderr=subprocess.STDOUT)
        _wait_for_port(self.port)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def make_s3(root: Root) -> S3:
    """Start one with an empty bucket `backups`."""
    folder = root.folder(f"s3-{secrets.token_hex(4)}")
    (folder / "data" / "backups").mkdir(parents=True)
    (folder / "key_id").write_text("writer")
    (folder / "key").write_text(secrets.token_hex(16))
    _certificate(folder)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = S3(port, folder)
    made.start()
    for path in folder.iterdir():
        shutil.chown(path, OWNER, OWNER)
    return made


@pytest.fixture(scope="session")
def s3(root):
    made = make_s3(root)
    yield made
    made.kill()


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "s3")])
    now = datetime.now(tz=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "s3.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "s3.key").write_bytes(key.private_bytes(*pem))


def _wait_for_port(port: int) -> None:
    ends_at = time.monotonic() + START_LIMIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < ends_at, f"nothing listens on {port}"
            time.sleep(0.05)
        else:
            return


@dataclass(frozen=True)
class Server:
    """One PostgreSQL 17 in the root, on a unix socket."""

    root: Root
    data: Path
    socket: Path
    process: "subprocess.Popen[bytes]"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(host=str(self.socket), user="postgres", dbname=database, autocommit=True)

    def stop(self) -> None:
        self.process.send_signal(2)
        self.process.wait(timeout=START_LIMIT_S)


def start_server(root: Root, data: Path, *options: str) -> Server:
    """Start a server on a data folder and wait until it answers, recovery included."""
    folder = data.with_name(f"{data.name}.sock")
    folder.mkdir(exist_ok=True)
    shutil.chown(folder, OWNER, OWNER)
    settings = {"unix_socket_directories": str(folder), "listen_addresses": "", "fsync": "off"}
    given = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("w") as log:
        argv = root.argv(f"{BINARIES}/postgres", "-D", str(data), *given, *options)
        process = subprocess.Popen(argv, env=root.variables, stdout=log, stderr=subprocess.STDOUT)
    server = Server(root, data, folder, process)
    ends_at = time.monotonic() + START_LIMIT_S
    while True:
        try:
            with server.connect() as conn:
                if not conn.execute("select pg_is_in_recovery()").fetchone()[0]:
                    return server
        except psycopg.OperationalError:
            pass
        told = (folder / "log").read_text()
        assert process.poll() is None, told
        assert time.monotonic() < ends_at, told
        time.sleep(0.05)


@dataclass(frozen=True)
class Protected:
    """A server whose WAL goes into the repositories of an engine."""

    server: Server
    engine: PgBackRest

    def archive(self) -> str:
        """Write a mark, close the segment and wait until it is archived; return its name."""
        with self.server.connect() as conn:
            name = conn.execute("select pg_walfile_name(pg_current_wal_lsn())").fetchone()[0]
            conn.execute("select pg_create_restore_point('archived')")
            conn.execute("select pg_switch_wal()")
            ends_at = time.monotonic() + START_LIMIT_S
            while (conn.execute("select last_archived_wal from pg_stat_archiver").fetchone()[0] or "") < name:
                assert time.monotonic() < ends_at, "the segment was not archived"
                time.sleep(0.05)
        return name


def make_engine(root: Root, store: PosixStore | S3Store, data: Path, *, key: str = "correct horse") -> PgBackRest:
    """Return an engine with a private folder, whose programs run in the root as the owner of the data."""
    folder = root.folder(f"engine-{secrets.token_hex(4)}")
    (folder / "key").write_text(key)
    settings = EngineSettings(
        stanza="main",
        repositories=Repositories(Repository(store, cipher_key_file=folder / "key", key_id="test-1")),
        database=DatabaseHost(data=data, socket=data.with_name(f"{data.name}.sock")),
        folder=folder,
    )
    # The agent of these tests is root and pgbackrest is not: what the agent wrote is given to it.
    entered = f'chown -R {OWNER}:{OWNER} {folder}; exec /usr/sbin/chroot --userspec={OWNER}:{OWNER} {root.path} "$@"'
    return PgBackRest(
        settings, Program(structlog.get_logger(), ("/bin/sh", "-c", entered, "sh", "/usr/bin/pgbackrest"))
    )


def protect(root: Root, store: PosixStore | S3Store, *archiving: str) -> Protected:
    """Make a server that archives, with these options of pgBackRest, and its stanza."""
    data = root.work / f"pg-{secrets.token_hex(4)}"
    engine = make_engine(root, store, data)
    root.run(f"{BINARIES}/initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--data-checksums", "--no-sync")
    config = write_config(engine.settings)
    shutil.chown(config, OWNER, OWNER)
    command = " ".join(["/usr/bin/pgbackrest", f"--config={config}", "--stanza=main", *archiving, "archive-push %p"])
    server = start_server(root, data, "-c", "archive_mode=on", "-c", f"archive_command={command}")
    engine.prepare()
    return Protected(server, engine)


@pytest.fixture(scope="module", params=["posix", "s3"])
def protected(request, root):
    """A server with one table, protected by a repository of either kind."""
    if request.param == "posix":
        store = PosixStore(root.folder(f"repo-{secrets.token_hex(4)}"))
    else:
        store = replace(request.getfixturevalue("s3_store"), path=f"/{secrets.token_hex(4)}")
    found = protect(root, store)
    with found.server.connect() as conn:
        conn.execute(
            "create table public.events (id bigint generated always as identity, at timestamptz default now())"
        )
        conn.execute("insert into public.events select from generate_series(1, 10000)")
    yield found
    found.server.stop()


@pytest.fixture(scope="session")
def s3_store(s3):
    return s3.store


@pytest.fixture(name="start_server", scope="session")
def start_server_fixture():
    return start_server


@pytest.fixture(name="make_engine", scope="session")
def make_engine_fixture():
    return make_engine


@pytest.fixture(name="protect", scope="session")
def protect_fixture():
    return protect


@pytest.fixture(name="make_s3", scope="session")
def make_s3_fixture():
    return make_s3
