"""The programs that bench/serving.py measures: how each is started, pinned, asked and ended."""

import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx
import numpy as np
import psutil
from report import ROOT
from skl2onnx import to_onnx
from sklearn.ensemble import ExtraTreesRegressor

SERVER_CORE = 0
PEER_PACKAGES = ("mlserver==1.7.1", "bentoml", "litserve", "onnxruntime", "numpy<3")
_CACHE = Path.home() / ".cache" / "cryo-bench"
_START_LIMIT_S = 60.0
_ROWS = 2000


@dataclass(frozen=True)
class Peer:
    """Another model server: how its process is started and where it answers."""

    name: str
    path: str
    ready: str


PEERS = (
    Peer("mlserver", "/v2/models/reference/infer", "/v2/models/reference/ready"),
    Peer("bentoml", "/predict", "/readyz"),
    Peer("litserve", "/predict", "/health"),
)


def reference_graph(width: int) -> bytes:
    """An ensemble of 200 trees on random numbers, with a second output so that it fits the contract."""
    import onnx  # noqa: PLC0415 - only this function needs it
    from onnx import TensorProto, helper  # noqa: PLC0415

    chance = np.random.default_rng(0)
    x = chance.normal(size=(_ROWS, width)).astype(np.float32)
    y = x[:, 0] * 20 + np.square(x[:, 1]) * 10 + chance.normal(size=_ROWS) * 5 + 200
    forest = ExtraTreesRegressor(200, min_samples_leaf=3, random_state=0, n_jobs=1).fit(x, y)
    model = to_onnx(forest, x[:1], target_opset={"": 17, "ai.onnx.ml": 3})
    graph = model.graph
    was = graph.input[0].name
    for node in graph.node:
        node.input[:] = ["features" if name == was else name for name in node.input]
    graph.input[0].name = "features"
    column = graph.output[0].name
    flat = helper.make_node("Reshape", [column, "one_axis"], ["prediction"])
    nothing = helper.make_node("Mul", ["prediction", "zero"], ["nothing"])
    scale = helper.make_node("Add", ["nothing", "ten"], ["scale"])
    graph.node.extend([flat, nothing, scale])
    graph.initializer.append(helper.make_tensor("one_axis", TensorProto.INT64, [1], [-1]))
    graph.initializer.extend(
        helper.make_tensor(n, TensorProto.FLOAT, [], [v]) for n, v in (("zero", 0.0), ("ten", 10.0))
    )
    del graph.output[:]
    graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("prediction", "scale")
    )
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


@dataclass(frozen=True)
class Raw:
    """Runs per second of onnxruntime alone, and microseconds of processor time per run."""

    per_second: float
    cpu_us: float


def raw_speed(graph: Path, rows: np.ndarray, seconds: float = 1.5) -> Raw:
    """Run onnxruntime alone, pinned to the server's core, in a process of its own."""
    program = (
        "import sys, time, numpy as np, onnxruntime as o\n"
        "s = o.SessionOptions(); s.intra_op_num_threads = s.inter_op_num_threads = 1\n"
        "s.add_session_config_entry('session.intra_op.allow_spinning', '0')\n"
        "m = o.InferenceSession(sys.argv[1], sess_options=s); x = np.load(sys.argv[2]); n = 0\n"
        "names, feed = ['prediction', 'scale'], {'features': x}\n"
        "for _ in range(50): m.run(names, feed)\n"
        "end = time.perf_counter() + float(sys.argv[3]); began = time.perf_counter(); cpu = time.process_time()\n"
        "while time.perf_counter() < end:\n"
        "    for _ in range(20): m.run(names, feed)\n"
        "    n += 20\n"
        "print(n / (time.perf_counter() - began), (time.process_time() - cpu) / n * 1e6)\n"
    )
    data = graph.with_name("rows.npy")
    np.save(data, rows)
    argv = ["taskset", "-c", str(SERVER_CORE), sys.executable, "-c", program, str(graph), str(data), str(seconds)]
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environment)
    per_second, cpu_us = map(float, done.stdout.split())
    return Raw(per_second, cpu_us)


def cold_smiles_ms(url: str, token: dict[str, str], count: int = 400) -> list[float]:
    """Milliseconds from request to answer for molecules that were never asked about, one after the other."""
    chains = [
        f"OCC({'C' * (n % 17 + 1)})C(N)CO{'C' * (n % 13)}C(=O)NC{'C' * (n // 200)}{'O' * (n % 2)}" for n in range(count)
    ]
    address = httpx.URL(url)
    connection = http.client.HTTPConnection(address.host, address.port)
    times = []
    for text in dict.fromkeys(chains):
        body = json.dumps({"target": "tg", "inputs": [{"smiles": text}]})
        began = time.perf_counter()
        connection.request("POST", "/api/v1/predictions", body, {"content-type": "application/json", **token})
        answer = connection.getresponse()
        content = answer.read()
        times.append((time.perf_counter() - began) * 1e3)
        if answer.status != http.client.OK:
            message = f"{text}: {content.decode()}"
            raise RuntimeError(message)
    connection.close()
    return times


