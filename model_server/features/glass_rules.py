"""Glass transition of a mixture from its parts: three published rules, used as stated, with their limits.

All take weight fractions that sum to 1, water among them, and kelvin. None of them is a fit of ours, and none knows
about freeze concentration: the glass that remains when ice has formed (Tg') is another quantity.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from model_server.errors import ConditionInvalidError

# Cited: Koop et al. 2011 (10.1039/c1cp22617g), also the constant of AIOMFAC-VISC; 136 to 138 K are argued for.
WATER_TG_K = 136.0
# Cited: the default of Shiraiwa et al. 2017 (10.1038/ncomms15002) for an organic solute in water.
WATER_GORDON_TAYLOR_K = 2.5
_SUM_TOLERANCE = 1e-6


class Part(NamedTuple):
    """One component: its weight fraction and its glass transition in kelvin; delta_cp in J/(g K) where known."""

    fraction: float
    tg_k: float
    delta_cp: float | None = None


class Rule(NamedTuple):
    """A rule as a page shows it."""

    name: str
    formula: str
    citation: str
    limits: str


RULES: tuple[Rule, ...] = (
    Rule(
        "fox",
        "1/Tg = sum of w/Tg",
        "Fox 1956, Bull. Am. Phys. Soc. 1, 123",
        "assumes equal heat capacity steps per kelvin; low by tens of K for sugars in dilute solution",
    ),
    Rule(
        "gordon_taylor",
        "Tg = (w1 Tg1 + k w2 Tg2) / (w1 + k w2), part 2 being the diluent",
        "Gordon, Taylor 1952, J. Appl. Chem. 2, 493 (10.1002/jctb.5010020901)",
        "two parts only; k = 2.5 for organic solutes in water is a default, not a property of the substance",
    ),
    Rule(
        "couchman_karasz",
        "ln Tg = sum of w dCp ln Tg / sum of w dCp",
        "Couchman, Karasz 1978, Macromolecules 11, 117 (10.1021/ma60061a021)",
        "needs the heat capacity step of every part; refused where one is not known",
    ),
)


def fox(parts: Sequence[Part]) -> float:
    """Combine any number of parts by Fox's rule."""
    _check(parts)
    return 1.0 / sum(part.fraction / part.tg_k for part in parts)


def gordon_taylor(solute: Part, water: Part, *, k: float = WATER_GORDON_TAYLOR_K) -> float:
    """Combine a solute and its diluent.

    Args:
        solute: the part with the higher glass transition.
        water: the diluent.
        k: Gordon-Taylor constant: weight of the diluent in the mean; above 1 for water in organic solutes.
    """
    _check((solute, water))
    if not (math.isfinite(k) and k > 0):
        raise ConditionInvalidError(f"Gordon-Taylor constant {k} must be above 0")
    weight = solute.fraction + k * water.fraction
    return (solute.fraction * solute.tg_k + k * water.fraction * water.tg_k) / weight


def couchman_karasz(parts: Sequence[Part]) -> float:
    """Combine any number of parts whose heat capacity steps are known."""
    _check(parts)
    missing = sum(part.delta_cp is None or part.delta_cp <= 0 for part in parts)
    if missing:
        raise ConditionInvalidError(
            f"Couchman-Karasz needs the heat capacity step of every part and {missing} of {len(parts)} have none; "
            "use Fox or Gordon-Taylor"
        )
    weights = [part.fraction * (part.delta_cp or 0.0) for part in parts]
    logarithm = sum(weight * math.log(part.tg_k) for weight, part in zip(weights, parts, strict=True))
    return math.exp(logarithm / sum(weights))


def _check(parts: Sequence[Part]) -> None:
    if not parts:
        raise ConditionInvalidError(f"{len(parts)} parts are no mixture; give at least one")
    for part in parts:
        if not (math.isfinite(part.tg_k) and part.tg_k > 0 and 0.0 <= part.fraction <= 1.0):
            raise ConditionInvalidError(f"weight fraction {part.fraction} at {part.tg_k} K is no part of a mixture")
    total = sum(part.fraction for part in parts)
    if abs(total - 1.0) > _SUM_TOLERANCE:
        raise ConditionInvalidError(f"weight fractions sum to {total:g}, not 1; name water too")
