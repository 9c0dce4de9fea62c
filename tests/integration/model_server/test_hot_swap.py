"""Aliases switched and models reloaded under load: nothing fails and no answer mixes versions."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from model_server.features.recipes import find_recipe

WIDTH, ROWS = len(find_recipe("structure-1").columns), 4
TENSOR = {"name": "features", "datatype": "FP32", "shape": [ROWS, WIDTH], "data": [1.0] * (ROWS * WIDTH)}
EXPECTED = {"1.0.0": [201.0] * ROWS, "1.1.0": [301.0] * ROWS}
SMILES = {"target": "tg", "inputs": [{"smiles": "C" * n + "O"} for n in range(1, 5)]}
REQUESTS = 4_000


def ask(client: httpx.Client, number: int) -> str:
    """Ask once; return what was wrong with the answer."""
    if number % 8 == 0:
        response = client.post("/api/v1/predictions", json=SMILES)
        found = response.json()
        versions = {prediction["version"] for prediction in found.get("predictions", ())}
        if response.status_code != 200 or versions != {found["model"]["version"]}:
            return f"{response.status_code} {versions}"
        floor = EXPECTED[found["model"]["version"]][0] - 1.0
        low = [p["prediction"] for p in found["predictions"] if not floor - 1.0 <= p["prediction"] < floor + 50.0]
        return f"mixed {low}" if low else ""
    response = client.post("/v2/models/tg/infer", json={"inputs": [TENSOR], "id": str(number)})
    found = response.json()
    if response.status_code != 200 or found["id"] != str(number):
        return f"{response.status_code} {response.text}"
    return "" if found["outputs"][0]["data"] == EXPECTED[found["model_version"]] else f"mixed {response.text}"


def test_no_request_fails_and_none_mixes_versions_while_versions_change(server, operator):
    stop, switches = threading.Event(), []

    def switch() -> None:
        with httpx.Client(base_url=server.url, headers=operator, timeout=30) as client:
            while not stop.is_set():
                version = ("1.0.0", "1.1.0")[len(switches) // 2 % 2]
                body = {"version": version, "reason": "switched under load"}
                switches.append(client.put("/api/v1/models/tg/aliases/champion", json=body).status_code)
                switches.append(client.post("/v2/repository/models/tg/load").status_code)
                time.sleep(0.02)

    def work(start: int) -> list[str]:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            return [ask(client, number) for number in range(start, REQUESTS, 4)]

    switching = threading.Thread(target=switch)
    switching.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            wrong = [text for found in pool.map(work, range(4)) for text in found if text]
    finally:
        stop.set()
        switching.join()

    assert wrong == []
    assert set(switches) == {200}
    assert len(switches) > 10
    history = json.loads(httpx.get(server.url + "/api/v1/models/tg/history").text)
    assert len([entry for entry in history if entry["action"] == "promote"]) >= len(switches) // 2 - 1
