"""Measures the pages: how long each takes, what they cost in memory, and what they do to requests of the API.

One server process with the released models; pages are asked one after the other, then one page five times a second
beside a caller of the API. Needs neither root nor a cluster.

Usage: python bench/pages.py [--seconds 10]
"""

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent))
from report import ROOT, report

PAGES = {
    "predict": "/?kind=molecule&target=tg&smiles=OCC%28O%29CO",
    "models": "/models",
    "model": "/models/tg",
    "validation": "/validation?model=tg",
    "importance": "/importance",
    "drift": "/drift",
}
QUESTION = json.dumps({"target": "tg", "inputs": [{"smiles": "OCC(O)CO"}]}).encode()
ROUNDS = 60
PAUSE_S = 0.2


def fetch(connection: http.client.HTTPConnection, path: str, body: bytes | None = None) -> float:
    """Milliseconds of one request, answer read."""
    began = time.perf_counter()
    headers = {"content-type": "application/json"} if body else {}
    connection.request("POST" if body else "GET", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != http.client.OK:
        message = f"{path} answered {answer.status}"
        raise RuntimeError(message)
    return (time.perf_counter() - began) * 1e3


def percentile(values: list[float], share: float) -> float:
    """A percentile, in the unit of the values."""
    return round(statistics.quantiles(values, n=1000)[round(share * 1000) - 1], 2)


def ask_api(port: int, seconds: float) -> list[float]:
    """Milliseconds of each of many warm predictions on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    end, taken = time.perf_counter() + seconds, []
    while time.perf_counter() < end:
        taken.append(fetch(connection, "/api/v1/predictions", QUESTION))
    return taken


def ask_api_beside_pages(port: int, seconds: float) -> list[float]:
    """The same while somebody opens the heaviest page five times a second."""
    stop = threading.Event()

    def browse() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while not stop.wait(PAUSE_S):
            fetch(connection, PAGES["validation"])

    browsing = threading.Thread(target=browse)
    browsing.start()
    try:
        return ask_api(port, seconds)
    finally:
        stop.set()
        browsing.join()


def measure(port: int, process: psutil.Process, seconds: float) -> dict[str, float]:
    """Every figure."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    before = process.memory_info().rss
    figures = {"first_page_ms": round(fetch(connection, "/"), 1)}
    for name, path in PAGES.items():
        fetch(connection, path)
        taken = [fetch(connection, path) for _ in range(ROUNDS)]
        figures[f"{name}_p50_ms"], figures[f"{name}_p95_ms"] = percentile(taken, 0.5), percentile(taken, 0.95)
    figures["memory_of_pages_mb"] = round((process.memory_info().rss - before) / 1e6, 1)
    ask_api(port, 1.0)
    for label, ask in (("alone", ask_api), ("beside_pages", ask_api_beside_pages)):
        taken = ask(port, seconds)
        figures[f"api_{label}_p50_ms"], figures[f"api_{label}_p99_ms"] = percentile(taken, 0.5), percentile(taken, 0.99)
        figures[f"api_{label}_per_s"] = round(len(taken) / seconds)
    return figures


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of asking the API, alone and beside pages")
    seconds = parser.parse_args().seconds
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRYO_")}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "model_server.serve"],
        cwd=ROOT,
        env={**kept, "CRYO_BIND": f"127.0.0.1:{port}", "CRYO_DRAIN_S": "0"},
        stdout=subprocess.DEVNULL,
    )
    try:
        while subprocess.run(
            ["curl", "-sf", "-o", "/dev/null", f"http://127.0.0.1:{port}/readyz"], check=False
        ).returncode:
            time.sleep(0.02)
        ready_s = round(time.perf_counter() - began, 2)
        figures = measure(port, psutil.Process(process.pid), seconds)
    finally:
        process.terminate()
        process.wait(15)
    report("pages", {"ready_s": ready_s, **figures}, {})
    return 0


if __name__ == "__main__":
    sys.exit(main())
