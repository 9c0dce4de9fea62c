"""A real server orders real trainings on the smallest real set: IRI of 63 amino acids, about 30 s of processor time."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

JOBS = "/api/v1/training-jobs"
# Chosen: ten times what it takes on an idle core, because the suite shares two.
PATIENCE_S = 300.0
GRAINS = {
    "experiment_id": "x-1",
    "measured_on": "2026-11-02",
    "property_name": "mean_grain_size",
    "value": 60.0,
    "unit": "%",
    "components": [{"smiles": "NCC(=O)O", "amount": 20.0, "unit": "mmol/L"}],
}
pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def start_training_server(start_server, tmp_path, data_dir, operator):
    """Start a server that trains; the same registry each time, so a second start is a restart."""
    (tmp_path / "token").write_text(operator["authorization"].split()[1])

    def start():
        server = start_server(
            CRYO_DRAIN_S="0.1",
            CRYO_DATA_DIR=str(data_dir),
            CRYO_MODELS="iri-amino",
            CRYO_REGISTRY_DIR=str(tmp_path / "registry"),
            CRYO_SERVICE_TOKEN_FILE=str(tmp_path / "token"),
            CRYO_TRAINER="process",
        )
        server.wait_until("/readyz", 200)
        return server

    yield start
    for process in trainers(tmp_path):
        process.kill()


def trainers(folder: Path) -> list[psutil.Process]:
    """Trainings that write below a folder: this test's own and nobody else's."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "model_server.train" in line and any(str(folder) in argument for argument in line):
            found.append(process)
    return found


@pytest.fixture
def client(start_training_server, operator):
    with httpx.Client(base_url=start_training_server().url, headers=operator, timeout=30) as made:
        yield made


def order(client, version="9.0.0", **more) -> str:
    body = {"model": "iri-amino", "version": version, "reason": "a test orders this training", **more}
    reply = client.post(JOBS, json=body)
    assert reply.status_code == 202, reply.text
    return reply.json()["id"]


def wait_for(client, job_id, *states, step=None, patience_s=PATIENCE_S) -> dict:
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        job = client.get(f"{JOBS}/{job_id}").json()
        if job["state"] in states and (step is None or job["step"] is not None):
            return job
        time.sleep(0.1)
    pytest.fail(f"{job_id} is not {states}: {job}")


def versions(client) -> dict[str, dict]:
    return {each["version"]: each for each in client.get("/api/v1/models/iri-amino/versions").json()["versions"]}


def test_ordered_version_survives_a_restart_appears_with_its_card_and_answers_once_promoted(
    start_training_server, operator
):
    first = start_training_server()
    with httpx.Client(base_url=first.url, headers=operator, timeout=30) as client:
        assert client.post("/api/v1/experiments", json={"rows": [GRAINS]}).status_code == 200
        job_id = order(client, experiments=True)
        wait_for(client, job_id, "running", step="any")
    first.process.kill()
    first.process.wait()

    with httpx.Client(base_url=start_training_server().url, headers=operator, timeout=30) as client:
        job = wait_for(client, job_id, "succeeded", "failed")
        assert (job["state"], job["error"]) == ("succeeded", None)
        assert (job["steps_done"], job["steps_total"]) == (7, 7)
        found = versions(client)["9.0.0"]
        assert (found["digest"], found["promotable"]) == (job["digest"], job["promotable"])
        assert found["aliases"] == []
        card = client.get("/api/v1/models/iri-amino/versions/9.0.0").json()
        assert card["model"]["version"] == "9.0.0"
        assert card["training"]["seed"] == job["seed"]
        assert card["data"]["experiments"]["measurements"] == 1
        promotion = {"version": "9.0.0", "reason": "a test promotes it", "override": True}
        assert client.put("/api/v1/models/iri-amino/aliases/champion", json=promotion).status_code == 200
        question = {"target": "iri-amino", "inputs": [{"smiles": "NCC(=O)O"}]}
        answer = client.post("/api/v1/predictions", json=question)
        assert answer.status_code == 200, answer.text
        assert answer.json()["model"]["version"] == "9.0.0"


def test_cancelled_training_ends_and_leaves_no_version(client, tmp_path):
    job_id = order(client)
    wait_for(client, job_id, "running", step="any")

    reply = client.request("DELETE", f"{JOBS}/{job_id}", json={"reason": "a test cancels it"})

    assert reply.status_code == 200
    job = wait_for(client, job_id, "cancelled", "failed", "succeeded", patience_s=60)
    assert (job["state"], job["error"]) == ("cancelled", "cancelled by service: a test cancels it")
    assert trainers(tmp_path) == []
    assert "9.0.0" not in versions(client)
    assert list((tmp_path / "registry" / "training").iterdir()) == []


def test_command_orders_a_training_follows_it_and_says_how_it_ended(start_training_server, tmp_path, operator):
    server = start_training_server()
    words = ["model", "order", "iri-amino", "--reason", "a test orders this", "--server", server.url]
    command = subprocess.Popen(
        [Path(sys.executable).with_name("cryo"), *words, "--token-file", tmp_path / "token"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for line in command.stdout:
        if re.search(r"accuracy \d/7", line):
            break
    with httpx.Client(base_url=server.url, headers=operator, timeout=30) as client:
        [job] = client.get(JOBS).json()["jobs"]
        client.request("DELETE", f"{JOBS}/{job['id']}", json={"reason": "a test cancels it"})
    said, _ = command.communicate(timeout=60)

    assert (job["version"], job["reason"]) == ("1.2.0", "a test orders this")
    assert command.returncode == 70
    assert "cancelled by service: a test cancels it" in " ".join(said.split())


def test_killed_training_fails_with_the_signal_and_the_same_version_can_be_ordered_again(client, tmp_path):
    job_id = order(client)
    wait_for(client, job_id, "running", step="any")
    [process] = trainers(tmp_path)

    os.kill(process.pid, signal.SIGKILL)

    job = wait_for(client, job_id, "failed", "succeeded", patience_s=30)
    assert job["state"] == "failed"
    assert "by signal 9" in job["error"]
    assert "9.0.0" not in versions(client)
    again = order(client)
    client.delete(f"{JOBS}/{again}")
    wait_for(client, again, "cancelled", patience_s=60)


def test_damaged_data_fails_the_job_with_the_reason(start_server, tmp_path, operator):
    data = tmp_path / "registry" / "datasets" / "iri-dolmen"
    data.mkdir(parents=True)
    (data / "amino.csv").write_text("something else\n")
    (tmp_path / "token").write_text(operator["authorization"].split()[1])
    server = start_server(
        CRYO_DRAIN_S="0.1",
        CRYO_REGISTRY_DIR=str(tmp_path / "registry"),
        CRYO_SERVICE_TOKEN_FILE=str(tmp_path / "token"),
        CRYO_TRAINER="process",
    )
    server.wait_until("/readyz", 200)

    with httpx.Client(base_url=server.url, headers=operator, timeout=30) as client:
        job = wait_for(client, order(client), "failed", "succeeded", patience_s=60)

    assert job["state"] == "failed"
    assert "the manifest says" in job["error"]
