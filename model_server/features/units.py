"""Amounts of a substance in a solution, converted where the physics allows it and refused where it does not.

Molar mass turns moles into grams. Turning a solute's volume into mass needs that solute's density, and turning "per
kilogram of water" or "per mole of solution" into "per litre" needs the density of the whole solution, which nobody
states in a recipe: guessing 1 kg/L is off by 10 % in a 40 % solution.
"""

import math
from dataclasses import dataclass
from typing import Literal

from model_server.errors import UnitConversionError

Unit = Literal["mol/L", "mmol/L", "umol/L", "g/L", "% w/v", "% v/v", "% w/w", "mol/kg", "mole fraction"]

# Spellings found in the data sets and in requests, compared in lower case.
SPELLINGS: dict[str, Unit] = {
    "mol/l": "mol/L",
    "m": "mol/L",
    "mmol/l": "mmol/L",
    "mm": "mmol/L",
    "umol/l": "umol/L",
    "um": "umol/L",
    "g/l": "g/L",
    "mg/ml": "g/L",
    "% w/v": "% w/v",
    "%": "% w/v",
    "pct": "% w/v",
    "%w/v": "% w/v",
    "% v/v": "% v/v",
    "%v/v": "% v/v",
    "% w/w": "% w/w",
    "%w/w": "% w/w",
    "mol/kg": "mol/kg",
    "m/kg": "mol/kg",
    "mole fraction": "mole fraction",
    "mol/mol": "mole fraction",
}
_MOLES_PER_LITRE: dict[str, float] = {"mol/L": 1.0, "mmol/L": 1e-3, "umol/L": 1e-6}
# One per cent weight by volume is one gram in 100 millilitres.
_GRAMS_PER_LITRE: dict[str, float] = {"g/L": 1.0, "% w/v": 10.0}
_LIMITS: dict[str, float] = {"% v/v": 100.0, "% w/w": 100.0, "mole fraction": 1.0}


@dataclass(frozen=True)
class Substance:
    """What is known about a solute.

    Args:
        name: for messages.
        molar_mass: g/mol; absent for polymers and serum.
        density: g/mL of the pure liquid near room temperature; absent where it is no liquid or not known.
    """

    name: str
    molar_mass: float | None = None
    density: float | None = None


def parse_unit(text: str) -> Unit:
    """Read a unit.

    Raises:
        UnitConversionError: not a unit of this module (permanent, 422).
    """
    unit = SPELLINGS.get(" ".join(text.strip().lower().replace("µ", "u").split()))
    if unit is None:
        raise UnitConversionError(
            f"unit {text!r} is not known; use one of {', '.join(sorted(set(SPELLINGS.values())))}"
        )
    return unit


def convert_amount(amount: float, unit: Unit, wanted: Unit, substance: Substance) -> float:
    """Express an amount in another unit.

    Raises:
        UnitConversionError: the amount is negative, not finite or above its limit, or the conversion needs a molar
            mass or density that is not known (permanent, 422).
    """
    if not (math.isfinite(amount) and 0.0 <= amount <= _LIMITS.get(unit, math.inf)):
        raise UnitConversionError(f"{substance.name}: {amount} {unit} is no amount; give a number from 0 up")
    if unit == wanted:
        return amount
    for needs_solution in (unit, wanted):
        if needs_solution in ("mol/kg", "mole fraction", "% w/w"):
            raise UnitConversionError(
                f"{substance.name}: {unit} to {wanted} needs the density of the solution, which is not given; "
                "state the amount per litre"
            )
    return _from_grams(_to_grams(amount, unit, substance), wanted, substance)


def _to_grams(amount: float, unit: Unit, substance: Substance) -> float:
    if unit in _GRAMS_PER_LITRE:
        return amount * _GRAMS_PER_LITRE[unit]
    if unit == "% v/v":
        return amount * 10.0 * _density(substance, unit)
    return amount * _MOLES_PER_LITRE[unit] * _molar_mass(substance, unit)


def _from_grams(grams_per_litre: float, wanted: Unit, substance: Substance) -> float:
    if wanted in _GRAMS_PER_LITRE:
        return grams_per_litre / _GRAMS_PER_LITRE[wanted]
    if wanted == "% v/v":
        return grams_per_litre / (10.0 * _density(substance, wanted))
    return grams_per_litre / (_MOLES_PER_LITRE[wanted] * _molar_mass(substance, wanted))


def _density(substance: Substance, unit: Unit) -> float:
    if substance.density is None:
        raise UnitConversionError(
            f"{substance.name}: {unit} needs its density, which is not known; give % w/v or mol/L"
        )
    return substance.density


def _molar_mass(substance: Substance, unit: Unit) -> float:
    if substance.molar_mass is None:
        raise UnitConversionError(f"{substance.name}: {unit} needs a molar mass and it has none; give % w/v or g/L")
    return substance.molar_mass
