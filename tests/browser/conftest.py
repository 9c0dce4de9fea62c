"""The released models behind a real server, and a real Chromium in front of it that reports every complaint."""

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
TOKEN = "b" * 40
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SIZES = {"desktop": {"width": 1280, "height": 860}, "mobile": {"width": 360, "height": 740}}


@pytest.fixture(scope="session")
def registry_dir(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory) -> Path:
    """The released models, so the pages show what a scientist sees, and a second version of one of them."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(REPOSITORY / "model_server" / "registry" / "released", folder, dirs_exist_ok=True)
    write_second_version(folder / "tg-tm")
    return folder


def write_second_version(model: Path) -> None:
    """The same graph, whose held-out errors are said to be a tenth smaller on average."""
    shutil.copytree(model / "1.1.0", model / "1.2.0")
    points = json.loads((model / "1.2.0" / "points.json").read_text())
    for index, point in enumerate(points):
        error = point["predicted"] - point["actual"]
        point["predicted"] = round(point["actual"] + error * (0.5 + (index % 9) / 10), 2)
    content = json.dumps(points).encode()
    (model / "1.2.0" / "points.json").write_bytes(content)
    card = json.loads((model / "1.2.0" / "card.json").read_text())
    card["model"]["version"] = "1.2.0"
    card["files"]["points.json"] = hashlib.sha256(content).hexdigest()
    (model / "1.2.0" / "card.json").write_text(json.dumps(card))


@pytest.fixture(scope="session")
def address(tmp_path_factory, models_dir, registry_dir) -> Iterator[str]:
    """A server process as a pod runs it."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "token").write_text(TOKEN)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    settings = {
        "CRYO_BIND": url.removeprefix("http://"),
        "CRYO_COLOUR": "blue",
        "CRYO_DRAIN_S": "0.1",
        "CRYO_MODELS_DIR": str(models_dir),
        "CRYO_REGISTRY_DIR": str(registry_dir),
        "CRYO_SERVICE_TOKEN_FILE": str(folder / "token"),
        "CRYO_TRAINER": "process",
        "CRYO_VERSION": "t-1",
    }
    data = os.environ.get("CRYO_DATA_DIR") or str(REPOSITORY.parent / "shared" / "data")
    if Path(data).is_dir():
        settings["CRYO_DATA_DIR"] = data
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRYO_")}
    log = folder / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "model_server.serve"],
            cwd=REPOSITORY,
            env={**kept, **settings},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url}/readyz").status_code == 200:
                    break
            time.sleep(0.1)
        else:
            pytest.fail(f"the server did not get ready: {log.read_text()}")
        yield url
        assert "request.failed" not in log.read_text()
    finally:
        process.terminate()
        process.wait(15)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()


class Visitor:
    """One window; what the browser complained about is asserted when the test ends."""

    def __init__(self, context: BrowserContext, address: str):
        self.context, self.address = context, address
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", self._miss)

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path, wait_until="load")
        return self.page

    def forgive(self, words: str) -> None:
        """Drop complaints that a test provokes, such as the browser's line about a status of 422."""
        self.complaints = [text for text in self.complaints if words not in text]

    def _hear(self, message) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _miss(self, request) -> None:
        # A page that is left while it loads gives up its requests; that is no failure.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")


@pytest.fixture
def visit(browser, address) -> Iterator[Callable[..., Visitor]]:
    """Open windows in a size and a colour scheme, with or without scripts."""
    visitors: list[Visitor] = []

    def start(size: str = "desktop", scheme: str = "light", *, scripts: bool = True) -> Visitor:
        context = browser.new_context(
            viewport=SIZES[size], color_scheme=scheme, java_script_enabled=scripts, reduced_motion="reduce"
        )
        context.set_default_timeout(10_000)
        visitors.append(Visitor(context, address))
        return visitors[-1]

    yield start
    complaints = [text for visitor in visitors for text in visitor.complaints]
    for visitor in visitors:
        visitor.context.close()
    assert complaints == []


@pytest.fixture
def visitor(visit) -> Visitor:
    return visit()


@pytest.fixture(scope="session")
def ask_many(address) -> Callable[[int], None]:
    """Ask the API about so many chains."""

    def ask(count: int) -> None:
        inputs = [{"smiles": "C" * (index % 20 + 1) + "O"} for index in range(count)]
        answer = httpx.post(f"{address}/api/v1/predictions", json={"target": "tg", "inputs": inputs}, timeout=60)
        assert answer.status_code == 200

    return ask


@pytest.fixture(scope="session")
def token() -> str:
    return TOKEN
