"""The model behind BentoML: one service, one worker, no batching."""

import os

import bentoml
import numpy as np
import onnxruntime


@bentoml.service(workers=1, traffic={"timeout": 30}, metrics={"enabled": True})
class Forest:
    """Runs the same file with the same session options as the server under test."""

    def __init__(self) -> None:
        """Open the session."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(os.environ["BENCH_MODEL"], sess_options=options)

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> dict[str, list[float]]:
        """Answer with both outputs."""
        x = np.array(rows, dtype=np.float32)
        prediction, scale = self._session.run(["prediction", "scale"], {"features": x})
        return {"prediction": prediction.tolist(), "scale": scale.tolist()}
