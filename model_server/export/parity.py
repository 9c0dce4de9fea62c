"""The parity gate: an exported graph that answers differently from its model is not released."""

import numpy as np

from model_server.errors import ExportInvalidError
from model_server.evaluate.crossval import Fitted
from model_server.features.columns import FeatureMatrix
from model_server.registry.card import ParityRecord
from model_server.registry.session import ModelSession

# Chosen: a thousandth of the target's unit, a ten-thousandth of the error of the model.
PREDICTION_LIMIT = 1e-3
# Chosen: the scale subtracts two squares in float32, which costs a digit; still far below what an interval resolves.
SCALE_LIMIT = 1e-2
RANDOM_ROWS = 10_000
# Measured for tg: all rows at once need 3.6 GB, because the graph holds rows by training rows by columns; so 0.6 GB.
_BLOCK_ROWS = 500


def random_rows(x: FeatureMatrix, *, count: int, seed: int) -> FeatureMatrix:
    """Draw rows that mix observed values of each column with values anywhere in its range, widened by a tenth."""
    rng = np.random.default_rng(seed)
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.1 * (high - low)
    anywhere = rng.uniform(low - margin, high + margin, size=(count, x.shape[1]))
    observed = np.take_along_axis(x, rng.integers(0, len(x), size=(count, x.shape[1])), axis=0)
    rows: FeatureMatrix = np.where(rng.random((count, x.shape[1])) < 0.5, anywhere, observed).astype(np.float32)  # noqa: PLR2004 - a fair coin
    return rows


def check_parity(session: ModelSession, fitted: Fitted, x: FeatureMatrix, *, seed: int) -> ParityRecord:
    """Compare graph and model on all training rows and on random ones.

    Raises:
        ExportInvalidError: a difference exceeds its limit, or an answer is not finite (permanent).
    """
    rows = np.concatenate([x, random_rows(x, count=RANDOM_ROWS, seed=seed)])
    blocks = [np.ascontiguousarray(rows[start : start + _BLOCK_ROWS]) for start in range(0, len(rows), _BLOCK_ROWS)]
    exported = np.concatenate([np.stack(session.run(block)) for block in blocks], axis=1).astype(np.float64)
    original = np.concatenate([np.stack(fitted.predict(block)) for block in blocks], axis=1)
    prediction_difference, scale_difference = np.abs(exported - original).max(axis=1)
    # Written so that NaN, which compares false, fails the gate.
    if not (prediction_difference <= PREDICTION_LIMIT and scale_difference <= SCALE_LIMIT):
        raise ExportInvalidError(
            f"graph differs from its model by {prediction_difference:.2g} in prediction (limit {PREDICTION_LIMIT}) and "
            f"{scale_difference:.2g} in scale (limit {SCALE_LIMIT}); nothing written, check the skl2onnx version"
        )
    return ParityRecord(
        training_rows=len(x),
        random_rows=RANDOM_ROWS,
        prediction_difference=float(f"{prediction_difference:.2g}"),
        prediction_limit=PREDICTION_LIMIT,
        scale_difference=float(f"{scale_difference:.2g}"),
        scale_limit=SCALE_LIMIT,
    )
