"""Export a forest as an ONNX graph with two outputs: the mean of its trees and the scale of their disagreement.

skl2onnx exports the mean alone. The second moment is added as a second target of the same tree node, so one pass
through the trees answers both.
"""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType

from model_server.errors import ExportInvalidError
from model_server.registry.session import INPUT_NAME, OUTPUT_NAMES
from model_server.train.forest import FittedForest

# Pinned so that the same forest gives the same bytes; understood by every onnxruntime since 1.17.
OPSETS = {"": 18, "ai.onnx.ml": 3}
IR_VERSION = 9
_TREE_OP = "TreeEnsembleRegressor"
# Left out: hit rates and missing-value tracks, a third of the file, which inference of finite features does not read.
_KEPT_ATTRIBUTES = (
    "nodes_falsenodeids",
    "nodes_featureids",
    "nodes_modes",
    "nodes_nodeids",
    "nodes_treeids",
    "nodes_truenodeids",
    "nodes_values",
)


def export_forest(fitted: FittedForest, *, features: int) -> bytes:
    """Serialise a forest; the same forest gives the same bytes.

    Raises:
        ExportInvalidError: skl2onnx no longer produces the single tree node this is built on (permanent).
    """
    attributes = _tree_attributes(fitted, features)
    graph = helper.make_graph(
        [*_tree_nodes(attributes, fitted.forest.n_estimators), *_answer_nodes()],
        "forest_with_scale",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in OUTPUT_NAMES],
        initializer=[
            _constant("first", [0], TensorProto.INT64),
            _constant("second", [1], TensorProto.INT64),
            _constant("axis", [1], TensorProto.INT64),
            _constant("centre", [fitted.centre], TensorProto.FLOAT),
            _constant("floor_squared", [fitted.scale_floor**2], TensorProto.FLOAT),
        ],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="cryoprotect")
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _tree_attributes(fitted: FittedForest, features: int) -> dict[str, Any]:
    exported = to_onnx(
        fitted.forest, initial_types=[(INPUT_NAME, FloatTensorType([None, features]))], target_opset=OPSETS
    )
    nodes = [node for node in exported.graph.node if node.op_type == _TREE_OP]
    if len(nodes) != 1:
        found = [node.op_type for node in exported.graph.node]
        raise ExportInvalidError(f"skl2onnx made {found}, expected one {_TREE_OP}; pin the skl2onnx of uv.lock")
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in nodes[0].attribute}


def _tree_nodes(attributes: dict[str, Any], trees: int) -> list[onnx.NodeProto]:
    """Build the tree node: target 0 sums leaf / trees, target 1 sums leaf squared / trees."""
    weights = np.asarray(attributes["target_weights"], dtype=np.float64)
    return [
        helper.make_node(
            _TREE_OP,
            [INPUT_NAME],
            ["moments"],
            domain="ai.onnx.ml",
            aggregate_function="SUM",
            n_targets=2,
            post_transform="NONE",
            target_ids=[0] * len(weights) + [1] * len(weights),
            target_nodeids=[*attributes["target_nodeids"], *attributes["target_nodeids"]],
            target_treeids=[*attributes["target_treeids"], *attributes["target_treeids"]],
            target_weights=[*weights.tolist(), *(weights**2 * trees).tolist()],
            **{name: attributes[name] for name in _KEPT_ATTRIBUTES},
        )
    ]


def _answer_nodes() -> list[onnx.NodeProto]:
    """Build prediction = m1 + centre and scale = sqrt(max(m2 - m1^2, 0) + floor^2)."""
    prediction, scale = OUTPUT_NAMES
    return [
        helper.make_node("Gather", ["moments", "first"], ["mean_column"], axis=1),
        helper.make_node("Gather", ["moments", "second"], ["square_column"], axis=1),
        helper.make_node("Squeeze", ["mean_column", "axis"], ["mean"]),
        helper.make_node("Squeeze", ["square_column", "axis"], ["mean_square"]),
        helper.make_node("Add", ["mean", "centre"], [prediction]),
        helper.make_node("Mul", ["mean", "mean"], ["squared_mean"]),
        helper.make_node("Sub", ["mean_square", "squared_mean"], ["raw_variance"]),
        helper.make_node("Relu", ["raw_variance"], ["variance"]),
        helper.make_node("Add", ["variance", "floor_squared"], ["scale_squared"]),
        helper.make_node("Sqrt", ["scale_squared"], [scale]),
    ]


def _constant(name: str, values: list[Any], kind: int) -> onnx.TensorProto:
    return helper.make_tensor(name, kind, [len(values)], values)
