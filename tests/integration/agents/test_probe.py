"""One HTTP request over a real socket, with servers that misbehave on purpose."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from agents.release.probe import HttpProbe, NoAnswerError
from agents.runtime.clock import SystemClock

HEAD = b"HTTP/1.1 200 OK\r\nx-cryo-colour: green\r\nContent-Length: 100000000\r\n\r\n"


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    threads: list[threading.Thread] = []

    def start(behave: Callable[[socket.socket], None]) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        server.settimeout(5)

        def run() -> None:
            with suppress(OSError), server:  # the client hangs up, or the test is over
                client, _ = server.accept()
                with client:
                    client.recv(65536)
                    behave(client)

        thread = threading.Thread(target=run)
        thread.start()
        threads.append(thread)
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield start
    for thread in threads:
        thread.join()


def trickle(client: socket.socket) -> None:
    client.sendall(HEAD)
    for _ in range(30):
        client.sendall(b"x")
        time.sleep(0.1)


def flood(client: socket.socket) -> None:
    client.sendall(HEAD + b"x" * 3_000_000)


def silence(client: socket.socket) -> None:
    time.sleep(3)
    client.sendall(HEAD)


def nonsense(client: socket.socket) -> None:
    client.sendall(b"\x00\x01 not http\r\n\r\n")


def hang_up(client: socket.socket) -> None:
    client.sendall(HEAD + b"half")


@pytest.mark.parametrize(
    ("behave", "told"),
    [
        (trickle, "not complete in 1.0 s"),
        (flood, "longer than 1048576 bytes"),
        (silence, "timed out"),
        (nonsense, "BadStatusLine"),
        (hang_up, "IncompleteRead"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_answer_that_is_not_whole_in_time_is_no_answer(serve, behave, told: str) -> None:
    url = serve(behave)
    begin = time.monotonic()

    with pytest.raises(NoAnswerError, match=told):
        HttpProbe(SystemClock(), timeout_s=1.0).ask(url)

    assert time.monotonic() - begin < 2.5


def test_proxy_of_the_environment_is_not_used(serve, monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    url = serve(lambda client: client.sendall(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"))

    answer = HttpProbe(SystemClock()).ask(url)

    assert (answer.status, answer.colour, answer.body) == (204, "", b"")
