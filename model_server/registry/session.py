"""The onnxruntime session: one thread, no busy waiting, no telemetry."""

import os
from dataclasses import dataclass
from typing import Annotated, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from model_server.errors import ArtefactInvalidError
from model_server.features.columns import FeatureMatrix

INPUT_NAME = "features"
OUTPUT_NAMES = ("prediction", "scale")

FloatVector = Annotated[NDArray[np.float32], "n"]


class _Runner(Protocol):
    def run(self, names: list[str], feeds: dict[str, FeatureMatrix]) -> list[FloatVector]: ...


@dataclass(frozen=True)
class ModelSession:
    """A loaded graph with one input and two outputs."""

    runner: _Runner

    def run(self, x: FeatureMatrix) -> tuple[FloatVector, FloatVector]:
        """Compute point prediction and scale per row.

        Args:
            x: shape (n, d), float32, contiguous; columns as in the card.

        Returns:
            prediction and scale, each of shape (n,), in the target's unit.
        """
        prediction, scale = self.runner.run(list(OUTPUT_NAMES), {INPUT_NAME: x})
        return prediction, scale


def open_session(model: bytes, *, where: str) -> ModelSession:
    """Open a graph from memory; nothing is written to disk.

    Raises:
        ArtefactInvalidError: onnxruntime refuses the bytes, or inputs and outputs are not those of the contract
            (permanent).
    """
    # onnxruntime 1.29 and later upload telemetry on Linux unless this is set before the import (its PR 27379).
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime as ort  # noqa: PLC0415 - must follow the line above

    options = ort.SessionOptions()
    # A tree ensemble needs microseconds: threads would only wait for each other, and the default pool spins while idle.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(model, sess_options=options, providers=["CPUExecutionProvider"])
    except Exception as error:  # pybind raises a dozen unrelated types for one cause: unusable bytes
        raise ArtefactInvalidError(f"{where}: onnxruntime refuses the graph: {error}; train again") from error
    inputs = [node.name for node in session.get_inputs()]
    outputs = [node.name for node in session.get_outputs()]
    if inputs != [INPUT_NAME] or outputs != list(OUTPUT_NAMES):
        raise ArtefactInvalidError(
            f"{where}: graph maps {inputs} to {outputs}, expected {[INPUT_NAME]} to {list(OUTPUT_NAMES)}; train again"
        )
    return ModelSession(cast("_Runner", session))