class ServerUnderTest:
    """Our server as a pod runs it, on one core, with everything switched on."""

    def __init__(self, models: Path, folder: Path, secret: Path, wanted: str = "*") -> None:
        """Choose a port; nothing runs yet."""
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._log = folder / "server.log"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CRYO_")},
            "CRYO_BIND": f"127.0.0.1:{self._port}",
            "CRYO_MODELS_DIR": str(models),
            "CRYO_MODELS": wanted,
            "CRYO_REGISTRY_DIR": str(folder / "registry"),
            "CRYO_JWT_KEY_FILE": str(secret),
            "CRYO_TOKENS_EVERYWHERE": "on",
            "CRYO_REPOSITORY_API": "on",
            "CRYO_DRAIN_S": "0",
        }
        self.ready_after_s = 0.0

    def __enter__(self) -> Self:
        """Start three times and keep the last; the median is the cold start."""
        times = []
        for turn in range(3):
            began = time.perf_counter()
            argv = ["taskset", "-c", str(SERVER_CORE), sys.executable, "-m", "model_server.serve"]
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(argv, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
            wait_until_ready(self.url + "/v2/health/ready", self._process)
            times.append(time.perf_counter() - began)
            if turn < 2:  # noqa: PLR2004 - the last one stays
                self._stop()
        self.ready_after_s = round(statistics.median(times), 2)
        return self

    def __exit__(self, *_failure: object) -> None:
        """Stop."""
        self._stop()

    def _stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)

    def cpu_s(self) -> float:
        """Processor time used so far."""
        times = psutil.Process(self._process.pid).cpu_times()
        return times.user + times.system

    def memory_mb(self) -> float:
        """Resident memory of the worker."""
        return round(psutil.Process(self._process.pid).memory_info().rss / 1e6, 1)

    @contextmanager
    def switching(self, client: httpx.Client, model: str) -> Iterator[list[int]]:
        """Switch the champion to and fro, and reload it, until the block ends; counts the switches."""
        stop, counted = threading.Event(), [0]

        def switch() -> None:
            while not stop.is_set():
                version = ("1.0.0", "1.1.0")[counted[0] % 2]
                body = {"version": version, "reason": "switched by the bench"}
                client.put(f"/api/v1/models/{model}/aliases/champion", json=body).raise_for_status()
                client.post(f"/v2/repository/models/{model}/load").raise_for_status()
                counted[0] += 1
                time.sleep(0.05)

        thread = threading.Thread(target=switch)
        thread.start()
        try:
            yield counted
        finally:
            stop.set()
            thread.join()


def install_peers() -> Path | None:
    """Make the peers' environment once; None, with a line that says why, when it cannot be made."""
    python = _CACHE / "peers" / "bin" / "python"
    mark = _CACHE / "peers" / "installed"
    if mark.exists():
        return python
    uv = shutil.which("uv") or str(ROOT / ".venv" / "bin" / "uv")
    _CACHE.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run([uv, "venv", "-q", "--allow-existing", "--python", "3.11", str(python.parents[1])], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", str(python), *PEER_PACKAGES], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"peers skipped: {error}", file=sys.stderr)
        return None
    mark.touch()
    return python


def peer_bodies(peer: Peer, rows: np.ndarray) -> bytes:
    """The same row in the peer's own words."""
    data = [round(float(value), 4) for value in rows.ravel()]
    if peer.name == "mlserver":
        tensor = {"name": "features", "datatype": "FP32", "shape": list(rows.shape), "data": data}
        return json.dumps({"id": "bench", "inputs": [tensor]}).encode()
    return json.dumps({"rows": [data]}).encode()


@contextmanager
def start_peer(peer: Peer, python: Path, graph: Path, folder: Path) -> Iterator[str | None]:
    """Run a peer on the server's core; yields its URL, or None when it did not start."""
    port = free_port()
    folder.mkdir()
    scripts = Path(__file__).parent / "peers"
    environment = {**os.environ, "BENCH_MODEL": str(graph), "ORT_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(scripts)}
    environment |= {"BENTOML_DO_NOT_TRACK": "True", "DO_NOT_TRACK": "1"}
    argv = _argv(peer, python, folder, port)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *argv], cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        ready = wait_until_ready(f"http://127.0.0.1:{port}{peer.ready}", process)
        if not ready:
            print(f"{peer.name}: {(folder / 'log').read_text()[-1500:]}", file=sys.stderr)
        yield f"http://127.0.0.1:{port}{peer.path}" if ready else None
    finally:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.terminate()
        _, alive = psutil.wait_procs(family, timeout=10)
        for each in alive:
            each.kill()


def _argv(peer: Peer, python: Path, folder: Path, port: int) -> list[str]:
    if peer.name == "mlserver":
        settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
        settings |= {"parallel_workers": 0, "debug": False}
        (folder / "settings.json").write_text(json.dumps(settings))
        model = {"name": "reference", "implementation": "mlserver_model.OnnxModel", "parameters": {"version": "1"}}
        (folder / "model-settings.json").write_text(json.dumps(model))
        return [str(python.with_name("mlserver")), "start", str(folder)]
    if peer.name == "bentoml":
        return [
            str(python.with_name("bentoml")),
            "serve",
            "bentoml_service:Forest",
            "--host",
            "127.0.0.1",
            "-p",
            str(port),
        ]
    return [str(python), str(Path(__file__).parent / "peers" / "litserve_app.py"), str(port)]


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Ask until the answer is 200; False when the process ends or the time is up."""
    end = time.monotonic() + _START_LIMIT_S
    with httpx.Client() as client:
        while time.monotonic() < end and process.poll() is None:
            with suppress(httpx.TransportError):
                if client.get(url).status_code == http.client.OK:
                    return True
            time.sleep(0.01)
    return False


def free_port() -> int:
    """A port that nobody holds at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
