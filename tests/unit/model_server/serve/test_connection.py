"""HTTP/1.1 on a real loopback socket with a toy application behind it."""

import asyncio
import json

import pytest

from model_server.serve.http import connection as connection_module
from model_server.serve.http import listener as listener_module
from model_server.serve.http.listener import Listener, open_socket
from model_server.serve.http.message import Answer, Request

LIMIT = 1000


class Toy:
    """Echoes; `/slow` answers later, `/never` not at all."""

    def __init__(self):
        self.abandoned, self.seen = [], []

    def body_limit(self, _target):
        return LIMIT

    def answer(self, request: Request):
        self.seen.append(request)
        return self.later(request) if request.target != b"/now" else self.echo(request)

    def echo(self, request):
        body = {"method": request.method, "target": request.target.decode(), "size": len(request.body)}
        return Answer(200, json.dumps(body).encode())

    async def later(self, request):
        await asyncio.sleep(5.0 if request.target == b"/never" else 0.05)
        return self.echo(request)

    def refuse(self, refusal, _target):
        return Answer(refusal.status, json.dumps({"code": refusal.code}).encode(), close=True)

    def abandon(self, request):
        self.abandoned.append(request.target)


def talk(*pieces, pause_s=0.0, read_s=2.0, toy=None, close_after=None):
    """Send pieces to a server; return every answer as (status, headers, body) and whether the server closed."""

    async def run():
        app = toy or Toy()
        loop = asyncio.get_running_loop()
        listener = Listener(loop, app)
        listening = open_socket("127.0.0.1", 0, shared=False)
        await listener.listen(listening)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(pause_s)
        if close_after is not None:
            await asyncio.sleep(close_after)
            writer.close()
            await asyncio.sleep(0.1)
        answers = []
        try:
            async with asyncio.timeout(read_s):
                while (answer := await read_answer(reader)) is not None:
                    answers.append(answer)
            closed = True
        except TimeoutError:
            closed = False
        writer.close()
        listener.close()
        return answers, closed

    return asyncio.run(run())


async def read_answer(reader):
    line = await reader.readline()
    if not line:
        return None
    status, headers = int(line.split()[1]), {}
    while (field := (await reader.readline()).strip()) != b"":
        name, _, value = field.decode().partition(": ")
        headers[name] = value
    return (
        status,
        headers,
        await reader.readexactly(int(headers["content-length"])) if "content-length" in headers else b"",
    )


