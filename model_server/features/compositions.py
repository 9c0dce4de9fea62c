"""The columns of a freezing medium: every ingredient, what each class adds up to, and what classes do together.

Amounts enter as square roots. Trees split between values, and most amounts sit near zero with a few large ones; on the
wet-lab set the error by date is 15.0 points with roots, 15.2 with logarithms and 15.6 with plain amounts (measured
2026-11-22, extremely randomised trees, every date held out once).
"""

import math
from collections.abc import Mapping

import numpy as np

from model_server.errors import ConditionInvalidError, IngredientUnknownError
from model_server.features.columns import Column, FeatureRow
from model_server.features.ingredients import BY_NAME, INGREDIENTS, Class
from model_server.features.pooling import pair_products

_CLASSES: tuple[Class, ...] = ("penetrating", "sugar", "osmolyte", "protein", "polymer")
_MOLAR: tuple[Class, ...] = ("penetrating", "sugar", "osmolyte")
# Chosen: what a class can do beside the permeating agent, in the order in which `pair_products` gives them.
_PARTNERS: tuple[Class, ...] = ("sugar", "osmolyte", "protein")
_ROOT_MOLAR = "(mol/L)^0.5"
_ROOT_PERCENT = "(%)^0.5"
# Chosen: no solution holds more than pure water's 55.5 mol/L, nor more than 100 % of anything.
_LARGEST = {"mol/L": 55.5, "% w/v": 100.0}

COLUMNS: tuple[Column, ...] = (
    *(
        Column(
            f"root_{entry.name}",
            _ROOT_MOLAR if entry.unit == "mol/L" else _ROOT_PERCENT,
            f"root of the amount of {entry.name.replace('_', ' ')}",
        )
        for entry in INGREDIENTS
    ),
    *(
        Column(
            f"root_all_{kind}", _ROOT_MOLAR if kind in _MOLAR else _ROOT_PERCENT, f"root of the sum of {kind} agents"
        )
        for kind in _CLASSES
    ),
    Column("root_all_molar", _ROOT_MOLAR, "root of the sum of everything given in mol/L"),
    Column("ingredients", "1", "root of the number of ingredients"),
    *(
        Column(f"root_penetrating_{kind}", "1", f"root of the product of the permeating and {kind} sums")
        for kind in _PARTNERS
    ),
)


def describe_composition(amounts: Mapping[str, float]) -> FeatureRow:
    """Compute one row in the order of `COLUMNS`.

    Args:
        amounts: by ingredient name, in that ingredient's unit; what is absent is zero.

    Raises:
        IngredientUnknownError: a name that no ingredient has (permanent, 422).
        ConditionInvalidError: an amount that no solution can hold (permanent, 422).
    """
    for name, amount in amounts.items():
        entry = BY_NAME.get(name)
        if entry is None:
            raise IngredientUnknownError(f"{name!r} is not among the ingredients: {', '.join(BY_NAME)}")
        if not (math.isfinite(amount) and 0.0 <= amount <= _LARGEST[entry.unit]):
            raise ConditionInvalidError(f"{name}: {amount} is outside 0 to {_LARGEST[entry.unit]} {entry.unit}")
    plain = [float(amounts.get(entry.name, 0.0)) for entry in INGREDIENTS]
    sums = {
        kind: sum(value for entry, value in zip(INGREDIENTS, plain, strict=True) if entry.kind == kind)
        for kind in _CLASSES
    }
    products = pair_products([sums["penetrating"], *(sums[kind] for kind in _PARTNERS)])[: len(_PARTNERS)]
    values = [
        *plain,
        *sums.values(),
        sum(sums[kind] for kind in _MOLAR),
        float(sum(value > 0 for value in plain)),
        *products,
    ]
    row: FeatureRow = np.sqrt(np.array(values)).astype(np.float32)
    return row
