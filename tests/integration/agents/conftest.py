"""What the agents talk to.

A throwaway PostgreSQL of this machine's own packages, two colours over real HTTP, and the one fake of
these tests: the Kubernetes API server.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import psycopg
import pytest
from psycopg import sql

START_TIMEOUT_S = 60


@dataclass(frozen=True)
class Cluster:
    """A running server that listens on loopback with a password."""

    port: int
    password_file: Path

    def connect(self, database: str = "postgres", *, user: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=database,
            user=user,
            password=self.password_file.read_text(encoding="utf-8").strip(),
            autocommit=True,
        )

    def control(self, *command: str) -> None:
        """Stop or restart the server; `restart` keeps its options and also starts one that is stopped."""
        folder = self.password_file.parent
        control = [str(_find_binaries() / "pg_ctl"), f"--pgdata={folder / 'data'}", f"--log={folder / 'server.log'}"]
        subprocess.run(_as_postgres([*control, "--wait", *command]), check=True, cwd=folder, capture_output=True)


@dataclass(frozen=True)
class Database:
    """One empty database of the cluster."""

    cluster: Cluster
    name: str

    def connect(self) -> psycopg.Connection:
        return self.cluster.connect(self.name)

    @property
    def environ(self) -> Mapping[str, str]:
        return {
            "CRYO_DB_HOST": "127.0.0.1",
            "CRYO_DB_PORT": str(self.cluster.port),
            "CRYO_DB_NAME": self.name,
            "CRYO_DB_USER": "postgres",
            "CRYO_DB_PASSWORD_FILE": str(self.cluster.password_file),
            "CRYO_COLOUR": "blue",
            "CRYO_VERSION": "1.0.0",
            "CRYO_GIT_SHA": "0123abc",
        }


def _find_binaries() -> Path:
    """The newest installed server; CRYO_TEST_PG_BIN overrides it."""
    if chosen := os.environ.get("CRYO_TEST_PG_BIN"):
        return Path(chosen)
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    # A missing server must be red, not skipped: these tests are the proof of the SQL.
    pytest.fail("no PostgreSQL server found; install the package `postgresql`, or set CRYO_TEST_PG_BIN")


def _as_postgres(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running_cluster(binaries: Path) -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="cryo-test-pg-"))
    password_file = folder / "password"
    password_file.write_text(secrets.token_hex(16) + "\n", encoding="utf-8")
    data, port = folder / "data", _free_port()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        shutil.chown(password_file, "postgres")
    init = ["--username=postgres", f"--pwfile={password_file}", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8"]
    subprocess.run(
        _as_postgres([str(binaries / "initdb"), f"--pgdata={data}", *init]), check=True, capture_output=True, cwd=folder
    )
    options = (
        f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} "
        "-c fsync=off -c shared_buffers=32MB -c max_connections=60 -c deadlock_timeout=200ms"
    )
    control = [str(binaries / "pg_ctl"), f"--pgdata={data}", f"--log={folder / 'server.log'}", "--wait"]
    subprocess.run(
        _as_postgres([*control, f"--timeout={START_TIMEOUT_S}", f"--options={options}", "start"]),
        check=True,
        cwd=folder,
    )
    try:
        yield Cluster(port=port, password_file=password_file)
    finally:
        subprocess.run(_as_postgres([*control, "--mode=immediate", "stop"]), check=True, cwd=folder)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with _running_cluster(_find_binaries()) as running:
        yield running


@pytest.fixture(scope="session")
def start_cluster() -> Callable[[Path], AbstractContextManager[Cluster]]:
    """For modules that need a server of another version than this machine's."""
    return _running_cluster


@pytest.fixture
def database(cluster: Cluster) -> Iterator[Database]:
    name = f"cryo_{secrets.token_hex(4)}"
    with cluster.connect() as conn:
        conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    yield Database(cluster=cluster, name=name)
    with cluster.connect() as conn:
        conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).resolve().parents[3]


