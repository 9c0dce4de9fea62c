import asyncio
import io
import json
import logging.config
import signal
import socket

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from model_server.errors import AddressBusyError, RequestRefusedError
from model_server.serve import body as body_module
from model_server.serve.body import declared_size, read_body
from model_server.serve.cache import BoundedCache
from model_server.serve.drain import Drain
from model_server.serve.logs import build_logger, server_log_config
from model_server.serve.metrics import ServeMetrics
from model_server.serve.routes import Route, match_path, refuse_unmatched
from model_server.serve.server import build_server, refuse_busy_address
from model_server.serve.settings import ServeSettings
from model_server.serve.wire import MAX_BODY_BYTES


@pytest.mark.parametrize(
    ("path", "route", "name"),
    [
        ("/livez", Route.LIVE, ""),
        ("/readyz", Route.READY, ""),
        ("/metrics", Route.METRICS, ""),
        ("/api/v1/models", Route.MODELS, ""),
        ("/api/v1/models/tg/card", Route.CARD, "tg"),
        ("/api/v1/predictions", Route.PREDICTIONS, ""),
        ("/", Route.UNMATCHED, ""),
        ("/livez/", Route.UNMATCHED, ""),
        ("/api/v1/models/../card", Route.UNMATCHED, ""),
        ("/api/v1/models/tg/1.0.0/card", Route.UNMATCHED, ""),
        ("/api/v1/models/{name}/card", Route.UNMATCHED, ""),
    ],
)
def test_path_means_one_route(path, route, name):
    matched = match_path(path)

    assert (matched.route, matched.name) == (route, name)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/livez", "POST", 405), ("/api/v1/predictions", "GET", 405), ("/nowhere", "GET", 404), ("/livez", "HEAD", 405)],
)
def test_unknown_path_and_wrong_method_are_refused(path, method, status):
    with pytest.raises(RequestRefusedError) as caught:
        refuse_unmatched(match_path(path), method)

    assert caught.value.status == status


@given(st.integers(1, 5), st.lists(st.tuples(st.booleans(), st.integers(0, 9))))
def test_cache_never_exceeds_its_capacity_and_returns_what_was_put(capacity, steps):
    cache: BoundedCache[int, str] = BoundedCache(capacity)
    for put, key in steps:
        if put:
            cache.put(key, f"value {key}")
        else:
            assert cache.get(key) in {None, f"value {key}"}
        assert len(cache) <= capacity

    assert cache.hits + cache.misses == sum(not put for put, _ in steps)


def test_cache_drops_the_least_recently_used_entry():
    cache: BoundedCache[str, int] = BoundedCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.get("a")
    cache.put("c", 3)

    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 415, id="no media type"),
        pytest.param({"content-type": "text/plain"}, 415, id="text"),
        pytest.param({"content-type": "application/json", "content-length": str(MAX_BODY_BYTES + 1)}, 413, id="long"),
        pytest.param({"content-type": "application/json", "content-length": "0" * 30 + "9"}, 413, id="padded"),
        pytest.param({"content-type": "application/json", "content-length": "-1"}, 413, id="negative"),
    ],
)
def test_head_alone_can_refuse_a_request(headers, status):
    with pytest.raises(RequestRefusedError) as caught:
        declared_size(headers)

    assert caught.value.status == status


@pytest.mark.parametrize(
    ("headers", "size"),
    [
        ({"content-type": "application/json", "content-length": "12"}, 12),
        ({"content-type": "Application/JSON; charset=utf-8"}, None),
    ],
)
def test_json_head_is_accepted_with_its_declared_size(headers, size):
    assert declared_size(headers) == size


class FakeBody:
    def __init__(self, chunks, delay_s=0.0):
        self.chunks, self.delay_s = chunks, delay_s

    async def __call__(self):
        await asyncio.sleep(self.delay_s)
        return b"".join(self.chunks)

    async def __aiter__(self):
        for chunk in self.chunks:
            await asyncio.sleep(self.delay_s)
            yield chunk


@pytest.mark.parametrize("declared", [4, None])
def test_body_is_read_whole(declared):
    assert asyncio.run(read_body(FakeBody([b"ab", b"cd"]), declared)) == b"abcd"


def test_body_without_declared_length_is_cut_at_the_limit():
    with pytest.raises(RequestRefusedError) as caught:
        asyncio.run(read_body(FakeBody([b"x" * 1024] * 1024), None))

    assert caught.value.status == 413


@pytest.mark.parametrize("declared", [4, None])
def test_body_that_trickles_in_is_given_up(declared, monkeypatch):
    monkeypatch.setattr(body_module, "BODY_LIMIT_S", 0.02)

    with pytest.raises(RequestRefusedError) as caught:
        asyncio.run(read_body(FakeBody([b"x"], delay_s=5.0), declared))

    assert caught.value.status == 408


