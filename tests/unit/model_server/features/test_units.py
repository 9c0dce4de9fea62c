import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from model_server.errors import UnitConversionError
from model_server.features.ingredients import INGREDIENTS
from model_server.features.units import Substance, convert_amount, parse_unit

DMSO = Substance("dmso", 78.13, 1.10)
SUCROSE = Substance("sucrose", 342.3)
DEXTRAN = Substance("dextran")


@pytest.mark.parametrize(
    ("amount", "unit", "wanted", "substance", "expected"),
    [
        pytest.param(10.0, "% v/v", "mol/L", DMSO, 1.4079, id="a tenth of DMSO by volume"),
        pytest.param(300.0, "mM", "mol/L", SUCROSE, 0.3, id="millimolar"),
        pytest.param(34.23, "g/L", "mol/L", SUCROSE, 0.1, id="grams per litre"),
        pytest.param(1.0, "M", "% w/v", SUCROSE, 34.23, id="molar to weight"),
        pytest.param(5.0, "%", "g/L", DEXTRAN, 50.0, id="polymer by weight"),
        pytest.param(10.0, "uM", "mmol/L", DMSO, 0.01, id="micromolar"),
    ],
)
def test_conversion_by_hand(amount, unit, wanted, substance, expected):
    assert convert_amount(amount, parse_unit(unit), parse_unit(wanted), substance) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("unit", "wanted", "substance", "needs"),
    [
        pytest.param("% v/v", "mol/L", SUCROSE, "density", id="volume of a solid"),
        pytest.param("mol/kg", "mol/L", DMSO, "density of the solution", id="molality"),
        pytest.param("mol/L", "mol/kg", DMSO, "density of the solution", id="to molality"),
        pytest.param("mole fraction", "g/L", DMSO, "density of the solution", id="mole fraction"),
        pytest.param("% w/v", "mol/L", DEXTRAN, "molar mass", id="moles of a polymer"),
    ],
)
def test_conversion_that_needs_what_is_not_known_is_refused(unit, wanted, substance, needs):
    with pytest.raises(UnitConversionError, match=needs):
        convert_amount(0.5, parse_unit(unit), parse_unit(wanted), substance)


@pytest.mark.parametrize(
    ("amount", "unit"), [(-1.0, "M"), (float("nan"), "M"), (101.0, "% v/v"), (1.1, "mole fraction")]
)
def test_amount_that_is_none_is_refused(amount, unit):
    with pytest.raises(UnitConversionError, match="is no amount"):
        convert_amount(amount, parse_unit(unit), parse_unit(unit), DMSO)


def test_unknown_unit_is_refused_with_the_known_ones():
    with pytest.raises(UnitConversionError, match="mol/kg"):
        parse_unit("cups")


@given(
    amount=st.floats(0.0, 90.0),
    units=st.tuples(*[st.sampled_from(["mol/L", "mmol/L", "umol/L", "g/L", "% w/v", "% v/v"])] * 2),
)
def test_there_and_back_is_the_same_amount(amount, units):
    there, back = units
    converted = convert_amount(amount, there, back, DMSO)
    assume(back != "% v/v" or converted <= 100.0)

    assert convert_amount(converted, back, there, DMSO) == pytest.approx(amount, rel=1e-9, abs=1e-12)


def test_only_liquids_have_a_density():
    liquids = {entry.name for entry in INGREDIENTS if entry.density is not None}

    assert liquids == {"dmso", "ethylene_glycol", "glycerol", "propylene_glycol"}
