"""Requests nobody should send: the right status, one error shape, and a server that lives."""

import json
import socket
import struct

import httpx
import numpy as np
import psutil
import pytest

from model_server.features.recipes import find_recipe

GLYCEROL = {"target": "tg", "inputs": [{"smiles": "OCC(O)CO"}]}
PREDICT, INFER = "/api/v1/predictions", "/v2/models/tg/infer"
WIDTH = len(find_recipe("structure-1").columns)


def ask(smiles):
    return json.dumps({**GLYCEROL, "inputs": [{"smiles": smiles}]}).encode()


def infer(rows, data="1.0", *, declared=None):
    body = b'{"inputs":[{"name":"features","datatype":"FP32","shape":[%d,%d],"data":[' % (declared or rows, WIDTH)
    return body + b",".join([data.encode()] * (rows * WIDTH)) + b"]}]}"


HOSTILE = [
    pytest.param(PREDICT, b"{", 400, id="cut off JSON"),
    pytest.param(PREDICT, b"\xff\xfe\x00", 400, id="not UTF-8"),
    pytest.param(PREDICT, b"[" * 200_000, 422, id="deep nesting"),
    pytest.param(PREDICT, b'{"surprise":' + b"[" * 200_000, 422, id="deep nesting in an unknown key"),
    pytest.param(PREDICT, json.dumps({**GLYCEROL, "inputs": [{"smiles": "C"}] * 257}).encode(), 422, id="257 inputs"),
    pytest.param(PREDICT, b"x" * 600_000, 413, id="body too large"),
    pytest.param(PREDICT, ask(""), 422, id="empty SMILES"),
    pytest.param(PREDICT, ask("("), 422, id="bracket"),
    pytest.param(PREDICT, ask("C" * 513), 422, id="long chain"),
    pytest.param(PREDICT, ask("[" * 500), 422, id="brackets"),
    pytest.param(PREDICT, ask("(" * 250 + ")" * 250), 422, id="branches"),
    pytest.param(PREDICT, ask("C%99" * 128), 422, id="rings"),
    pytest.param(PREDICT, ask("C12345678" * 50), 422, id="ring closures"),
    pytest.param(PREDICT, ask("*"), 422, id="wildcard"),
    pytest.param(PREDICT, ask("[H][H]"), 422, id="no heavy atom"),
    pytest.param(PREDICT, ask("CCO\0CC"), 422, id="null byte"),
    pytest.param(PREDICT, ask("CCO |^1:0|"), 422, id="extension"),
    pytest.param(PREDICT, ask("\u202eOCC"), 422, id="direction override"),
    pytest.param(PREDICT, ask("C.C." * 100 + "C"), 422, id="a hundred fragments"),
    pytest.param(INFER, b"{", 400, id="infer: cut off"),
    pytest.param(INFER, infer(1, "NaN"), 400, id="infer: NaN"),
    pytest.param(INFER, infer(1, "-Infinity"), 400, id="infer: Infinity"),
    pytest.param(INFER, infer(1, "1e400"), 400, id="infer: beyond double"),
    pytest.param(INFER, infer(1, "1e39"), 400, id="infer: beyond single"),
    pytest.param(INFER, infer(1, '"1"'), 400, id="infer: text"),
    pytest.param(INFER, infer(1, "true"), 400, id="infer: boolean"),
    pytest.param(INFER, infer(1, declared=1_000_000), 413, id="infer: a million rows declared"),
    pytest.param(INFER, infer(1, declared=9_000), 400, id="infer: rows missing"),
    pytest.param(INFER, b'{"inputs":' + b"[" * 1_000_000, 400, id="infer: deep nesting"),
    pytest.param("/v2/models/none/infer", infer(1), 404, id="infer: unknown model"),
    pytest.param("/v2/models/tg/versions/0.0.0/infer", infer(1), 404, id="infer: unknown version"),
]


@pytest.mark.parametrize(("path", "body", "status"), HOSTILE)
def test_hostile_request_is_refused_and_the_server_lives(server, path, body, status):
    response = httpx.post(server.url + path, content=body, headers={"content-type": "application/json"}, timeout=30)

    assert response.status_code == status
    error = response.json()["error"]
    assert isinstance(error, str) if path.startswith("/v2") else set(error) <= {"code", "message", "path"}
    assert len(response.content) < 2_000
    assert server.is_alive()
    assert httpx.get(server.url + "/livez").status_code == 200


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_body_of_a_million_rows_is_refused_before_it_is_read(server, chunked):
    """Several hundred megabytes, declared or in chunks: they may not reach the memory of the server."""
    before = server_memory(server)
    row = np.zeros(WIDTH, dtype="<f4").tobytes()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        length = b"transfer-encoding: chunked" if chunked else b"content-length: %d" % (len(row) * 1_000_000)
        connection.sendall(b"POST " + INFER.encode() + b" HTTP/1.1\r\nhost: x\r\n" + length + b"\r\n\r\n")
        piece = row * 100
        for _ in range(1_000):
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        # The server has said what it thinks and listens no more; what was sent since is thrown away.
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413")

    assert httpx.get(server.url + "/livez").status_code == 200
    assert server_memory(server) - before < 60_000_000


def server_memory(server) -> int:
    return psutil.Process(server.process.pid).memory_info().rss


def test_connections_that_are_cut_at_every_place_leave_nothing_behind(server):
    message = b"POST " + PREDICT.encode() + b" HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    body = ask("OCC(O)CO")
    message += b"content-length: %d\r\n\r\n" % len(body) + body
    for cut in range(0, len(message), 7):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(message[:cut])
            # Reset instead of a farewell, as a crashed caller would.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert httpx.post(server.url + PREDICT, json=GLYCEROL).status_code == 200
    in_flight = next(
        line
        for line in httpx.get(server.url + "/metrics").text.splitlines()
        if line.startswith("cryo_model_in_flight_requests ")
    )
    assert float(in_flight.split()[1]) <= 1.0


def test_nothing_was_logged_as_unforeseen(server):
    assert [line for line in server.events() if line["event"].endswith(("request.failed", "loop.failed"))] == []
