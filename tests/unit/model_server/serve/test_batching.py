"""Gathering, the bound on waiting rows, and the thread for large requests."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from model_server.errors import QueueFullError
from model_server.features.recipes import find_recipe
from model_server.serve.batching import BatchRules, Runner
from model_server.serve.metrics import ServeMetrics


@pytest.fixture
def predictor(bench):
    return bench.worker.shelf.find("tg", status=404)


WIDTH = len(find_recipe("structure-1").columns)


def make_runner(**rules):
    return Runner(BatchRules(gather=True, **rules), metrics=ServeMetrics(), pool=ThreadPoolExecutor(1))


def rows(*values):
    return np.repeat(np.array(values, dtype=np.float32)[:, None], WIDTH, axis=1)


def test_requests_in_hand_are_run_together_and_each_gets_its_own_rows(predictor):
    runner = make_runner()

    async def ask():
        return await asyncio.gather(*(runner.enqueue(predictor, rows(n, n + 0.5)) for n in range(10)))

    before = predictor.executions.value
    answers = asyncio.run(ask())

    assert predictor.executions.value - before == 1
    assert [point.tolist() for point, _ in answers] == [[300.0 + n, 300.5 + n] for n in range(10)]


def test_run_holds_no_more_rows_than_allowed(predictor):
    runner = make_runner(max_rows=4)

    async def ask():
        await asyncio.gather(*(runner.enqueue(predictor, rows(1.0, 2.0)) for _ in range(6)))

    before = predictor.executions.value
    asyncio.run(ask())

    assert predictor.executions.value - before == 3


def test_rows_beyond_the_bound_are_refused_and_the_others_answered(predictor):
    runner = make_runner(queue_rows=5)

    async def ask():
        asked = (runner.enqueue(predictor, rows(1.0, 2.0)) for _ in range(4))
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(ask())

    assert [isinstance(answer, QueueFullError) for answer in answers] == [False, False, True, True]
    assert runner._rows == 0


def test_window_waits_for_more(predictor):
    runner = make_runner(window_s=0.05)

    async def later(n):
        await asyncio.sleep(0.01 * n)
        return await runner.enqueue(predictor, rows(float(n)))

    async def ask():
        return await asyncio.gather(*(later(n) for n in range(3)))

    before = predictor.executions.value
    asyncio.run(ask())

    assert predictor.executions.value - before == 1


def test_failure_of_a_run_reaches_every_caller(predictor, monkeypatch):
    runner = make_runner()
    monkeypatch.setattr(type(predictor), "compute", lambda *_: 1 / 0)

    async def ask():
        return await asyncio.gather(*(runner.enqueue(predictor, rows(1.0)) for _ in range(3)), return_exceptions=True)

    assert [type(answer) for answer in asyncio.run(ask())] == [ZeroDivisionError] * 3


def test_full_queue_is_503_with_a_time_to_come_back(make_bench):
    bench = make_bench(gather=True, queue_rows=3)

    async def ask():
        body = {"inputs": [{"name": "features", "datatype": "FP32", "shape": [2, WIDTH], "data": [1.0] * 2 * WIDTH}]}
        return await asyncio.gather(*(bench.ask_async("POST", "/v2/models/tg/infer", body) for _ in range(3)))

    replies = bench.run(ask())

    assert [reply.status for reply in replies] == [200, 503, 503]
    assert replies[1].headers["retry-after"] == "1"
    assert "rows wait" in replies[1].json["error"]
    labels = {"model": "tg", "version": "1.1.0", "outcome": "failure", "reason": "queue_full"}
    assert bench.metric("cryo_model_infer_requests_total", **labels) == 2


def test_large_request_is_run_in_a_thread_while_others_are_answered(bench):
    async def ask():
        body = {
            "inputs": [{"name": "features", "datatype": "FP32", "shape": [5000, WIDTH], "data": [1.0] * 5000 * WIDTH}]
        }
        large = asyncio.create_task(bench.ask_async("POST", "/v2/models/tg/infer", body))
        await asyncio.sleep(0)
        small = await bench.ask_async("GET", "/livez")
        return small.status, (await large).json["outputs"][0]["shape"]

    assert bench.run(ask()) == (200, [5000])
