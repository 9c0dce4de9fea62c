"""Let a challenger compute what the champion has answered, after the answer has left, and record how they differ."""

import asyncio

import numpy as np

from model_server.features.columns import FeatureMatrix
from model_server.registry.session import FloatVector
from model_server.serve.metrics import ServeMetrics
from model_server.serve.predictor import Predictor

# Chosen: a shadow is worth a share of idle time, never a queue.
_MAX_WAITING = 32
_MAX_ROWS = 64


class Shadow:
    """Unseen runs of one worker."""

    def __init__(self, metrics: ServeMetrics) -> None:
        """Start idle."""
        self._metrics = metrics
        self._waiting = 0

    def follow(self, challenger: Predictor, x: FeatureMatrix, champion: FloatVector) -> None:
        """Compare soon; left out when too many comparisons wait, or the request is large."""
        labels = (challenger.name.name, challenger.name.version)
        if self._waiting >= _MAX_WAITING or len(x) > _MAX_ROWS or x.shape[1] != challenger.width:
            self._metrics.shadow_dropped.cell(*labels).value += 1
            return
        self._waiting += 1
        asyncio.get_running_loop().call_soon(self._compare, challenger, x, champion)

    def _compare(self, challenger: Predictor, x: FeatureMatrix, champion: FloatVector) -> None:
        self._waiting -= 1
        histogram = self._metrics.shadow_difference.histogram(challenger.name.name, challenger.name.version)
        for difference in np.abs(challenger.compute(x)[0] - champion).tolist():
            histogram.observe(difference)