def head(method="GET", target="/now", **headers):
    lines = [f"{method} {target} HTTP/1.1", "host: x", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_connection_is_kept_for_the_next_request():
    answers, closed = talk(head(), head(target="/later"), pause_s=0.02, read_s=0.4)

    assert [status for status, _, _ in answers] == [200, 200]
    assert closed is False


def test_request_may_arrive_byte_by_byte():
    message = head("POST", content_length=3) + b"abc"

    answers, _ = talk(*(message[n : n + 1] for n in range(len(message))), pause_s=0.001, read_s=0.3)

    assert json.loads(answers[0][2]) == {"method": "POST", "target": "/now", "size": 3}


def test_chunked_body_is_put_together():
    body = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"

    answers, _ = talk(head("POST", transfer_encoding="chunked") + body, read_s=0.3)

    assert json.loads(answers[0][2])["size"] == 5


def test_pipelined_requests_are_answered_in_order_though_the_first_takes_longer():
    answers, _ = talk(head(target="/a") + head(target="/now") + head(target="/c"), read_s=0.6)

    assert [json.loads(body)["target"] for _, _, body in answers] == ["/a", "/now", "/c"]


def test_caller_who_wants_to_close_is_closed():
    answers, closed = talk(head(connection="close"))

    assert (answers[0][1]["connection"], closed) == ("close", True)


def test_http_1_0_is_answered_and_closed():
    answers, closed = talk(b"GET /now HTTP/1.0\r\n\r\n")

    assert (answers[0][0], closed) == (200, True)


def test_answer_to_head_has_a_length_and_no_body():
    async def run():
        listener = Listener(asyncio.get_running_loop(), Toy())
        listening = open_socket("127.0.0.1", 0, shared=False)
        await listener.listen(listening)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(head("HEAD", connection="close"))
        content = await reader.read()
        writer.close()
        listener.close()
        return content

    content = asyncio.run(run())

    assert b"content-length: 4" in content
    assert content.endswith(b"\r\n\r\n")


def test_expectation_is_met_before_the_body_is_sent():
    answers, _ = talk(head("POST", content_length=3, expect="100-continue"), b"abc", pause_s=0.05, read_s=0.3)

    assert [status for status, _, _ in answers] == [100, 200]


BROKEN = [
    pytest.param(b"nonsense\r\n\r\n", 400, id="no HTTP"),
    pytest.param(b"GET /now HTTP/9.9\r\n\r\n", 400, id="version"),
    pytest.param(b"GET /now HTTP/1.1\r\nhost x\r\n\r\n", 400, id="header without colon"),
    pytest.param(head("POST", content_length="abc"), 400, id="length is no number"),
    pytest.param(head("POST", content_length="-1"), 400, id="negative length"),
    pytest.param(b"POST /now HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd", 400, id="two lengths"),
    pytest.param(
        b"POST /now HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        id="length and chunks",
    ),
    pytest.param(head("POST", transfer_encoding="chunked") + b"zz\r\n", 400, id="chunk size is no number"),
    pytest.param(head("POST", content_length=LIMIT + 1), 413, id="declared too large"),
    pytest.param(head("POST", content_length="9" * 30), 400, id="declared absurd"),
    pytest.param(
        head("POST", transfer_encoding="chunked") + b"7d0\r\n" + b"x" * 2000 + b"\r\n", 413, id="grows too large"
    ),
    pytest.param(b"GET /now HTTP/1.1\r\n" + b"x: " + b"y" * 40_000, 431, id="head too large"),
    pytest.param(b"GET /" + b"y" * 40_000, 431, id="target too long"),
]


@pytest.mark.parametrize(("message", "status"), BROKEN)
def test_request_that_cannot_be_read_is_refused_and_the_connection_closed(message, status):
    answers, closed = talk(message)

    assert [answer[0] for answer in answers] == [status]
    assert answers[0][1]["connection"] == "close"
    assert closed is True


@pytest.mark.parametrize("target", ["/now", "/later"])
def test_wish_for_another_protocol_is_answered_in_this_one_and_closed(target):
    answers, closed = talk(head(target=target, connection="upgrade", upgrade="websocket") + b"frames")

    assert ([status for status, _, _ in answers], closed) == ([200], True)


def test_earlier_request_gets_its_answer_before_the_refusal_of_the_next():
    answers, _ = talk(head(target="/a") + b"nonsense\r\n\r\n")

    assert [status for status, _, _ in answers] == [200, 400]


def test_request_that_trickles_in_is_given_up(monkeypatch):
    monkeypatch.setattr(connection_module, "RECEIVE_LIMIT_S", 0.05)
    monkeypatch.setattr(listener_module, "_SWEEP_S", 0.02)

    answers, closed = talk(head("POST", content_length=10) + b"abc")

    assert (answers[0][0], closed) == (408, True)


def test_idle_connection_is_closed(monkeypatch):
    monkeypatch.setattr(connection_module, "IDLE_LIMIT_S", 0.05)
    monkeypatch.setattr(listener_module, "_SWEEP_S", 0.02)

    answers, closed = talk(head())

    assert (len(answers), closed) == (1, True)


def test_caller_who_hangs_up_is_noticed_and_the_work_stopped():
    toy = Toy()

    talk(head(target="/never"), toy=toy, close_after=0.1, read_s=0.2)

    assert toy.abandoned == [b"/never"]


def test_connection_above_the_limit_is_turned_away(monkeypatch):
    monkeypatch.setattr(listener_module, "MAX_CONNECTIONS", 0)

    answers, closed = talk(b"")

    assert (answers[0][0], closed) == (503, True)


def test_too_many_requests_in_line_are_refused():
    answers, closed = talk(head(target="/a") * 80, read_s=8.0)

    assert answers[-1][0] == 400
    assert len(answers) < 80
    assert closed is True


def test_repeated_header_is_joined_so_that_no_copy_is_overlooked():
    toy = Toy()

    talk(b"GET /now HTTP/1.1\r\nX-A: 1\r\nx-a: 2\r\n\r\n", toy=toy, read_s=0.2)

    assert toy.seen[0].header(b"x-a") == "1, 2"
