"""The model behind LitServe: one worker, no batching."""

import os
import sys

import litserve
import numpy as np
import onnxruntime


class Forest(litserve.LitAPI):
    """Runs the same file with the same session options as the server under test."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - the framework's signature
        """Open the session."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(os.environ["BENCH_MODEL"], sess_options=options)

    def decode_request(self, request: dict[str, list[list[float]]]) -> np.ndarray:
        """Take the rows."""
        return np.array(request["rows"], dtype=np.float32)

    def predict(self, x: np.ndarray) -> list[np.ndarray]:
        """Run."""
        return self._session.run(["prediction", "scale"], {"features": x})

    def encode_response(self, output: list[np.ndarray]) -> dict[str, list[float]]:
        """Answer with both outputs."""
        return {"prediction": output[0].tolist(), "scale": output[1].tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Forest(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
