"""The Open Inference Protocol, version 2, over REST, with Triton's binary tensors, repository and statistics."""
