import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model_server.errors import (
    ConditionInvalidError,
    IngredientUnknownError,
    SettingInvalidError,
    UnitConversionError,
)
from model_server.features.ingredients import BY_NAME
from model_server.features.mixtures import Part, resolve_parts, write_composition
from model_server.features.molecules import parse_molecule
from model_server.features.neighbours import KnownRows
from model_server.features.pooling import pair_products, pool_components
from model_server.features.recipes import compress, find_recipe

GLYCEROL = parse_molecule("OCC(O)CO")
CONDITIONS = {"structure-melting-1": {"melting_point_k": 291.0}}


@pytest.mark.parametrize("name", ["structure-1", "structure-melting-1", "amino-1", "glycoside-1"])
def test_row_of_a_molecule_has_the_columns_of_its_recipe(name):
    recipe = find_recipe(name)

    row = recipe.row(GLYCEROL, CONDITIONS.get(name, {}))

    assert row.shape == (len(recipe.columns),)
    assert row.dtype == np.float32
    assert len({column.name for column in recipe.columns}) == len(recipe.columns)
    assert all(column.unit for column in recipe.columns)


@pytest.mark.parametrize("name", ["amino-1", "glycoside-1", "composition-1"])
def test_concentration_is_a_column_of_every_assay(name):
    assert any("mol/L" in column.unit for column in find_recipe(name).columns)


@pytest.mark.parametrize(
    ("name", "conditions", "complaint"),
    [
        pytest.param("structure-melting-1", {}, "melting_point_k .K. is needed", id="absent"),
        pytest.param("structure-melting-1", {"melting_point_k": 5.0}, "50 to 1000 K", id="too cold"),
        pytest.param("amino-1", {"concentration_mm": 10.0}, "knows 20 to 20 mmol/L", id="another dose"),
        pytest.param("structure-1", {"colour": 1.0}, "'colour' is not one of", id="unknown"),
        pytest.param("structure-melting-1", {"melting_point_k": float("nan")}, "ask within", id="NaN"),
    ],
)
def test_condition_that_the_model_does_not_know_is_refused(name, conditions, complaint):
    with pytest.raises(ConditionInvalidError, match=complaint):
        find_recipe(name).row(GLYCEROL, conditions)


def test_unknown_recipe_is_refused():
    with pytest.raises(SettingInvalidError, match="structure-1"):
        find_recipe("structure-0")


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
@example([-999999.9999999999, -1e6])
def test_compression_keeps_order_zero_and_sign(values):
    found = compress(np.array(values))

    # Two numbers that differ in their last digit alone may be compressed to one.
    assert (np.diff(found[np.argsort(values)]) >= 0).all()
    assert (np.sign(found) == np.sign(values)).all()


AMOUNTS = st.dictionaries(st.sampled_from(sorted(BY_NAME)), st.floats(0.0, 50.0), max_size=6)


@given(AMOUNTS)
def test_composition_is_the_same_row_in_whatever_order_it_is_given(amounts):
    recipe = find_recipe("composition-1")

    row = recipe.row(amounts, {})

    assert np.isfinite(row).all()
    assert (row == recipe.row(dict(reversed(amounts.items())), {})).all()
    assert write_composition(amounts) == write_composition(dict(reversed(amounts.items())))


def test_class_sums_and_products_are_what_they_say():
    recipe = find_recipe("composition-1")
    row = dict(
        zip(
            (c.name for c in recipe.columns),
            recipe.row({"dmso": 1.0, "glycerol": 3.0, "sucrose": 0.25}, {}),
            strict=True,
        )
    )

    assert row["root_all_penetrating"] == pytest.approx(2.0)
    assert row["root_penetrating_sugar"] == pytest.approx(1.0)
    assert row["root_all_molar"] == pytest.approx(4.25**0.5)
    assert row["ingredients"] == pytest.approx(3**0.5)


@pytest.mark.parametrize(
    ("amounts", "error"),
    [
        pytest.param({"water": 1.0}, IngredientUnknownError, id="unknown"),
        pytest.param({"dmso": -1.0}, ConditionInvalidError, id="negative"),
        pytest.param({"dmso": 60.0}, ConditionInvalidError, id="more than pure"),
        pytest.param({"hsa": float("nan")}, ConditionInvalidError, id="NaN"),
    ],
)
def test_composition_that_cannot_be_is_refused(amounts, error):
    with pytest.raises(error):
        find_recipe("composition-1").row(amounts, {})


def test_parts_are_found_by_name_alias_or_structure_and_summed():
    parts = [Part(1.0, "M", name="EG"), Part(500.0, "mM", smiles="C(O)CO"), Part(5.0, "%", name="Human Serum Albumin")]

    assert resolve_parts(parts) == {"ethylene_glycol": 1.5, "hsa": 5.0}


def test_part_that_no_model_knows_is_refused_with_the_known_ones():
    with pytest.raises(IngredientUnknownError, match="dmso"):
        resolve_parts([Part(1.0, "M", name="unobtainium")])
    with pytest.raises(UnitConversionError, match="density"):
        resolve_parts([Part(1.0, "% v/v", name="trehalose")])


@given(
    rows=st.lists(st.lists(st.floats(-100, 100), min_size=3, max_size=3), min_size=1, max_size=5),
    weights=st.lists(st.floats(0.01, 1.0), min_size=5, max_size=5),
)
def test_pooled_row_lies_between_the_extremes_and_ignores_order(rows, weights):
    shares = np.array(weights[: len(rows)]) / sum(weights[: len(rows)])
    pooled = pool_components(np.array(rows), shares)
    mean, high, low = pooled[:3], pooled[3:6], pooled[6:]

    assert (low - 1e-9 <= mean).all()
    assert (mean <= high + 1e-9).all()
    assert pool_components(np.array(rows[::-1]), shares[::-1]) == pytest.approx(pooled)


def test_absent_component_does_not_take_part_in_the_extremes():
    assert pool_components(np.array([[1.0], [9.0]]), [1.0, 0.0]).tolist() == [1.0, 1.0, 1.0]


def test_fractions_that_are_no_shares_are_refused():
    with pytest.raises(ConditionInvalidError, match="sum to 1"):
        pool_components(np.array([[1.0], [2.0]]), [0.5, 0.6])
    with pytest.raises(ConditionInvalidError, match="one per component"):
        pool_components(np.array([[1.0]]), [0.5, 0.5])


def test_products_come_in_the_order_of_combinations():
    assert pair_products([1.0, 2.0, 3.0]).tolist() == [2.0, 3.0, 6.0]


def test_known_row_is_fully_similar_and_far_rows_are_not():
    known = KnownRows(
        np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], np.float32),
        centre=[1.0, 1.0],
        spread=[2.0, 2.0],
        neighbours=1,
        reach=0.5,
    )

    assert known.nearest_similarity(np.array([1.0, 1.0])) == 1.0
    assert known.nearest_similarity(np.array([1.0, 0.0])) == pytest.approx(0.5)
    assert known.nearest_similarity(np.array([100.0, 100.0])) < 0.02
    assert known.similarities(np.array([1.0, 1.0])).argmax() == 0
