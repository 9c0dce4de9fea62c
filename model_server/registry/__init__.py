"""Released models: the card format, loading with verification, and the onnxruntime session."""
