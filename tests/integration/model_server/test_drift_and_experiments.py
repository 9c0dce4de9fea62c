"""Two colours of the real server on one registry: what one was sent the other has, after a kill too; drift is told."""

import re
import threading

import httpx
import pytest

MINIMUM = 500


def viability(number: int, value: float = 70.0) -> dict:
    components = [{"name": "DMSO", "amount": 10.0, "unit": "%v/v"}]
    named = {"experiment_id": f"e{number}", "measured_on": "2026-03-01", "property_name": "post_thaw_viability"}
    return {**named, "value": value, "unit": "%", "components": components}


@pytest.fixture
def colours(start_server, models_dir, operator, tmp_path):
    """Start a server of a colour; every one shares the registry."""
    (tmp_path / "token").write_text(operator["authorization"].split()[1])

    def start(colour: str):
        server = start_server(
            CRYO_COLOUR=colour,
            CRYO_DRAIN_S="0.1",
            CRYO_MODELS_DIR=str(models_dir),
            CRYO_REGISTRY_DIR=str(tmp_path / "registry"),
            CRYO_SERVICE_TOKEN_FILE=str(tmp_path / "token"),
        )
        server.wait_until("/readyz", 200)
        return server

    return start


def experiments(server, operator) -> list[str]:
    found, after = [], ""
    while after is not None:
        answer = httpx.get(f"{server.url}/api/v1/experiments{after}", headers=operator).raise_for_status().json()
        found += [entry["experiment_id"] for entry in answer["experiments"]]
        after = f"?after={answer['next'].replace('/', '%2F')}" if answer["next"] else None
    return found


def test_experiment_sent_to_one_colour_is_seen_and_judged_by_the_other(colours, operator):
    blue, green = colours("blue"), colours("green")
    assert (
        httpx.post(f"{blue.url}/api/v1/experiments", json={"rows": [viability(1)]}, headers=operator).json()["added"]
        == 1
    )

    assert experiments(green, operator) == ["e1"]
    body = {"model": "viability-wetlab", "experiments": {}}
    answer = httpx.post(f"{green.url}/api/v1/validations", json=body, headers=operator).raise_for_status().json()

    assert [row["key"] for row in answer["validation"]["rows"]] == ["e1"]
    drift = httpx.get(f"{green.url}/api/v1/drift?model=viability-wetlab").json()
    assert drift["labels"]["count"] == 1


def test_what_was_acknowledged_survives_a_kill_and_nothing_is_half_there(colours, operator):
    victim, acknowledged, size = colours("blue"), [], 20
    client = httpx.Client(headers=operator)

    def send() -> None:
        for first in range(0, 20_000, size):
            rows = [viability(number) for number in range(first, first + size)]
            try:
                if client.post(f"{victim.url}/api/v1/experiments", json={"rows": rows}).status_code == 200:
                    acknowledged.append(first)
            except httpx.TransportError:
                return

    thread = threading.Thread(target=send)
    thread.start()
    while len(acknowledged) < 5 and thread.is_alive():
        thread.join(0.01)
    victim.process.kill()
    thread.join(30)
    client.close()

    kept = {int(name[1:]) for name in experiments(colours("green"), operator)}

    assert {first + n for first in acknowledged for n in range(size)} <= kept
    assert len(kept) % size == 0, "a request was kept in part"
    assert len(kept) // size - len(acknowledged) in {0, 1}


def test_traffic_unlike_training_is_told_by_the_api_and_by_the_gauges(colours):
    server = colours("blue")
    width = httpx.get(f"{server.url}/v2/models/tg").json()["inputs"][0]["shape"][1]
    with httpx.Client(base_url=server.url) as client:
        for _ in range(MINIMUM):
            tensor = {"name": "features", "shape": [1, width], "datatype": "FP32", "data": [9.0] * width}
            client.post("/v2/models/tg/infer", json={"inputs": [tensor]}).raise_for_status()
        drift = client.get("/api/v1/drift?model=tg").json()
        metrics = client.get("/metrics").text

    assert (drift["samples"], drift["enough"], drift["alarm"]) == (MINIMUM, True, True)
    assert re.search(r'cryo_model_drift_alarm\{model="tg",version="1.1.0"\} 1.0', metrics)
    assert re.search(r'cryo_model_drift_alarm\{model="tg-tm",version="1.0.0"\} 0.0', metrics)
    assert re.search(r'cryo_model_feature_psi\{feature="log_molar_mass",model="tg",version="1.1.0"\} \d', metrics)