def test_requests_are_counted_by_template_method_and_status():
    metrics = ServeMetrics()

    metrics.count_request(Route.CARD, "GET", status=200, seconds=0.001)
    metrics.count_request(Route.CARD, "GET", status=200, seconds=0.001)
    metrics.count_request(Route.UNMATCHED, "BREW", status=404, seconds=0.001)

    value = metrics.registry.get_sample_value
    card = {"route": "/api/v1/models/{name}/card", "method": "GET", "status": "200"}
    assert value("cryo_model_requests_total", card) == 2
    unknown = {"route": "unmatched", "method": "other", "status": "404"}
    assert value("cryo_model_requests_total", unknown) == 1
    assert value("cryo_model_request_duration_seconds_count", {"route": "unmatched"}) == 1


def test_cache_counters_are_exposed():
    metrics, cache = ServeMetrics(), BoundedCache(3)
    metrics.watch_caches({"toy": cache})
    cache.put("a", 1)
    cache.get("a")
    cache.get("b")

    value = metrics.registry.get_sample_value
    assert value("cryo_model_cache_lookups_total", {"cache": "toy", "result": "hit"}) == 1
    assert value("cryo_model_cache_lookups_total", {"cache": "toy", "result": "miss"}) == 1
    assert value("cryo_model_cache_entries", {"cache": "toy"}) == 1


def test_every_metric_of_the_package_carries_its_prefix():
    families = {family.name for family in ServeMetrics().registry.collect()}

    foreign = {name for name in families if not name.startswith("cryo_model_")}
    assert all(name.startswith(("process_", "python_")) for name in foreign)
    assert b"cryo_model_in_flight_requests" in generate_latest(ServeMetrics().registry)


async def drained(drain: Drain, *, busy_s: float) -> list[str]:
    events = []
    drain._stop = lambda: events.append("stopped")
    loop = asyncio.get_running_loop()
    drain.install(loop)
    try:
        with drain.request():
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(0.01)
            assert drain.draining
            drain.begin(loop)
            await asyncio.sleep(busy_s)
            events.append("request finished")
        await asyncio.sleep(0.2)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
    return events


def test_sigterm_stops_the_server_once_and_only_after_the_request_in_flight():
    metrics = ServeMetrics()
    drain = Drain(0.05, stop=lambda: None, metrics=metrics, log=structlog.get_logger())

    with structlog.testing.capture_logs() as logs:
        events = asyncio.run(drained(drain, busy_s=0.15))

    assert events == ["request finished", "stopped"]
    assert [log["event"] for log in logs] == ["model_server.drain.started", "model_server.drain.finished"]
    assert metrics.registry.get_sample_value("cryo_model_draining") == 1


def test_idle_server_still_answers_for_the_whole_drain_time():
    drain = Drain(0.1, stop=lambda: None, metrics=ServeMetrics(), log=structlog.get_logger())

    async def watch():
        drain._stop = stopped.append
        drain._stop = lambda: stopped.append(asyncio.get_running_loop().time())
        begun = asyncio.get_running_loop().time()
        drain.begin(asyncio.get_running_loop())
        await asyncio.sleep(0.25)
        return begun

    stopped: list[float] = []
    with structlog.testing.capture_logs():
        begun = asyncio.run(watch())

    assert len(stopped) == 1
    assert stopped[0] - begun >= 0.1


def test_log_lines_are_json_with_the_deployment_in_them(capsys):
    build_logger(colour="green", version="1.2").info("model_server.load.succeeded", model="tg")

    line = json.loads(capsys.readouterr().out)
    assert (line["event"], line["colour"], line["version"], line["model"]) == (
        "model_server.load.succeeded",
        "green",
        "1.2",
        "tg",
    )
    assert line["level"] == "info"
    assert line["time"].endswith("Z")


def test_lines_of_the_http_server_are_json_too():
    stream = io.StringIO()
    config = server_log_config()
    config["handlers"]["standard_output"]["stream"] = stream
    config["loggers"] = {"toy": {"handlers": ["standard_output"], "level": "WARNING", "propagate": False}}
    del config["root"]
    logging.config.dictConfig(config)

    logging.getLogger("toy").warning("worker %d lost", 3)
    logging.getLogger("toy").info("silent")

    assert json.loads(stream.getvalue())["event"] == "worker 3 lost"


def test_busy_address_is_refused_with_the_remedy():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen(1)
        port = holder.getsockname()[1]
        with pytest.raises(AddressBusyError, match=f"port {port}.*change CRYO_BIND") as caught:
            refuse_busy_address("127.0.0.1", port)

    assert caught.value.exit_code == 75
    refuse_busy_address("127.0.0.1", port)


def test_workers_are_given_time_to_drain_before_they_are_killed():
    server = build_server(ServeSettings(drain_s=7.5))

    assert server.workers_kill_timeout == 38
    assert server.workers == 1
