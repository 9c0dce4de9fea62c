"""Measures the model server on one core beside raw onnxruntime, MLServer, BentoML and LitServe, same file, same run.

Usage: python bench/serving.py [--quick] [--without-peers]

Needs wrk (Debian package of that name) and taskset. The first run installs the peers into a folder of their own below
the user's cache. The server runs with tokens demanded everywhere, request ids, and all metrics; its response cache is
off. `reference` is an ensemble of 200 trees on the 35 features of iri-amino, trained on random numbers.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
import jwt
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from report import ROOT, report
from serving_parts import (
    PEERS,
    SERVER_CORE,
    Peer,
    ServerUnderTest,
    cold_smiles_ms,
    install_peers,
    peer_bodies,
    raw_speed,
    reference_graph,
    start_peer,
)
from wrk import Load, is_available, run_load

sys.path.insert(0, str(ROOT))
from releases import MadeUp, write_made_up

from model_server.features.recipes import find_recipe
from model_server.registry.folder import released_versions
from model_server.serve.settings import RELEASED_DIR

RECIPE = "amino-1"
WARM_SMILES = 200
SWAP_REQUESTS = 100_000


def infer_body(rows: np.ndarray, *, request_id: str = "bench") -> bytes:
    """An inference request with flat JSON data of four decimals, as a client would round them."""
    data = [round(float(value), 4) for value in rows.ravel()]
    tensor = {"name": "features", "datatype": "FP32", "shape": list(rows.shape), "data": data}
    return json.dumps({"id": request_id, "inputs": [tensor]}, separators=(",", ":")).encode()


def binary_request(rows: np.ndarray) -> tuple[bytes, dict[str, str]]:
    """The same with binary tensors both ways."""
    content = rows.astype("<f4").tobytes()
    parameters = {"binary_data_size": len(content)}
    tensor = {"name": "features", "datatype": "FP32", "shape": list(rows.shape), "parameters": parameters}
    head = json.dumps({"id": "bench", "inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    headers = {"inference-header-content-length": str(len(head)), "content-type": "application/octet-stream"}
    return head + content, headers


def measure_inference(server: ServerUnderTest, token: dict[str, str], graph: Path, seconds: float) -> dict[str, float]:
    """Batches of 1 and 64 by JSON, and 64 in binary, each between two runs of raw onnxruntime."""
    width = len(find_recipe(RECIPE).columns)
    rows = np.random.default_rng(1).normal(size=(64, width)).astype(np.float32)
    url, json_head = f"{server.url}/v2/models/reference/infer", {"content-type": "application/json", **token}
    binary, binary_head = binary_request(rows)
    loads = {
        "batch1": Load(url, [infer_body(rows[:1])], json_head, seconds=seconds),
        "batch64_json": Load(url, [infer_body(rows)], json_head, seconds=seconds),
        "batch64_binary": Load(url, [binary], {**binary_head, **token}, seconds=seconds),
    }
    figures: dict[str, float] = {}
    for name, load in loads.items():
        raw, served, cpu_us = [], [], []
        for _ in range(3):
            raw.append(raw_speed(graph, rows[:1] if name == "batch1" else rows))
            before = server.cpu_s()
            served.append(run_load(load))
            cpu_us.append((server.cpu_s() - before) / served[-1].requests * 1e6)
        best = sorted(served, key=lambda outcome: outcome.per_second)[1]
        raw_rate, raw_cpu_us = (
            statistics.median(each) for each in zip(*((one.per_second, one.cpu_us) for one in raw), strict=True)
        )
        figures |= {
            f"{name}_per_second": round(best.per_second),
            f"{name}_p50_ms": best.p50_ms,
            f"{name}_p99_ms": best.p99_ms,
            f"{name}_failed": sum(outcome.failed for outcome in served),
            f"{name}_cpu_us": round(statistics.median(cpu_us), 1),
            f"{name}_raw_per_second": round(raw_rate),
            f"{name}_raw_cpu_us": round(raw_cpu_us, 1),
            f"{name}_share_of_raw": round(best.per_second / raw_rate, 3),
            f"{name}_share_of_raw_by_cpu": round(raw_cpu_us / statistics.median(cpu_us), 3),
        }
        print(f"{name}: {figures[f'{name}_per_second']}/s, raw {figures[f'{name}_raw_per_second']}/s", file=sys.stderr)
    return figures


def measure_smiles(server: ServerUnderTest, token: dict[str, str], seconds: float) -> dict[str, float]:
    """Warm: molecules that are remembered, in turn. Cold: molecules never seen, one at a time."""
    smiles = ["C" * (n % 20 + 1) + "O" + "C" * (n // 20) for n in range(WARM_SMILES)]
    bodies = [json.dumps({"target": "tg", "inputs": [{"smiles": text}]}).encode() for text in smiles]
    load = Load(
        f"{server.url}/api/v1/predictions", bodies, {"content-type": "application/json", **token}, seconds=seconds
    )
    run_load(Load(load.url, bodies, load.headers, seconds=2.0))
    before = server.cpu_s()
    warm = run_load(load)
    warm_cpu_us = (server.cpu_s() - before) / warm.requests * 1e6
    cold = cold_smiles_ms(server.url, token)
    return {
        "smiles_warm_per_second": round(warm.per_second),
        "smiles_warm_p99_ms": warm.p99_ms,
        "smiles_warm_failed": warm.failed,
        "smiles_warm_cpu_us": round(warm_cpu_us, 1),
        "smiles_cold_p50_ms": round(statistics.median(cold), 3),
        "smiles_cold_p99_ms": round(sorted(cold)[int(0.99 * len(cold))], 3),
    }


def measure_swap(server: ServerUnderTest, token: dict[str, str], wanted: int) -> dict[str, float]:
    """Switch the champion and reload without pause while requests of four rows arrive; check every answer."""
    width = len(find_recipe(RECIPE).columns)
    body = infer_body(np.ones((4, width), dtype=np.float32))
    expected = {"1.0.0": ",".join(["201.0"] * 4), "1.1.0": ",".join(["301.0"] * 4)}
    headers = {"content-type": "application/json", **token}
    requests = failed = wrong = switches = 0
    with httpx.Client(base_url=server.url, headers=token, timeout=30) as client:
        while requests < wanted:
            load = Load(f"{server.url}/v2/models/swapped/infer", [body], headers, seconds=5.0, expected=expected)
            with server.switching(client, "swapped") as counted:
                outcome = run_load(load)
            requests, failed, wrong = requests + outcome.requests, failed + outcome.failed, wrong + outcome.wrong
            switches += counted[0]
    return {"swap_requests": requests, "swap_failed": failed, "swap_mixed_or_wrong": wrong, "swap_switches": switches}


def measure_shipped(folder: Path, secret: Path) -> dict[str, float | str]:
    """Cold start and memory with three models that ship with the repository."""
    names = [name for name in ("tg", "iri-amino", "viability-wetlab") if released_versions(RELEASED_DIR, name)]
    with ServerUnderTest(RELEASED_DIR, folder, secret, ",".join(names)) as server:
        return {
            "shipped_models": ", ".join(names),
            "cold_start_shipped_s": server.ready_after_s,
            "worker_memory_shipped_mb": server.memory_mb(),
        }


def measure_peers(graph: Path, seconds: float) -> dict[str, float | str]:
    """Each peer alone on the server's core, batch of one."""
    rows = np.random.default_rng(1).normal(size=(1, len(find_recipe(RECIPE).columns))).astype(np.float32)
    found: dict[str, float | str] = {}
    python = install_peers()
    for peer in PEERS:
        if python is None:
            found[peer.name] = "skipped: the peers could not be installed"
            continue
        found |= measure_peer(peer, python, graph, seconds=seconds, rows=rows)
    return found


