"""Where alerts arrive in tests and benches: a real SMTP server, and an HTTP server that takes what Slack takes."""

import email
import email.policy
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it arrived.

    Attributes:
        channel: mail, or the path that was posted to, such as slack.
        title: subject, or the title of Slack's attachment.
        text: what a person reads.
        at: Unix time of its arrival.
    """

    channel: str
    title: str
    text: str
    at: float


@dataclass(slots=True)
class Sinks:
    """Both servers and what they received, in order."""

    host: str
    smtp_port: int
    http_port: int
    messages: list[Message] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, message: Message) -> None:
        """Keep a message and wake who waits."""
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()

    def wait_for(self, wanted: Callable[[Message], bool], *, limit_s: float) -> Message:
        """Return the first message that is wanted, also if it is there already.

        Raises:
            TimeoutError: none came; the message names what did.
        """
        deadline = time.monotonic() + limit_s
        with self.changed:
            while True:
                for message in self.messages:
                    if wanted(message):
                        return message
                left = deadline - time.monotonic()
                if left <= 0:
                    titles = [(message.channel, message.title) for message in self.messages]
                    raise TimeoutError(f"not among {titles}")
                self.changed.wait(left)


class _Mailbox:
    """Takes every mail, as aiosmtpd calls it."""

    def __init__(self, sinks: Sinks) -> None:
        """Remember where to put them."""
        self._sinks = sinks

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802 - aiosmtpd
        """Read one mail."""
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)  # type: ignore[attr-defined]
        body = mail.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        self._sinks.take(Message("mail", str(mail["subject"]), text, time.time()))
        return "250 OK"


def _handler(sinks: Sinks) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")
            first = (document.get("attachments") or [{}])[0]
            title = first.get("title") or document.get("commonLabels", {}).get("alertname", "")
            sinks.take(Message(self.path.strip("/"), title, first.get("text", ""), time.time()))

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    return Handler


@contextmanager
def open_sinks(host: str = "127.0.0.1") -> Iterator[Sinks]:
    """Serve both until the end of the block, on ports that were free.

    Args:
        host: address to listen on; the node's own where pods have to reach it.
    """
    sinks = Sinks(host, _free_port(host), 0)
    server = ThreadingHTTPServer((host, 0), _handler(sinks))
    sinks.http_port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    mail = Controller(_Mailbox(sinks), hostname=host, port=sinks.smtp_port)
    mail.start()
    thread.start()
    try:
        yield sinks
    finally:
        mail.stop()
        server.shutdown()
        server.server_close()
        thread.join()


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
