import numpy as np
import onnx
import pytest

from model_server.errors import ArtefactInvalidError, ExportInvalidError
from model_server.export import graph
from model_server.export.graph import export_forest
from model_server.export.parity import PREDICTION_LIMIT, SCALE_LIMIT, check_parity, random_rows
from model_server.features.descriptors import COLUMNS, describe_molecules
from model_server.registry.session import INPUT_NAME, OUTPUT_NAMES, ModelSession, open_session
from model_server.train.forest import FittedForest, ForestSettings, fit_forest

WIDTH = len(COLUMNS)


@pytest.fixture(scope="module")
def x(toy_compounds):
    return describe_molecules(toy_compounds.molecules)


@pytest.fixture(scope="module")
def fitted(x, toy_compounds) -> FittedForest:
    return fit_forest(x, toy_compounds.values, seed=5, settings=ForestSettings(trees=20))


@pytest.fixture(scope="module")
def session(fitted) -> ModelSession:
    return open_session(export_forest(fitted, features=WIDTH), where="test")


def test_graph_answers_like_scikit_learn_on_training_and_random_rows(session, fitted, x):
    record = check_parity(session, fitted, x, seed=3)

    assert record.training_rows == len(x)
    assert record.random_rows == 10_000
    assert record.prediction_difference <= PREDICTION_LIMIT
    assert record.scale_difference <= SCALE_LIMIT


def test_prediction_is_the_forest_mean_and_scale_grows_from_its_floor(session, fitted, x):
    prediction, scale = session.run(x)

    assert prediction == pytest.approx(fitted.forest.predict(x) + fitted.centre, abs=PREDICTION_LIMIT)
    assert scale.min() >= fitted.scale_floor * 0.999
    assert scale.max() > fitted.scale_floor


@pytest.mark.parametrize(
    ("shift", "spread"),
    [
        pytest.param(2 * PREDICTION_LIMIT, 0.0, id="prediction off"),
        pytest.param(0.0, 2 * SCALE_LIMIT, id="scale off"),
        pytest.param(float("nan"), 0.0, id="NaN"),
    ],
)
def test_gate_closes_when_the_graph_differs(session, fitted, x, shift, spread):
    class Shifted:
        def run(self, names, feeds):
            point, scale = session.runner.run(names, feeds)
            return [point + np.float32(shift), scale + np.float32(spread)]

    with pytest.raises(ExportInvalidError, match="nothing written"):
        check_parity(ModelSession(Shifted()), fitted, x, seed=3)


def test_same_forest_gives_the_same_bytes(fitted):
    assert export_forest(fitted, features=WIDTH) == export_forest(fitted, features=WIDTH)


def test_same_seed_gives_the_same_model_and_another_seed_does_not(x, toy_compounds):
    first, again, other = (
        export_forest(fit_forest(x, toy_compounds.values, seed=s, settings=ForestSettings(trees=5)), features=WIDTH)
        for s in (1, 1, 2)
    )

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
        export_forest(fitted, features=WIDTH)


def test_bytes_that_are_no_graph_are_refused():
    with pytest.raises(ArtefactInvalidError, match="onnxruntime refuses the graph"):
        open_session(b"not a graph", where="test")


def test_graph_with_other_names_is_refused():
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Identity", ["a"], ["b"])
    sides = [value("a", onnx.TensorProto.FLOAT, [1])], [value("b", onnx.TensorProto.FLOAT, [1])]
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "other", *sides), ir_version=9, opset_imports=[onnx.helper.make_opsetid("", 18)]
    )

    with pytest.raises(ArtefactInvalidError, match="expected"):
        open_session(model.SerializeToString(), where="test")


def test_batch_and_single_rows_agree(session, x):
    together = np.stack(session.run(x[:7]))
    alone = np.concatenate([np.stack(session.run(x[row : row + 1])) for row in range(7)], axis=1)

    assert together == pytest.approx(alone, abs=1e-4)


def test_graph_has_the_contracted_names(fitted):
    model = onnx.load_from_string(export_forest(fitted, features=WIDTH))

    assert [node.name for node in model.graph.input] == [INPUT_NAME]
    assert [node.name for node in model.graph.output] == list(OUTPUT_NAMES)
