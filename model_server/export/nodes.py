"""Graph nodes as lines: a small writer over onnx.helper, so that a graph reads like the formula it stands for."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper


class GraphWriter:
    """Collects nodes and constants; every method returns the name of its result."""

    def __init__(self) -> None:
        """Start empty."""
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: NDArray[Any] | float | list[int]) -> str:
        """Store numbers: arrays as they are, a float in double precision, integers as int64."""
        array = np.asarray(values)
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def apply(self, operator: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401 - attributes of any node
        """Add one node of the default domain."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def add_node(self, node: onnx.NodeProto) -> None:
        """Add a node made elsewhere; its outputs are named by it."""
        self.nodes.append(node)

    def to_double(self, value: str) -> str:
        """Cast to double precision."""
        return self.apply("Cast", value, to=TensorProto.DOUBLE)

    def sum_rows(self, value: str) -> str:
        """Sum over the last axis and keep it."""
        return self.apply("ReduceSum", value, self.constant([-1]), keepdims=1)

    def answer(self, value: str, name: str) -> None:
        """Cast a column to float32 and name it as an output of shape (n,)."""
        narrow = self.apply("Cast", value, to=TensorProto.FLOAT)
        self.nodes.append(helper.make_node("Squeeze", [narrow, self.constant([1])], [name]))
