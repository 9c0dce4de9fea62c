"""Feature columns: the contract between a trained model and whoever feeds it."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

FeatureMatrix = Annotated[NDArray[np.float32], "n d"]
FeatureRow = Annotated[NDArray[np.float32], "d"]


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One numeric input of a model.

    Args:
        name: Unique within a model; snake case.
        unit: SI symbol, or ``1`` for pure numbers and counts.
        description: What the number says about the molecule, in one line.
    """

    name: str
    unit: str
    description: str


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number that a caller gives beside the molecule or composition.

    Args:
        name: Key in a request; carries its unit, such as ``melting_point_k``.
        unit: SI symbol.
        minimum: Smallest value that makes sense.
        maximum: Largest such value.
        description: What it is, in one line.
        default: Taken when the caller gives none; absent when it must be given.
    """

    name: str
    unit: str
    minimum: float
    maximum: float
    description: str
    default: float | None = None


def describe_difference(expected: Sequence[Column], actual: Sequence[Column]) -> str | None:
    """Say how two column lists differ, or None when a model made for one can be fed by the other.

    Descriptions may change freely; names, units and order may not.
    """
    wanted = [(column.name, column.unit) for column in expected]
    found = [(column.name, column.unit) for column in actual]
    if wanted == found:
        return None
    missing = sorted(set(wanted) - set(found))
    surplus = sorted(set(found) - set(wanted))
    if missing or surplus:
        return f"missing {missing}, unexpected {surplus}"
    return f"same columns in another order: expected {wanted}, found {found}"