def measure_peer(peer: Peer, python: Path, graph: Path, *, seconds: float, rows: np.ndarray) -> dict[str, float | str]:
    """Throughput and p99 of one peer, or the line that says why there is none."""
    with start_peer(peer, python, graph, graph.parent / peer.name) as url:
        if url is None:
            return {peer.name: "skipped: it did not start; see its log in the temporary folder"}
        load = Load(url, [peer_bodies(peer, rows)], {"content-type": "application/json"}, seconds=seconds)
        run_load(Load(load.url, load.bodies, load.headers, seconds=2.0))
        outcome = run_load(load)
    print(f"{peer.name}: {outcome.per_second:.0f}/s", file=sys.stderr)
    return {
        f"{peer.name}_per_second": round(outcome.per_second),
        f"{peer.name}_p99_ms": outcome.p99_ms,
        f"{peer.name}_failed": outcome.failed,
    }


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seconds per figure")
    parser.add_argument("--without-peers", action="store_true")
    options = parser.parse_args()
    if not is_available():
        print("wrk is not installed: apt-get install wrk", file=sys.stderr)
        return 1
    seconds = 2.0 if options.quick else 6.0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        models, graph = folder / "models", folder / "reference.onnx"
        width = len(find_recipe(RECIPE).columns)
        graph.write_bytes(reference_graph(width))
        write_made_up(models, MadeUp(name="reference", recipe=RECIPE, family="reference", graph=graph.read_bytes()))
        for version, offset in (("1.0.0", 200.0), ("1.1.0", 300.0)):
            write_made_up(models, MadeUp("swapped", version, RECIPE, "swapped", offset=offset))
        write_made_up(models, MadeUp())
        secret = folder / "secret"
        secret.write_text("k" * 64)
        claims = {"sub": "bench", "exp": time.time() + 3600, "cryo_role": "operator"}
        token = {"authorization": f"Bearer {jwt.encode(claims, 'k' * 64)}", "x-request-id": "bench-1"}
        with ServerUnderTest(models, folder, secret) as server:
            figures: dict[str, float | str] = {"cold_start_three_models_s": server.ready_after_s}
            figures |= measure_inference(server, token, graph, seconds)
            figures |= measure_smiles(server, token, seconds)
            figures |= measure_swap(server, token, 10_000 if options.quick else SWAP_REQUESTS)
            figures["worker_memory_after_all_mb"] = server.memory_mb()
        figures |= measure_shipped(folder, secret)
        peers = {} if options.without_peers else measure_peers(graph, seconds)
    for name in ("mlserver", "bentoml", "litserve"):
        if isinstance(other := peers.get(f"{name}_per_second"), int | float):
            figures[f"times_{name}"] = round(float(figures["batch1_per_second"]) / other, 1)
    load_average = os.getloadavg()[0]
    report("serving", figures, peers, load_average_at_end=round(load_average, 2), server_core=SERVER_CORE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
