"""The model behind MLServer: its own codec, one onnxruntime session, no worker processes."""

import os

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxModel(MLModel):
    """Runs the same file with the same session options as the server under test."""

    async def load(self) -> bool:
        """Open the session."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(os.environ["BENCH_MODEL"], sess_options=options)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer with both outputs."""
        x = self.decode(payload.inputs[0], default_codec=NumpyCodec).astype(np.float32)
        prediction, scale = self._session.run(["prediction", "scale"], {"features": x})
        outputs = [NumpyCodec.encode_output("prediction", prediction), NumpyCodec.encode_output("scale", scale)]
        return InferenceResponse(model_name=self.name, model_version="1", outputs=outputs)
