"""What the published rules say about the glass of a mixture's solutes, with as much water left as somebody supposes."""

from typing import NamedTuple

from model_server.errors import ModelServerError
from model_server.features.glass_rules import RULES
from model_server.features.mixtures import Part, find_ingredient
from model_server.features.units import convert_amount, parse_unit
from model_server.pages.predict_form import Form, part_of
from model_server.serve.api.mixtures import MixturePart, Mixtures, RuleRequest

_TITLES = {"fox": "Fox", "gordon_taylor": "Gordon\u2013Taylor", "couchman_karasz": "Couchman\u2013Karasz"}
_HUNDRED = 100.0


class Solute(NamedTuple):
    """One component by weight; `smiles` is None for what has no single structure."""

    name: str
    grams_per_litre: float
    smiles: str | None


class RuleValue(NamedTuple):
    """One rule.

    Args:
        title: of the rule.
        tg_k: what it says, in kelvin; None where it cannot.
        note: its limits, or why it says nothing.
        citation: where it was published.
    """

    title: str
    tg_k: float | None
    note: str
    citation: str


def apply_rules(form: Form, water_percent: float, mixtures: Mixtures) -> list[RuleValue]:
    """Apply every rule to a mixture; an empty list when the mixture itself is not understood.

    A recipe per litre does not tell how many grams of water there are, so the share of water is a supposition beside
    it.

    Args:
        form: of the page.
        water_percent: of the weight of the glass.
        mixtures: the handler of the API.
    """
    try:
        solutes = [solute for solute in weigh(form) if solute.grams_per_litre > 0]
    except ModelServerError:
        return []
    if not solutes or not 0.0 <= water_percent < _HUNDRED:
        return []
    unknown = [solute.name for solute in solutes if solute.smiles is None]
    if unknown:
        note = f"{', '.join(unknown)}: no single structure, so no glass transition of its own can be predicted"
        return [RuleValue(_TITLES[rule.name], None, note, rule.citation) for rule in RULES]
    parts = share(solutes, water_percent / _HUNDRED)
    return [_apply(rule.name, rule.citation, parts, mixtures) for rule in RULES]


def share(solutes: list[Solute], water: float) -> list[MixturePart]:
    """Turn weights into weight fractions; water comes last, and not at all when there is none."""
    total = sum(solute.grams_per_litre for solute in solutes)
    parts = [MixturePart((1.0 - water) * solute.grams_per_litre / total, smiles=solute.smiles) for solute in solutes]
    return [*parts, MixturePart(water, water=True)] if water else parts


def weigh(form: Form) -> list[Solute]:
    """Weight per litre of each row.

    Raises:
        ModelServerError: a row is not understood, or its weight is not known (permanent).
    """
    solutes = []
    for index, row in enumerate(form.rows, start=1):
        if row.is_blank:
            continue
        part = part_of(row, f"row-{index}")
        ingredient = find_ingredient(Part(part["amount"], part["unit"], part.get("name"), part.get("smiles")))
        weight = convert_amount(part["amount"], parse_unit(part["unit"]), "g/L", ingredient.substance)
        solutes.append(Solute(ingredient.name.replace("_", " "), weight, ingredient.smiles))
    return solutes


def _apply(name: str, citation: str, parts: list[MixturePart], mixtures: Mixtures) -> RuleValue:
    title = _TITLES[name]
    if name == "gordon_taylor" and not parts[-1].water:
        note = "joins one solute with water; say how much water is left"
        return RuleValue(title, None, note, citation)
    try:
        answer = mixtures.answer(name, RuleRequest(parts))
    except ModelServerError as error:
        return RuleValue(title, None, str(error), citation)
    return RuleValue(title, answer.tg_k, answer.limits, citation)
