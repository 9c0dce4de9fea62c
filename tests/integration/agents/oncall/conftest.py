"""The agent as a pod runs it, a real mail server and a real HTTP sink that can be told to misbehave."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

ROSTER = """
people:
  ann: {name: Ann, time_zone: Europe/Berlin, email: ann@example.org, slack: "<@U1>"}
  bob: {name: Bob, time_zone: Europe/Berlin, email: bob@example.org}
schedules:
  first: {time_zone: Europe/Berlin, rotation: [ann], since: 2026-01-05, hand_over: "09:00"}
policies:
  page:
    steps:
      - {tell: [first], by: [email, slack]}
      - {after_s: STEP_S, tell: [bob], by: [email]}
    calm_s: CALM_S
routes:
  - {policy: page}
"""


@dataclass
class Told:
    """A message that arrived somewhere, with what identifies it."""

    channel: str
    subject: str
    text: str

    @property
    def link(self) -> str:
        return next(word for word in self.text.split() if "/oncall/act/" in word)


@dataclass
class MailSink:
    """A real SMTP server; `refuse` answers every recipient with a code, `swallow` takes a message and never answers."""

    messages: list[Told] = field(default_factory=list)
    refuse: str = ""
    on_message: Callable[[], None] = lambda: None

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options) -> str:  # noqa: N802 - aiosmtpd calls it so
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd calls it so
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.messages.append(Told("email", f"{envelope.rcpt_tos[0]} {mail['Subject']}", mail.get_content()))
        self.on_message()
        return "250 OK"


@dataclass
class SlackSink:
    """A real HTTP server; each waiting answer is a status and headers, after them it takes everything."""

    messages: list[Told] = field(default_factory=list)
    answers: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    on_message: Callable[[], None] = lambda: None

    def handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = json.loads(self.rfile.read(int(self.headers["content-length"])))["text"]
                sink.asked.append(time.monotonic())
                status, headers = sink.answers.pop(0) if sink.answers else (200, {})
                if status == 200:
                    sink.messages.append(Told("slack", text.split("\n")[0], text))
                    sink.on_message()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """An agent that is killed in the middle is what these tests are about, not news."""


@dataclass
class Sinks:
    """Where messages arrive."""

    mail: MailSink
    slack: SlackSink
    mail_port: int
    slack_port: int

    def told(self) -> list[Told]:
        return [*self.mail.messages, *self.slack.messages]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def sinks() -> Iterator[Sinks]:
    mail, slack = MailSink(), SlackSink()
    controller = Controller(mail, hostname="127.0.0.1", port=free_port())
    controller.start()
    server = _Quiet(("127.0.0.1", 0), slack.handler())
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield Sinks(mail, slack, controller.port, server.server_address[1])
    controller.stop()
    server.shutdown()
    server.server_close()


class Agent:
    """`python -m agents.oncall serve`, which may be killed and started again on the same address."""

    def __init__(self, environ: Mapping[str, str], repository: Path, log: Path) -> None:
        self._environ, self._repository, self.log = environ, repository, log
        self.url = f"http://{environ['CRYO_BIND']}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Agent":
        with self.log.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agents.oncall", "serve"],
                cwd=self._repository,
                env={**os.environ, **self._environ},
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.wait_for(lambda: httpx.get(self.url + "/readyz").status_code == 200)
        return self

    def kill(self) -> None:
        """End every process of it at once, as a node that loses power does."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            family = psutil.Process(self.process.pid).children()
            self.process.terminate()
            _, alive = psutil.wait_procs([*family, psutil.Process(self.process.pid)], timeout=15)
            for process in alive:
                process.kill()
            self.process.wait(5)

    def post(self, path: str = "/api/v1/alerts", **body: Any) -> httpx.Response:
        return httpx.post(self.url + path, json=body, timeout=20)

    def metrics(self) -> dict[str, float]:
        lines = httpx.get(self.url + "/metrics").text.splitlines()
        return {name: float(value) for name, _, value in (each.rpartition(" ") for each in lines) if name[:1] != "#"}

    def wait_for(self, condition: Callable[[], bool], deadline_s: float = 60.0) -> None:
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            with suppress(httpx.TransportError):
                if condition():
                    return
            if self.process is not None and self.process.poll() is not None:
                break
            time.sleep(0.05)
        pytest.fail(f"the awaited state never came: {self.log.read_text()[-6000:]}")

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def migrated(database, repository: Path):
    with database.connect() as conn:
        conn.execute((repository / "migrations" / "schema.sql").read_bytes())
        conn.execute("alter role cryo_oncall login password 'narrow-password'")
    return database


