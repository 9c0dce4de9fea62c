"""Export a blend as an ONNX graph with two outputs: the prediction and the scale of its doubt.

The trees stay what skl2onnx makes of them, with the second moment added as a second target of the same node, so that
one pass answers both. The Gaussian process is written out in double precision: in single it is off by kelvins.
"""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType

from model_server.errors import ExportInvalidError
from model_server.export.nodes import GraphWriter
from model_server.registry.session import INPUT_NAME, OUTPUT_NAMES
from model_server.train.blend import FittedBlend
from model_server.train.forest import FittedForest
from model_server.train.kernel import FittedKernel

# Pinned so that the same model gives the same bytes; understood by every onnxruntime since 1.17.
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


def export_blend(fitted: FittedBlend, *, features: int) -> bytes:
    """Serialise a blend; the same blend gives the same bytes.

    Raises:
        ExportInvalidError: skl2onnx no longer produces the single tree node this is built on (permanent).
    """
    writer = GraphWriter()
    point, variance = _write_forest(writer, fitted.forest, features)
    variance = writer.apply("Add", variance, writer.constant(fitted.settings.scale_floor**2))
    if fitted.kernel is not None:
        other, doubt = _write_kernel(writer, fitted.kernel, features)
        share = fitted.settings.share
        weighted = writer.apply("Mul", point, writer.constant(share))
        point = writer.apply("Add", weighted, writer.apply("Mul", other, writer.constant(1.0 - share)))
        variance = writer.apply("Add", variance, doubt)
    prediction, scale = OUTPUT_NAMES
    writer.answer(point, prediction)
    writer.answer(writer.apply("Sqrt", variance), scale)
    graph = helper.make_graph(
        writer.nodes,
        "blend_with_scale",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in OUTPUT_NAMES],
        initializer=writer.constants,
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="cryoprotect")
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _write_forest(writer: GraphWriter, fitted: FittedForest, features: int) -> tuple[str, str]:
    """Write the trees: mean plus centre, and variance over the trees; columns in double precision."""
    attributes = _tree_attributes(fitted, features)
    writer.add_node(_tree_node(attributes, fitted.forest.n_estimators))
    moments = writer.to_double("moments")
    mean = writer.apply("Gather", moments, writer.constant([0]), axis=1)
    square = writer.apply("Gather", moments, writer.constant([1]), axis=1)
    raw = writer.apply("Sub", square, writer.apply("Mul", mean, mean))
    variance = writer.apply("Max", raw, writer.constant(0.0))
    return writer.apply("Add", mean, writer.constant(fitted.centre)), variance


def _tree_attributes(fitted: FittedForest, features: int) -> dict[str, Any]:
    exported = to_onnx(
        fitted.forest, initial_types=[(INPUT_NAME, FloatTensorType([None, features]))], target_opset=OPSETS
    )
    nodes = [node for node in exported.graph.node if node.op_type == _TREE_OP]
    if len(nodes) != 1:
        found = [node.op_type for node in exported.graph.node]
        raise ExportInvalidError(f"skl2onnx made {found}, expected one {_TREE_OP}; pin the skl2onnx of uv.lock")
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in nodes[0].attribute}


def _tree_node(attributes: dict[str, Any], trees: int) -> onnx.NodeProto:
    """Build the tree node: target 0 sums leaf / trees, target 1 sums leaf squared / trees."""
    weights = np.asarray(attributes["target_weights"], dtype=np.float64)
    return helper.make_node(
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


def _write_kernel(writer: GraphWriter, fitted: FittedKernel, features: int) -> tuple[str, str]:
    """Write the process: its mean, and its variance, both as columns in double precision."""
    amplitude, length, shared, line, _ = np.exp(np.array(fitted.logs))
    x = writer.to_double(INPUT_NAME)
    smooth = writer.apply("Slice", x, writer.constant([0]), writer.constant([fitted.smooth]), writer.constant([1]))
    centred = writer.apply("Sub", smooth, writer.constant(fitted.centre[None, :]))
    standard = writer.apply("Div", centred, writer.constant(fitted.spread[None, :]))
    norm = writer.sum_rows(writer.apply("Mul", standard, standard))
    product = writer.apply("MatMul", standard, writer.constant(np.ascontiguousarray(fitted.rows.T)))
    kernel = writer.apply(
        "Add",
        _write_distance(writer, fitted, norm, product, (float(amplitude), float(length))),
        writer.apply("Mul", product, writer.constant(float(line) / fitted.smooth)),
    )
    own = float(amplitude)
    if fitted.smooth < features:
        overlap = _write_overlap(writer, fitted, x, features)
        kernel = writer.apply("Add", kernel, writer.apply("Mul", overlap, writer.constant(float(shared))))
        own += float(shared)
    mean = writer.apply("MatMul", kernel, writer.constant(fitted.weights[:, None]))
    factor = writer.to_double(writer.constant(fitted.factor.T.astype(np.float32)))
    projected = writer.apply("MatMul", kernel, factor)
    explained = writer.sum_rows(writer.apply("Mul", projected, projected))
    prior = writer.apply("Mul", norm, writer.constant(float(line) / fitted.smooth))
    prior = writer.apply("Add", prior, writer.constant(own))
    left = writer.apply("Max", writer.apply("Sub", prior, explained), writer.constant(0.0))
    return (
        writer.apply("Add", mean, writer.constant(fitted.mean)),
        writer.apply("Mul", left, writer.constant(fitted.deviation**2)),
    )


def _write_distance(
    writer: GraphWriter, fitted: FittedKernel, norm: str, product: str, term: tuple[float, float]
) -> str:
    amplitude, length = term
    norms = writer.constant(np.square(fitted.rows).sum(axis=1)[None, :])
    twice = writer.apply("Mul", product, writer.constant(2.0))
    squared = writer.apply("Sub", writer.apply("Add", norm, norms), twice)
    scaled = writer.apply(
        "Div", writer.apply("Max", squared, writer.constant(0.0)), writer.constant(float(fitted.smooth))
    )
    exponent = writer.apply("Mul", writer.apply("Sqrt", scaled), writer.constant(-1.0 / length))
    return writer.apply("Mul", writer.apply("Exp", exponent), writer.constant(amplitude))


def _write_overlap(writer: GraphWriter, fitted: FittedKernel, x: str, features: int) -> str:
    """Write Tanimoto similarity of counts; the counts of the training rows are small integers and stored as such."""
    counts = writer.apply(
        "Slice", x, writer.constant([fitted.smooth]), writer.constant([features]), writer.constant([1])
    )
    known = writer.to_double(writer.constant(fitted.counts[None, :, :].astype(np.uint8)))
    asked = writer.apply("Unsqueeze", counts, writer.constant([1]))
    shared = writer.apply("ReduceSum", writer.apply("Min", asked, known), writer.constant([2]), keepdims=0)
    total = writer.apply("Add", writer.sum_rows(counts), writer.constant(fitted.counts.sum(axis=1)[None, :]))
    union = writer.apply("Max", writer.apply("Sub", total, shared), writer.constant(1.0))
    return writer.apply("Div", shared, union)
