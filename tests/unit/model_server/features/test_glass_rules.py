"""The mixture rules: exact at the ends, monotone in water, and beside six published points."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.data.manifest import load_manifest
from model_server.data.table import load_table
from model_server.errors import ConditionInvalidError
from model_server.features.glass_rules import RULES, WATER_TG_K, Part, couchman_karasz, fox, gordon_taylor

TG = st.floats(140.0, 450.0)
WATER_CP, SOLUTE_CP = 1.94, 0.55


def combine(rule: str, water: float, tg_k: float) -> float:
    solute, rest = Part(1.0 - water, tg_k, SOLUTE_CP), Part(water, WATER_TG_K, WATER_CP)
    if rule == "gordon_taylor":
        return gordon_taylor(solute, rest)
    return fox((solute, rest)) if rule == "fox" else couchman_karasz((solute, rest))


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
@given(tg_k=TG)
def test_rule_is_exact_without_water_and_without_solute(rule, tg_k):
    assert combine(rule, 0.0, tg_k) == pytest.approx(tg_k, rel=1e-12)
    assert combine(rule, 1.0, tg_k) == pytest.approx(WATER_TG_K, rel=1e-12)


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
@given(tg_k=TG, waters=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)))
def test_more_water_never_raises_the_glass_transition(rule, tg_k, waters):
    less, more = sorted(waters)

    assert combine(rule, more, tg_k) <= combine(rule, less, tg_k) * (1.0 + 1e-12)


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
@given(tg_k=TG, water=st.floats(0.0, 1.0))
def test_mixture_lies_between_its_parts(rule, tg_k, water):
    assert WATER_TG_K * (1 - 1e-12) <= combine(rule, water, tg_k) <= tg_k * (1 + 1e-12)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((), id="nothing"),
        pytest.param((Part(0.5, 300.0),), id="half a mixture"),
        pytest.param((Part(1.5, 300.0), Part(-0.5, 136.0)), id="negative share"),
        pytest.param((Part(1.0, 0.0),), id="no temperature"),
    ],
)
def test_parts_that_are_no_mixture_are_refused(parts):
    with pytest.raises(ConditionInvalidError):
        fox(parts)


def test_couchman_karasz_without_heat_capacities_is_refused():
    with pytest.raises(ConditionInvalidError, match="heat capacity step"):
        couchman_karasz((Part(0.5, 300.0), Part(0.5, 136.0, 1.9)))


# Which of the six points a rule can be held against, and with which parts; the others are flagged with the reason.
PREDICTED = {
    "trehalose, 40 % water": ("trehalose", 0.4, 220.0),
    "trehalose, dry": ("trehalose", 0.0, 379.15),
    "sucrose, dry": ("sucrose", 0.0, 333.15),
}
FLAGGED = {
    "trehalose in PBS, dry": "26 K low: buffer salts and residual water are not parts of the rule",
    "ethylene glycol + DMSO": "no checked Tg of pure DMSO",
    "cocktails": "composition not stated",
}


@pytest.mark.parametrize("case", sorted(PREDICTED))
def test_gordon_taylor_is_within_15_kelvin_of_the_published_point(case, data_dir):
    rows = load_table(load_manifest("tg_cpa_pure"), data_dir).rows
    pure = {row.text("compound"): row.number("tg_k_median") for row in rows}
    name, water, measured = PREDICTED[case]

    found = gordon_taylor(Part(1.0 - water, pure[name]), Part(water, WATER_TG_K))

    assert found == pytest.approx(measured, abs=15.0)


def test_every_published_point_is_compared_or_flagged(data_dir):
    rows = load_table(load_manifest("tg_cpa_mixtures"), data_dir).rows

    assert len(rows) == len(PREDICTED) + len(FLAGGED)
