"""A real process and a real socket: contract, farewell, workers, and the models that ship with the repository."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

GLYCEROL = {"target": "tg", "inputs": [{"smiles": "OCC(O)CO"}], "confidence_level": 0.9}


def request_head(length: int) -> bytes:
    return (
        b"POST /api/v1/predictions HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n" % length
    )


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    stream = connection.makefile("rb")
    status = int(stream.readline().split()[1])
    headers = {}
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return status, headers, stream.read(int(headers["content-length"]))


def test_fresh_clone_predicts_glycerol_within_its_interval(start_server):
    server = start_server(CRYO_MODELS="tg")
    server.wait_until("/readyz", 200)

    response = httpx.post(server.url + "/api/v1/predictions", json=GLYCEROL)

    [prediction] = response.json()["predictions"]
    assert response.status_code == 200
    assert prediction["lower"] <= 190.0 <= prediction["upper"], "glycerol vitrifies at 180 to 194 K"
    assert prediction["in_domain"]
    assert response.json()["model"]["digest"].startswith("sha256:")


def test_every_shipped_model_that_beats_its_baseline_is_served(start_server):
    server = start_server()
    server.wait_until("/readyz", 200)

    models = httpx.get(server.url + "/api/v1/models").json()["models"]

    assert {model["name"] for model in models if model["state"] == "READY"} >= {"tg"}


def test_every_endpoint_of_the_contract_answers_with_the_three_headers(server):
    for path in ("/livez", "/readyz", "/metrics", "/api/v1/models", "/api/v1/models/tg/card"):
        response = httpx.get(server.url + path, headers={"x-request-id": "req-7"})
        assert response.status_code == 200, path
        assert response.headers["x-cryo-colour"] == "blue"
        assert response.headers["x-cryo-version"] == "t-1"
        assert response.headers["x-request-id"] == "req-7"

    metrics = httpx.get(server.url + "/metrics").text
    assert 'cryo_model_info{colour="blue",model="tg",version="1.1.0"} 1.0' in metrics
    assert "process_resident_memory_bytes" in metrics


def test_parallel_questions_get_their_own_answers(server):
    texts = ["C" * (n % 12 + 1) + "O" for n in range(200)]

    def ask(text: str) -> dict:
        body = {**GLYCEROL, "inputs": [{"smiles": text}]}
        return client.post("/api/v1/predictions", json=body).json()["predictions"][0]

    with httpx.Client(base_url=server.url) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, texts))

    assert [answer["smiles"] for answer in answers] == texts
    assert len({answer["prediction"] for answer in answers}) == len({answer["canonical_smiles"] for answer in answers})


def test_request_in_flight_at_sigterm_is_answered(start_server, models_dir):
    server = start_server(CRYO_DRAIN_S="0", CRYO_MODELS_DIR=str(models_dir))
    server.wait_until("/readyz", 200)
    body = json.dumps(GLYCEROL).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request_head(len(body)) + body[:20])
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.7)
        connection.sendall(body[20:])
        status, headers, content = read_answer(connection)

    assert status == 200
    assert headers["connection"] == "close"
    assert json.loads(content)["predictions"][0]["canonical_smiles"] == "OCC(O)CO"
    assert server.process.wait(10) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_server_answers_unready_while_it_drains_then_leaves_nothing_behind(start_server, models_dir, workers):
    server = start_server(CRYO_DRAIN_S="1.5", CRYO_WORKERS=str(workers), CRYO_MODELS_DIR=str(models_dir))
    server.wait_until("/readyz", 200)
    # On a busy machine one worker may answer before the other has started, and one that has not yet is ended at once.
    server.wait_until_told("model_server.load.succeeded", times=workers * len(list(models_dir.iterdir())))
    children = server.workers()
    assert len(children) == (0 if workers == 1 else workers)
    server.process.send_signal(signal.SIGTERM)

    draining = server.wait_until("/readyz", 503, deadline_s=1.0)
    answered = httpx.post(server.url + "/api/v1/predictions", json=GLYCEROL)

    assert "draining after SIGTERM" in draining.json()["error"]["message"]
    assert answered.status_code == 200
    assert server.process.wait(10) == 0
    assert not [child for child in children if child.is_running()]
    events = [line["event"] for line in server.events()]
    assert events.count("model_server.drain.finished") == workers
    assert events[-1] == "model_server.stop.finished"


def test_lost_worker_ends_the_server_so_that_it_is_started_again(start_server, models_dir):
    server = start_server(CRYO_WORKERS="2", CRYO_MODELS_DIR=str(models_dir), CRYO_DRAIN_S="0")
    server.wait_until("/readyz", 200)
    victim, other = server.workers()

    victim.kill()

    assert server.process.wait(15) == 75
    assert not other.is_running()
    assert "start the server again" in server.events()[-1]["reason"]


def test_no_request_fails_while_callers_are_moved_away(start_server, models_dir):
    """A gateway retires a connection that says close and may open a few more before it learns of the change."""
    server = start_server(CRYO_DRAIN_S="1.5", CRYO_MODELS_DIR=str(models_dir))
    server.wait_until("/readyz", 200)
    statuses: list[int] = []

    def ask_until_told_to_leave() -> None:
        with httpx.Client(base_url=server.url) as client:
            told = 0
            while told < 4:
                response = client.post("/api/v1/predictions", json=GLYCEROL)
                statuses.append(response.status_code)
                told += response.headers.get("connection") == "close"

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask_until_told_to_leave) for _ in range(4)]
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        for each in asking:
            each.result(20)

    assert set(statuses) == {200}
    assert len(statuses) > 16
    assert server.process.wait(10) == 0


def test_tampered_model_keeps_the_server_alive_but_unready(start_server, models_dir, tmp_path):
    copied = shutil.copytree(models_dir, tmp_path / "models")
    for model in copied.glob("tg/*/model.onnx"):
        model.write_bytes(b"tampered")
    server = start_server(CRYO_MODELS_DIR=str(copied), CRYO_DRAIN_S="0")

    reason = ""
    while "sha256" not in reason:
        reason = server.wait_until("/readyz", 503).json()["error"]["message"]

    assert "model.onnx: sha256 is" in reason
    assert httpx.get(server.url + "/livez").status_code == 200
    assert httpx.post(server.url + "/api/v1/predictions", json=GLYCEROL).status_code == 503


def test_second_server_on_the_same_port_is_refused(server, start_server):
    second = start_server(CRYO_BIND=f"127.0.0.1:{server.port}")

    assert second.process.wait(15) == 75
    assert "change CRYO_BIND" in second.events()[-1]["reason"]


def test_busy_address_ends_with_the_temporary_code_and_one_line(server, start_server):
    second = start_server(CRYO_BIND=f"127.0.0.1:{server.port}")

    assert second.process.wait(20) == 75
    assert "change CRYO_BIND" in second.events()[-1]["reason"]


def test_bad_setting_ends_with_the_permanent_code_and_one_line(start_server):
    server = start_server(CRYO_WORKERS="none")

    assert server.process.wait(20) == 70
    [line] = server.events()
    assert "CRYO_WORKERS" in line["reason"]


def test_serving_process_holds_no_training_library_and_switches_telemetry_off(models_dir):
    program = """
import asyncio, json, os, pathlib, sys
import structlog
from model_server.serve.server import build_worker
from model_server.serve.settings import ServeSettings
log = structlog.wrap_logger(structlog.WriteLogger(sys.stderr))
worker = build_worker(ServeSettings(models_dir=pathlib.Path(sys.argv[1])), log)
asyncio.run(worker.loading.load_all())
loaded = {name.partition(".")[0] for name in sys.modules}
print(json.dumps({"loaded": sorted(loaded & {"sklearn", "skl2onnx", "onnx", "scipy", "joblib"}),
                  "server": "onnxruntime" in loaded, "telemetry": os.environ.get("ORT_DISABLE_TELEMETRY")}))
"""
    done = subprocess.run([sys.executable, "-c", program, models_dir], capture_output=True, text=True, check=True)

    state = json.loads(done.stdout.splitlines()[-1])
    assert state == {"loaded": [], "server": True, "telemetry": "1"}


def test_importing_the_server_reads_no_environment_and_opens_no_session():
    program = "import sys, model_server.serve.server; print('onnxruntime' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"CRYO_WORKERS": "none"}
    )

    assert done.stdout.strip() == "False"
