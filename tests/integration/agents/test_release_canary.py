"""A release in steps, judged by a real Prometheus that scrapes a gateway which divides real requests by weight.

The gateway and the API server are small ones of these tests; the release is its own process, its load is real, and
the faulty colour fails real requests.
"""

import itertools
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

ROUTE = "/apis/gateway.networking.k8s.io/v1/namespaces/cryo/httproutes/model-server"
RECORD = "/api/v1/namespaces/cryo/configmaps/release-model-server"
ORDERS = "/api/v1/namespaces/cryo/configmaps/release-model-server-orders"
PREDICTION = json.dumps({"predictions": [{"lower": 180.0, "prediction": 190.0, "upper": 200.0}]}).encode()
OPENAPI = json.dumps({"paths": {"/api/v1/predictions": {"post": {}}}}).encode()
EDGES = ("0.1", "0.3", "1.2", "5", "+Inf")
ROLLED_BACK = REFUSED = 70
MEMORY = {
    "name": "memory",
    "query": 'max(process_resident_memory_bytes{app="$app",colour="$colour"})',
    "at_most": 500,
}


def find_prometheus() -> Path:
    """The one that the toolchain built; a missing one is red, because these tests are the proof of the queries."""
    folder = Path(os.environ.get("CRYO_CACHE", "/var/cache/cryoprotect")) / "toolchain"
    found = sorted(folder.glob("prometheus-*/bin/prometheus"))
    if not found:
        pytest.fail(f"no Prometheus below {folder}; run `make toolchain`")
    return found[-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hung up is no news."""


@dataclass
class Town:
    """Both colours, the gateway in front of them, and its users."""

    api: Any
    errors: dict[str, float] = field(default_factory=lambda: {"blue": 0.0, "green": 0.0})
    only_users_suffer: bool = False
    slow_s: dict[str, float] = field(default_factory=lambda: {"blue": 0.0, "green": 0.0})
    memory: dict[str, int] = field(default_factory=lambda: {"blue": 100, "green": 100})
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    buckets: Counter[tuple[str, str]] = field(default_factory=Counter)
    answered: Counter[int] = field(default_factory=Counter)
    lock: Any = field(default_factory=threading.Lock)
    stop: Any = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.dice = random.Random(7)  # noqa: S311 - a fault's chance
        self.servers = {name: self._serve(name) for name in ("blue", "green", "gateway")}
        for _ in range(4):
            threading.Thread(target=self._use, daemon=True).start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.servers[name].server_address[1]}"

    def weights(self) -> dict[str, int]:
        backends = self.api.objects[ROUTE]["spec"]["rules"][0]["backendRefs"]
        return {each["name"].rsplit("-", 1)[1]: each["weight"] for each in backends}

    def answer(self, colour: str, path: str, *, user: bool) -> tuple[int, bytes]:
        if path == "/api/v1/openapi.json":
            return 200, OPENAPI
        if "predictions" in path:
            time.sleep(self.slow_s[colour])
            if (user or not self.only_users_suffer) and self.dice.random() < self.errors[colour]:
                return 500, b"{}"
        return 200, PREDICTION

    def through_gateway(self, path: str) -> tuple[int, bytes, str]:
        weights = self.weights()
        colour = self.dice.choices(list(weights), list(weights.values()))[0] if sum(weights.values()) else "blue"
        began = time.monotonic()
        status, body = self.answer(colour, path, user=True)
        took = time.monotonic() - began
        with self.lock:
            self.counts[colour, str(status)] += 1
            for edge in EDGES:
                self.buckets[colour, edge] += took <= float(edge)
        return status, body, colour

    def metrics(self) -> bytes:
        def labels(colour: str, **more: str) -> str:
            named = {
                "service": f"httproute-cryo-model-server-gw-g-0-1f-svc-cryo-model-server-{colour}-0@kubernetesgateway",
                "method": "POST",
                **more,
            }
            return ",".join(f'{key}="{value}"' for key, value in named.items())

        with self.lock:
            lines = [
                f"traefik_service_requests_total{{{labels(colour, code=code)}}} {count}"
                for (colour, code), count in sorted(self.counts.items())
            ]
            lines += [
                f"traefik_service_request_duration_seconds_bucket{{{labels(colour, le=edge)}}} {count}"
                for (colour, edge), count in sorted(self.buckets.items())
            ]
        return "\n".join([*lines, ""]).encode()

    def close(self) -> None:
        self.stop.set()
        for server in self.servers.values():
            server.shutdown()
            server.server_close()

    def _use(self) -> None:
        """One user after the other, 15 a second, through the gateway."""
        while not self.stop.wait(1 / 15):
            request = urllib.request.Request(self.url("gateway") + "/api/v1/predictions", data=b"{}", method="POST")  # noqa: S310
            try:
                with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - loopback
                    self.answered[response.status] += 1
            except urllib.error.HTTPError as error:
                self.answered[error.code] += 1
            except OSError:
                self.answered[0] += 1

    def _serve(self, name: str) -> ThreadingHTTPServer:
        town = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if self.path == "/metrics" and name != "gateway":
                    status, body, colour = 200, f"process_resident_memory_bytes {town.memory[name]}\n".encode(), name
                elif self.path == "/metrics":
                    status, body, colour = 200, town.metrics(), ""
                elif name == "gateway":
                    status, body, colour = town.through_gateway(self.path)
                else:
                    (status, body), colour = town.answer(name, self.path, user=False), name
                self.send_response(status)
                headers = {"Content-Length": str(len(body)), "x-cryo-colour": colour, "x-cryo-version": f"1-{colour}"}
                for key, value in {**headers, "Content-Type": "text/plain"}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the base class calls it so

        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server


@pytest.fixture
def town(api) -> Iterator[Town]:
    for colour in ("blue", "green"):
        api.scale("model-server", colour, wanted=1, ready=1)
    found = Town(api)
    yield found
    found.close()


@pytest.fixture
def prometheus(town: Town, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    target = {"static_configs": [{"targets": [town.url("gateway").removeprefix("http://")]}]}
    pods = [
        {"targets": [town.url(each).removeprefix("http://")], "labels": {"app": "model-server", "colour": each}}
        for each in ("blue", "green")
    ]
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "gateway", **target}, {"job_name": "model-server", "static_configs": pods}],
    }
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    process = subprocess.Popen(
        [
            str(find_prometheus()),
            f"--config.file={path}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    query = f"{url}/api/v1/query?query=traefik_service_requests_total"
    for _ in range(300):
        try:
            with urllib.request.urlopen(query, timeout=2) as response:  # noqa: S310 - loopback
                if json.load(response)["data"]["result"]:
                    break
        except OSError:
            pass
        time.sleep(0.1)
    else:
        pytest.fail("Prometheus did not scrape within 30 s")
    yield url
    process.terminate()
    process.wait(20)


@pytest.fixture
def release(town: Town, kubeconfig: Path, repository: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    numbers = itertools.count(1)

    def start(prometheus_url: str, **policy: Any) -> subprocess.Popen[str]:
        chosen = {
            "steps": [20, 50, 100],
            "capacity": True,
            "openapi": True,
            "parity_tolerance": 0.1,
            "prometheus_url": prometheus_url,
            "scrape_interval_s": 1,
            "minimum_requests": 200,
            "load_per_s": 80,
            "step_deadline_s": 30,
            **policy,
        }
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "agents.release", "switch", "--namespace", "cryo", "--route", "model-server"),
                *("--to", "green", "--smoke-url", town.url("green"), "--stable-url", town.url("blue")),
                *("--gateway-url", town.url("gateway"), "--deadline-s", "10", "--confirmations", "5"),
                *("--release-id", f"r{next(numbers)}", "--policy", json.dumps(chosen), "--json"),
            ],
            env={**os.environ, "KUBECONFIG": str(kubeconfig)},
            cwd=repository,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def record(api) -> dict[str, Any]:
    return dict(json.loads(api.objects[RECORD]["data"]["record.json"]))


def steps(api) -> list[tuple[str, int]]:
    return [(step["phase"], step["share"]) for step in record(api)["transitions"]][5:]


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=120)
    return process.returncode, err


def test_good_colour_goes_through_every_step_and_the_soak(api, town, prometheus, release) -> None:
    code, err = end(release(prometheus, soak_s=3, limits=[MEMORY]))

    assert code == 0, err[-3000:]
    assert steps(api) == [
        *(("shifting", 20), ("watching", 20), ("shifting", 50), ("watching", 50)),
        *(("shifting", 100), ("promoted", 100), ("soaking", 100), ("settled", 100)),
    ]
    assert town.weights() == {"blue": 0, "green": 100}
    assert set(town.answered) == {200}
    assert record(api)["versions"] == {"blue": "1-blue", "green": "1-green"}
    assert any("memory: 100, at most 500" in reason for reason in record(api)["transitions"][7]["because"])


def test_colour_over_a_limit_of_its_environment_is_rolled_back(api, town, prometheus, release) -> None:
    town.memory["green"] = 900

    code, err = end(release(prometheus, limits=[MEMORY]))

    assert (code, town.weights()) == (ROLLED_BACK, {"blue": 100, "green": 0}), err[-3000:]
    assert record(api)["reasons"][0] == "memory: 900, at most 500"


def test_limit_that_nobody_can_answer_promotes_nothing(api, town, prometheus, release) -> None:
    unknown = {"name": "drift", "query": 'no_such_metric{colour="$colour"}', "at_most": 1}

    code, err = end(release(prometheus, limits=[unknown], step_deadline_s=10))

    assert (code, town.weights()) == (ROLLED_BACK, {"blue": 100, "green": 0}), err[-3000:]
    assert "drift: no number (empty)" in record(api)["reasons"]


def test_colour_that_answers_errors_loses_its_first_share_with_the_numbers_in_the_record(
    api, town, prometheus, release
) -> None:
    town.errors["green"] = 0.3

    code, err = end(release(prometheus))

    assert code == ROLLED_BACK, err[-3000:]
    assert steps(api) == [("shifting", 20), ("watching", 20), ("rolling_back", 0), ("rolled_back", 0)]
    assert "failed requests of the gate: canary" in record(api)["reasons"][0]
    assert town.weights() == {"blue": 100, "green": 0}


def test_errors_that_only_users_meet_are_seen_in_the_gateways_counters(api, town, prometheus, release) -> None:
    town.errors["green"], town.only_users_suffer = 0.6, True

    code, err = end(release(prometheus, steps=[50, 100], minimum_requests=2000))

    assert code == ROLLED_BACK, err[-3000:]
    assert "failed requests of users: canary" in record(api)["reasons"][0]


def test_slow_colour_is_rolled_back_though_every_answer_is_right(api, town, prometheus, release) -> None:
    town.slow_s["green"] = 0.6

    code, err = end(release(prometheus))

    assert code == ROLLED_BACK, err[-3000:]
    assert "requests of the gate over " in record(api)["reasons"][0]


@pytest.mark.parametrize("gone", ["nobody listens", "gateway is not scraped"])
def test_without_fresh_metrics_no_step_passes_and_the_deadline_ends_it(api, town, prometheus, release, gone) -> None:
    url = f"http://127.0.0.1:{free_port()}" if gone == "nobody listens" else prometheus
    if gone == "gateway is not scraped":
        town.metrics = lambda: b"this is no exposition format {{{"  # type: ignore[method-assign]

    code, err = end(release(url, step_deadline_s=6))

    assert code == ROLLED_BACK, err[-3000:]
    assert record(api)["reasons"][0].startswith("users: ")
    assert town.weights() == {"blue": 100, "green": 0}


def test_colour_smaller_than_the_live_one_is_refused_with_both_sizes(api, town, prometheus, release) -> None:
    api.scale("model-server", "blue", wanted=4, ready=4)

    code, err = end(release(prometheus))

    assert code == REFUSED, err[-3000:]
    assert "green has 1 ready pods, the live colour needs 4" in record(api)["reasons"][0]


def test_live_colour_that_grows_during_a_step_stops_the_next(api, town, prometheus, release) -> None:
    api.on_write = lambda: api.scale("model-server", "blue", wanted=3, ready=3) if town.weights()["green"] else None

    code, err = end(release(prometheus))

    assert code == ROLLED_BACK, err[-3000:]
    assert "the live colour needs 3" in record(api)["reasons"][0]


def test_abort_ends_the_release_at_its_next_look(api, town, prometheus, release) -> None:
    process = release(prometheus, minimum_requests=100_000)
    deadline = time.monotonic() + 40
    while RECORD not in api.objects or record(api)["phase"] != "watching":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    api.put(ORDERS, {"metadata": {"name": "o"}, "data": {"abort": record(api)["release_id"]}})

    code, err = end(process)

    assert code == ROLLED_BACK, err[-3000:]
    assert "aborted by `cryo release abort`" in record(api)["reasons"][0]
