import numpy as np
import onnx
import pytest

from model_server.errors import ArtefactInvalidError, ExportInvalidError
from model_server.export import graph
from model_server.export.graph import export_blend
from model_server.export.parity import PREDICTION_LIMIT, SCALE_LIMIT, check_parity, random_rows
from model_server.features.recipes import find_recipe
from model_server.registry.session import INPUT_NAME, OUTPUT_NAMES, ModelSession, open_session
from model_server.train.blend import BlendSettings, FittedBlend, fit_blend
from model_server.train.forest import ForestSettings

RECIPE = find_recipe("structure-1")
WIDTH = len(RECIPE.columns)
SMALL = ForestSettings(trees=10)


@pytest.fixture(scope="module")
def x(toy_samples):
    return toy_samples.matrix(RECIPE)


def fit(x, toy_samples, *, share: float = 0.3, seed: int = 5, counts: bool = True) -> FittedBlend:
    settings = BlendSettings(share=share, scale_floor=10.0, forest=SMALL, forest_sees_counts=counts)
    return fit_blend(x, toy_samples.values, seed=seed, smooth=RECIPE.smooth, settings=settings)


@pytest.fixture(scope="module")
def fitted(x, toy_samples) -> FittedBlend:
    return fit(x, toy_samples)


@pytest.fixture(scope="module")
def session(fitted) -> ModelSession:
    return open_session(export_blend(fitted, features=WIDTH), where="test")


@pytest.mark.parametrize(
    ("share", "counts"),
    [
        pytest.param(0.3, False, id="trees on descriptors, process on both"),
        pytest.param(0.5, True, id="both on both"),
        pytest.param(1.0, True, id="trees alone"),
        pytest.param(0.0, True, id="process alone"),
    ],
)
def test_graph_answers_like_its_model_on_training_and_random_rows(share, counts, x, toy_samples):
    fitted = fit(x, toy_samples, share=share, counts=counts)
    session = open_session(export_blend(fitted, features=WIDTH), where="test")

    record = check_parity(session, fitted, x, seed=3)

    assert record.training_rows == len(x)
    assert record.random_rows == 10_000
    assert record.prediction_difference <= record.prediction_limit == 1e-3
    assert record.scale_difference <= record.scale_limit == 1e-2


def test_model_without_count_columns_is_exported_too(toy_samples):
    recipe = find_recipe("amino-1")
    rows = toy_samples.matrix(recipe)
    settings = BlendSettings(share=0.5, scale_floor=1.0, forest=SMALL)
    fitted = fit_blend(rows, toy_samples.values, seed=1, smooth=recipe.smooth, settings=settings)

    session = open_session(export_blend(fitted, features=len(recipe.columns)), where="test")

    assert check_parity(session, fitted, rows, seed=3).prediction_difference <= PREDICTION_LIMIT


def test_scale_never_falls_below_its_floor(session, x):
    _, scale = session.run(x)

    assert scale.min() >= 10.0 * 0.999
    assert scale.max() > 10.0


@pytest.mark.parametrize(
    ("shift", "spread"),
    [
        pytest.param(2 * PREDICTION_LIMIT, 0.0, id="prediction off"),
        pytest.param(0.0, 2 * SCALE_LIMIT, id="scale off"),
        pytest.param(float("nan"), 0.0, id="NaN"),
    ],
)
def test_gate_closes_when_the_answers_differ(session, fitted, x, shift, spread):
    class Shifted:
        def run(self, names, feeds):
            point, scale = session.runner.run(names, feeds)
            return [point + np.float32(shift), scale + np.float32(spread)]

    with pytest.raises(ExportInvalidError, match="nothing written"):
        check_parity(ModelSession(Shifted()), fitted, x, seed=3)


def test_gate_closes_when_one_number_inside_the_graph_is_changed(fitted, x):
    """It should be the graph that is judged, so one leaf of one tree is moved by one kelvin."""
    model = onnx.load_from_string(export_blend(fitted, features=WIDTH))
    (trees,) = [node for node in model.graph.node if node.op_type == "TreeEnsembleRegressor"]
    (weights,) = [attribute for attribute in trees.attribute if attribute.name == "target_weights"]
    weights.floats[0] += 1.0

    with pytest.raises(ExportInvalidError, match="graph differs"):
        check_parity(open_session(model.SerializeToString(), where="test"), fitted, x, seed=3)


def test_same_blend_gives_the_same_bytes(fitted):
    assert export_blend(fitted, features=WIDTH) == export_blend(fitted, features=WIDTH)


def test_same_seed_gives_the_same_model_and_another_seed_does_not(x, toy_samples):
    first, again, other = (export_blend(fit(x, toy_samples, seed=s), features=WIDTH) for s in (1, 1, 2))

    assert first == again
    assert first != other


def test_random_rows_reach_beyond_the_training_range_but_keep_observed_values(x):
    rows = random_rows(x, count=4000, seed=1)

    mass = rows[:, 0]
    assert mass.min() < x[:, 0].min()
    assert mass.max() > x[:, 0].max()
    assert np.isin(mass, x[:, 0]).mean() == pytest.approx(0.5, abs=0.05)


def test_change_in_the_exporter_is_noticed(fitted, monkeypatch):
    exported = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))
    monkeypatch.setattr(graph, "to_onnx", lambda *_args, **_options: exported)

    with pytest.raises(ExportInvalidError, match="pin the skl2onnx"):
        export_blend(fitted, features=WIDTH)


def test_bytes_that_are_no_graph_are_refused():
    with pytest.raises(ArtefactInvalidError, match="onnxruntime refuses the graph"):
        open_session(b"not a graph", where="test")


def test_batch_and_single_rows_agree(session, x):
    together = np.stack(session.run(x[:7]))
    alone = np.concatenate([np.stack(session.run(x[row : row + 1])) for row in range(7)], axis=1)

    assert together == pytest.approx(alone, abs=1e-4)


def test_graph_has_the_contracted_names_and_standard_operators_only(fitted):
    model = onnx.load_from_string(export_blend(fitted, features=WIDTH))

    assert [node.name for node in model.graph.input] == [INPUT_NAME]
    assert [node.name for node in model.graph.output] == list(OUTPUT_NAMES)
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx.ml"}
