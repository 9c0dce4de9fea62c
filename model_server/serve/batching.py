"""Runs of a graph: at once, gathered with others, or in a thread when large; rows that wait are bounded."""

import asyncio
from collections import deque
from concurrent.futures import Executor
from time import perf_counter
from typing import NamedTuple

import numpy as np

from model_server.errors import QueueFullError
from model_server.features.columns import FeatureMatrix
from model_server.registry.session import FloatVector
from model_server.serve.metrics import ServeMetrics
from model_server.serve.predictor import Predictor

Outputs = tuple[FloatVector, FloatVector]

# Measured 2026-11-22: 256 rows take about half a millisecond, which nobody else notices waiting for.
THREAD_ROWS = 256
_RETRY_AFTER_S = 1.0


class BatchRules(NamedTuple):
    """How requests are gathered.

    Args:
        gather: whether requests wait for each other at all. Off by default: a tree ensemble needs microseconds, and
            MLServer lost 13 % of its throughput to a window of 1 ms.
        max_rows: of one run.
        window_s: time to wait for more; 0 takes what the event loop has in hand.
        queue_rows: that may wait; more are refused.
    """

    gather: bool = False
    max_rows: int = 64
    window_s: float = 0.0
    queue_rows: int = 20_000


class _Waiting(NamedTuple):
    x: FeatureMatrix
    future: asyncio.Future[Outputs]
    since: float


class Runner:
    """Runs the graphs of one worker."""

    def __init__(self, rules: BatchRules, *, metrics: ServeMetrics, pool: Executor) -> None:
        """Set the rules.

        Args:
            rules: of gathering.
            metrics: where to count.
            pool: one thread for large requests, so that small ones are answered meanwhile.
        """
        self.rules = rules
        self._metrics = metrics
        self._pool = pool
        self._queues: dict[int, deque[_Waiting]] = {}
        self._rows = 0
        metrics.queue_rows.set_function(lambda: self._rows)

    def runs_at_once(self, rows: int) -> bool:
        """Whether so many rows are run without waiting for anything."""
        return not self.rules.gather and rows <= THREAD_ROWS

    def run(self, predictor: Predictor, x: FeatureMatrix) -> Outputs:
        """Run now."""
        started = perf_counter()
        outputs = predictor.compute(x)
        predictor.executions.value += 1
        predictor.run_seconds.observe(perf_counter() - started)
        return outputs

    async def enqueue(self, predictor: Predictor, x: FeatureMatrix) -> Outputs:
        """Run together with others, or in a thread.

        Raises:
            QueueFullError: too many rows wait already (temporary).
        """
        rows = len(x)
        if self._rows and self._rows + rows > self.rules.queue_rows:
            raise QueueFullError(
                f"{self._rows} rows wait and {self.rules.queue_rows} may; send less or later",
                retry_after_s=_RETRY_AFTER_S,
            )
        self._rows += rows
        try:
            if rows > THREAD_ROWS or not self.rules.gather:
                return await self._run_in_thread(predictor, x)
            return await self._gather(predictor, x)
        finally:
            self._rows -= rows

    async def _run_in_thread(self, predictor: Predictor, x: FeatureMatrix) -> Outputs:
        """Compute in the thread, count here: counters belong to the event loop's thread."""
        started = perf_counter()
        outputs = await asyncio.get_running_loop().run_in_executor(self._pool, predictor.compute, x)
        predictor.executions.value += 1
        predictor.run_seconds.observe(perf_counter() - started)
        return outputs

    async def _gather(self, predictor: Predictor, x: FeatureMatrix) -> Outputs:
        loop = asyncio.get_running_loop()
        queue = self._queues.setdefault(id(predictor), deque())
        waiting = _Waiting(x, loop.create_future(), perf_counter())
        queue.append(waiting)
        if len(queue) == 1:
            if self.rules.window_s > 0.0:
                loop.call_later(self.rules.window_s, self._flush, predictor)
            else:
                loop.call_soon(self._flush, predictor)
        return await waiting.future

    def _flush(self, predictor: Predictor) -> None:
        """Run everything that waits for one version, in batches of at most `max_rows`."""
        queue = self._queues.pop(id(predictor), deque())
        queued = self._metrics.queue_seconds.histogram(predictor.name.name, predictor.name.version)
        while queue:
            batch, rows = [queue.popleft()], 0
            rows = len(batch[0].x)
            while queue and rows + len(queue[0].x) <= self.rules.max_rows:
                batch.append(queue.popleft())
                rows += len(batch[-1].x)
            now = perf_counter()
            for waiting in batch:
                queued.observe(now - waiting.since)
            self._run_batch(predictor, batch)

    def _run_batch(self, predictor: Predictor, batch: list[_Waiting]) -> None:
        try:
            x = batch[0].x if len(batch) == 1 else np.concatenate([waiting.x for waiting in batch])
            point, scale = self.run(predictor, x)
        except Exception as error:  # noqa: BLE001 - whatever it is, each caller is told
            for waiting in batch:
                if not waiting.future.done():
                    waiting.future.set_exception(error)
            return
        start = 0
        for waiting in batch:
            end = start + len(waiting.x)
            if not waiting.future.done():
                waiting.future.set_result((point[start:end], scale[start:end]))
            start = end
