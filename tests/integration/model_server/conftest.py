"""A real server process on a loopback port, and the folder of real data where there is one."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path.append(str(REPOSITORY / "bench"))
from releases import MadeUp, write_made_up  # noqa: E402 - the folder of benches is no package

SERVICE_TOKEN = "s" * 40


@pytest.fixture(scope="session", name="free_port")
def give_free_port() -> Callable[[], int]:
    """The function, for servers that modules start on their own."""
    return free_port


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ServerProcess:
    """`python -m model_server.serve` as a pod runs it."""

    def __init__(self, log: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        settings = {"CRYO_BIND": f"127.0.0.1:{self.port}", "CRYO_COLOUR": "blue", "CRYO_VERSION": "t-1"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CRYO_")}
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "model_server.serve"],
                cwd=REPOSITORY,
                env={**kept, **settings, **environment},
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def wait_until(self, path: str, status: int, deadline_s: float = 30.0) -> httpx.Response:
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError):
                response = httpx.get(self.url + path)
                if response.status_code == status:
                    return response
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        pytest.fail(f"{path} did not answer {status}: {self.log.read_text()}")

    def events(self) -> list[dict]:
        """Every log line, each of which must be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def workers(self) -> list[psutil.Process]:
        """Processes of several workers; a single one is the process itself."""
        return psutil.Process(self.process.pid).children()

    def wait_until_told(self, event: str, times: int, deadline_s: float = 30.0) -> None:
        """Wait for a log line; of several workers a probe reaches any one, so only the log tells of all."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end and self.is_alive():
            if sum(f'"{event}"' in line for line in self.log.read_text().splitlines()) >= times:
                return
            time.sleep(0.05)
        pytest.fail(f"{event} was not told {times} times: {self.log.read_text()}")

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        """Be gone, with the workers, whatever state the test left."""
        if self.process.poll() is None:
            family = [*self.workers(), psutil.Process(self.process.pid)]
            self.process.terminate()
            _, alive = psutil.wait_procs(family, timeout=15)
            for process in alive:
                process.kill()
            self.process.wait(5)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory) -> Path:
    """Made-up models whose answers tell which version gave them."""
    folder = tmp_path_factory.mktemp("models")
    for version, offset in (("1.0.0", 200.0), ("1.1.0", 300.0)):
        write_made_up(folder, MadeUp(version=version, offset=offset))
    write_made_up(
        folder, MadeUp(name="tg-tm", recipe="structure-melting-1", selector="condition:melting_point_k", offset=250.0)
    )
    write_made_up(
        folder, MadeUp(name="viability-wetlab", family="viability", recipe="composition-1", offset=50.0, upper=100.0)
    )
    return folder


@pytest.fixture(scope="session")
def server_process() -> type[ServerProcess]:
    """The class, for modules that start a server of their own; test modules cannot import this file."""
    return ServerProcess


@pytest.fixture(scope="session")
def operator() -> dict[str, str]:
    return {"authorization": f"Bearer {SERVICE_TOKEN}"}


@pytest.fixture
def start_server(tmp_path) -> Iterator[Callable[..., ServerProcess]]:
    """Start servers that end with the test."""
    started: list[ServerProcess] = []

    def start(**environment: str) -> ServerProcess:
        server = ServerProcess(tmp_path / f"server-{len(started)}.log", **environment)
        started.append(server)
        return server

    yield start
    for server in started:
        server.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory, models_dir) -> Iterator[ServerProcess]:
    """One server with everything switched on, for the tests that share it."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "token").write_text(SERVICE_TOKEN)
    started = ServerProcess(
        folder / "server.log",
        CRYO_DRAIN_S="0.1",
        CRYO_MODELS_DIR=str(models_dir),
        CRYO_REGISTRY_DIR=str(folder / "registry"),
        CRYO_SERVICE_TOKEN_FILE=str(folder / "token"),
        CRYO_REPOSITORY_API="on",
    )
    started.wait_until("/readyz", 200)
    yield started
    started.end()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    for candidate in (os.environ.get("CRYO_DATA_DIR"), REPOSITORY.parent / "shared" / "data"):
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    pytest.skip("no data folder: set CRYO_DATA_DIR to train on the real Tg set")
