"""Which models may answer for a target: a model by its name, or the members of a family; pure over the shelf."""

from collections.abc import Collection
from typing import NamedTuple

from model_server.errors import RequestRefusedError
from model_server.serve.predictor import Predictor
from model_server.serve.shelf import Shelf
from model_server.serve.traffic import choose_predictor, choose_shadow

_CONDITION = "condition:"


class Candidates(NamedTuple):
    """Who may answer. More than one: the nearest to the question does.

    Args:
        predictors: one or more.
        shadow: who computes the same unseen; only where there is one candidate.
    """

    predictors: tuple[Predictor, ...]
    shadow: Predictor | None = None


def find_candidates(
    shelf: Shelf, target: str, version: str | None, conditions: Collection[str], request_id: str
) -> Candidates:
    """Choose by target, version and the conditions that the caller gave.

    Raises:
        RequestRefusedError: no such target or version (permanent).
        ModelNotReadyError: known, not loaded (temporary).
    """
    members = _members(shelf, target)
    if version is not None:
        if target not in shelf.names and members:
            raise RequestRefusedError(
                f"{target} is a family; a version is of one model: {', '.join(members)}",
                code="version_of_family",
                status=422,
                path="version",
            )
        return Candidates((shelf.find(target, version, status=422, path="target"),))
    for name, selector in members.items():
        if selector.startswith(_CONDITION) and selector.removeprefix(_CONDITION) in conditions:
            return _lead(shelf, name, request_id)
    nearest = [name for name, selector in members.items() if selector == "nearest"]
    if nearest and target not in shelf.names:
        return Candidates(tuple(_lead(shelf, name, request_id).predictors[0] for name in nearest))
    default = next((name for name, selector in members.items() if selector == "default"), target)
    return _lead(shelf, default if members and target not in shelf.names else target, request_id)


def _members(shelf: Shelf, family: str) -> dict[str, str]:
    members = {}
    for name in shelf.names:
        champion = shelf.served(name).champion
        if champion is not None and champion.card.model.family == family:
            members[name] = champion.card.model.selector
    return members


def _lead(shelf: Shelf, name: str, request_id: str) -> Candidates:
    served = shelf.served(name)
    chosen = choose_predictor(served, request_id) or shelf.find(name, status=422, path="target")
    return Candidates((chosen,), choose_shadow(served, chosen))