@pytest.fixture
def make_agent(migrated, sinks: Sinks, repository: Path) -> Iterator[Callable[..., Agent]]:
    """Makes an agent on its own role and address; it is not started yet."""
    made: list[Agent] = []
    with tempfile.TemporaryDirectory(prefix="cryo-oncall-") as name:
        folder = Path(name)
        (folder / "key").write_text(secrets.token_hex(32))
        (folder / "password").write_text("narrow-password\n")
        (folder / "slack").write_text(f"http://127.0.0.1:{sinks.slack_port}/services/T0/B0/{secrets.token_hex(12)}")

        def make(*, step_s: float = 3600, calm_s: float = 3600, roster: str = ROSTER, **environ: str) -> Agent:
            path = folder / f"roster-{len(made)}.yaml"
            path.write_text(roster.replace("STEP_S", str(step_s)).replace("CALM_S", str(calm_s)))
            settings = {
                "CRYO_BIND": f"127.0.0.1:{free_port()}",
                "CRYO_DB_USER": "cryo_oncall",
                "CRYO_DB_PASSWORD_FILE": str(folder / "password"),
                "CRYO_DRAIN_S": "0",
                "CRYO_ONCALL_ROSTER": str(path),
                "CRYO_ONCALL_LINK_KEY_FILE": str(folder / "key"),
                "CRYO_ONCALL_SLACK_URL_FILE": str(folder / "slack"),
                "CRYO_ONCALL_SMTP_HOST": "127.0.0.1",
                "CRYO_ONCALL_SMTP_PORT": str(sinks.mail_port),
                "CRYO_ONCALL_SMTP_SENDER": "oncall@example.org",
                "CRYO_ONCALL_SMTP_ENCRYPTION": "none",
                "CRYO_ONCALL_POLL_S": "0.1",
                "CRYO_ONCALL_SEND_TIMEOUT_S": "1",
                "CRYO_ONCALL_LEASE_S": "2",
                **environ,
            }
            settings.setdefault("CRYO_ONCALL_PUBLIC_URL", f"http://{settings['CRYO_BIND']}")
            agent = Agent({**migrated.environ, **settings}, repository, folder / f"agent-{len(made)}.log")
            made.append(agent)
            return agent

        yield make
        for agent in made:
            agent.end()


@pytest.fixture
def webhook():
    """A notification as Alertmanager 0.31 sends it."""

    def make(*, status: str = "firing", name: str = "ApiDown", fingerprints=("a1",), key: str = "") -> dict[str, Any]:
        alert = {
            "status": status,
            "labels": {"alertname": name, "severity": "critical", "service": "model-server", "env": "test"},
            "annotations": {"summary": f"{name}: no API answers", "runbook_url": f"https://runbooks/{name}"},
            "startsAt": "2026-03-03T12:00:00.123Z",
            "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-03-03T12:30:00Z",
            "generatorURL": "http://prometheus:9090/graph",
        }
        return {
            "receiver": "oncall",
            "status": status,
            "alerts": [{**alert, "fingerprint": each} for each in fingerprints],
            "groupLabels": {"alertname": name},
            "commonLabels": alert["labels"],
            "commonAnnotations": alert["annotations"],
            "externalURL": "http://alertmanager:9093",
            "version": "4",
            "groupKey": key or f'{{}}:{{alertname="{name}"}}',
            "truncatedAlerts": 0,
        }

    return make