class FakeApiServer:
    """The corner of a Kubernetes API server that a release uses, over real HTTP.

    It keeps objects in memory, counts resource versions, refuses a stale one, and wants server-side apply to name
    its field manager. `fail` answers the next calls with a status; `hold` keeps a matching write waiting.
    """

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.writes: list[tuple[str, str, dict[str, str], dict[str, Any]]] = []
        self.events: list[dict[str, Any]] = []
        self.failures: list[int] = []
        self.deployments: list[dict[str, Any]] = []
        self.hold: Callable[[str, dict[str, Any]], bool] = lambda _path, _body: False
        self.held = threading.Event()
        self.release = threading.Event()
        self.on_write: Callable[[], None] = lambda: None
        self._version = 100
        self._lock = threading.Lock()

    def scale(self, app: str, colour: str, *, wanted: int, ready: int) -> None:
        labels = {"app.kubernetes.io/name": app, "cryoprotect.io/color": colour}
        name = f"{app}-{colour}-1234567"
        self.deployments = [each for each in self.deployments if each["metadata"]["name"] != name]
        body = {"metadata": {"name": name, "labels": labels}, "spec": {"replicas": wanted}}
        self.deployments.append({**body, "status": {"readyReplicas": ready}})

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        self.objects[path] = body
        return body

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any] | None) -> tuple[int, Any]:
        if self.failures:
            return self.failures.pop(0), {"message": "told to fail"}
        if method == "GET" and path.endswith("/deployments"):
            wanted = dict(pair.split("=") for pair in query["labelSelector"].split(","))
            return 200, {"items": [each for each in self.deployments if each["metadata"]["labels"] == wanted]}
        if method == "GET":
            found = self.objects.get(path)
            return (200, found) if found else (404, {"message": f"{path} not found"})
        assert body is not None
        if path.endswith("/events"):
            if any(each["metadata"]["name"] == body["metadata"]["name"] for each in self.events):
                return 409, {"message": "already exists"}
            self.events.append(body)
            return 201, {"metadata": body["metadata"]}
        if self.hold(path, body):
            self.held.set()
            self.release.wait(20)
        with self._lock:
            return self._write(method, path, query, body)

    def _write(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        target = f"{path}/{body['metadata']['name']}" if method == "POST" else path
        old = self.objects.get(target)
        given = body["metadata"].get("resourceVersion")
        if method == "POST" and old:
            return 409, {"message": "already exists"}
        if method == "PATCH" and old and given != old["metadata"]["resourceVersion"]:
            return 409, {"message": "the object has been modified"}
        if "fieldManager" not in query:
            return 422, {"message": "fieldManager is required"}
        self.writes.append((method, target, query, body))
        stored = self.put(target, {**(old or {}), **body, "metadata": dict(body["metadata"])})
        self.on_write()
        return 200, stored


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A killed client is what these tests are about, not news."""


def _serve(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    server = _Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))


class Colours:
    """Both colours of the application behind one server each, and a gateway that follows the route's weights."""

    PREDICTION: ClassVar[dict[str, Any]] = {"predictions": [{"lower": 180.0, "prediction": 190.0, "upper": 200.0}]}

    def __init__(self, api: FakeApiServer, route: str) -> None:
        self._api, self._route = api, route
        self.answers: dict[str, Callable[[str], tuple[int, bytes, str]]] = {}
        self.versions: dict[str, str] = {}
        self.gateway_lag_s = 0.0
        self.gateway_down = False
        self.asked: list[tuple[str, str, str]] = []
        self._seen: list[tuple[float, str]] = []
        self.servers = {name: _serve(self._handler(name)) for name in ("blue", "green", "gateway")}
        for colour in ("blue", "green"):
            self.answers[colour] = self.healthy(colour)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.servers[name].server_address[1]}"

    def healthy(self, colour: str) -> Callable[[str], tuple[int, bytes, str]]:
        return lambda _path: (200, json.dumps(self.PREDICTION).encode(), colour)

    def live(self) -> str:
        backends = self._api.objects[self._route]["spec"]["rules"][0]["backendRefs"]
        now = time.monotonic()
        wanted = max(backends, key=lambda backend: backend["weight"])["name"].rsplit("-", 1)[1]
        if not self._seen or self._seen[-1][1] != wanted:
            self._seen.append((now, wanted))
        ripe = [colour for at, colour in self._seen if now - at >= self.gateway_lag_s]
        return ripe[-1] if ripe else self._seen[max(0, len(self._seen) - 2)][1]

    def _handler(self, name: str) -> type[BaseHTTPRequestHandler]:
        colours = self

        class Handler(_Quiet):
            def do_GET(self) -> None:
                self.read_body()
                colours.asked.append((name, self.path, self.headers.get("Host", "")))
                if name == "gateway" and colours.gateway_down:
                    self.send(503, b"", {})
                    return
                status, body, colour = colours.answers[colours.live() if name == "gateway" else name](self.path)
                self.send(status, body, {"x-cryo-colour": colour, "x-cryo-version": colours.versions.get(colour, "")})

            do_POST = do_GET  # noqa: N815 - the base class calls it so

        return Handler


