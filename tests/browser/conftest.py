"""The released models behind a real server, and a real Chromium in front of it that reports every complaint."""

import contextlib
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
    """The released models; nothing is made up, so the pages show what a scientist sees."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(REPOSITORY / "model_server" / "registry" / "released", folder, dirs_exist_ok=True)
    return folder


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
        "CRYO_VERSION": "t-1",
    }
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
def token() -> str:
    return TOKEN