ROUTE_PATH = "/apis/gateway.networking.k8s.io/v1/namespaces/cryo/httproutes/model-server"
RECORD_PATH = "/api/v1/namespaces/cryo/configmaps/release-model-server"


@pytest.fixture
def api() -> FakeApiServer:
    server = FakeApiServer()
    backends = [
        {"name": "model-server-blue", "port": 8080, "weight": 100},
        {"name": "model-server-green", "port": 8080, "weight": 0},
    ]
    rule = {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": backends}
    server.put(ROUTE_PATH, {"metadata": {"name": "model-server"}, "spec": {"hostnames": ["h"], "rules": [rule]}})
    return server


@pytest.fixture
def api_url(api: FakeApiServer) -> Iterator[str]:
    class Handler(_Quiet):
        def do_GET(self) -> None:
            raw = self.read_body()
            if self.command == "PATCH":
                assert self.headers["Content-Type"] == "application/apply-patch+yaml"
            url = urlsplit(self.path)
            status, body = api.answer(
                self.command, url.path, dict(parse_qsl(url.query)), json.loads(raw) if raw else None
            )
            self.send(status, json.dumps(body).encode(), {"Content-Type": "application/json"})

        do_POST = do_PATCH = do_GET  # noqa: N815 - the base class calls them so

    server = _serve(Handler)
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def kubeconfig(api_url: str, tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": api_url}}],
        "users": [{"name": "test", "user": {"token": "not-a-real-token"}}],
    }
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


@pytest.fixture
def colours(api: FakeApiServer) -> Iterator[Colours]:
    found = Colours(api, ROUTE_PATH)
    yield found
    for server in found.servers.values():
        server.shutdown()
        server.server_close()


MIGRATION_HEAD = "-- Adds a thing.\n-- @lock-budget-ms 200\n-- @server 15\n-- @transaction yes\n"
MIGRATION_PROOF = "-- Each row is a defect.\n-- @expect zero-rows\nselect 1 where false;\n"


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a migrations folder from bodies; each file gets its companions."""

    def write(**bodies: str) -> Path:
        for stem, body in bodies.items():
            name = stem.removeprefix("m")
            up, _, verify = body.partition("@@")
            (tmp_path / f"{name}.sql").write_text(up if up.startswith("--") else MIGRATION_HEAD + up, encoding="utf-8")
            (tmp_path / f"{name}.verify.sql").write_text(verify or MIGRATION_PROOF, encoding="utf-8")
            (tmp_path / f"{name}.down.sql").write_text("select 1;", encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def migrate(database, repository: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str, folder: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "agents.migrate", *arguments, "--migrations", str(folder or "migrations")]
        return subprocess.run(
            command,
            env={**os.environ, **database.environ, **environ},
            cwd=repository,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    return run


@pytest.fixture
def start_migrate(database, repository: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, folder: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "agents.migrate", *arguments, "--migrations", str(folder)]
        process = subprocess.Popen(
            command,
            env={**os.environ, **database.environ},
            cwd=repository,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
