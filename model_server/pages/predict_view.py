"""What the Predict page shows: choices of the form, and an answer in a scientist's words; pure."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from model_server.features.columns import Condition
from model_server.features.ingredients import INGREDIENTS
from model_server.features.units import SPELLINGS
from model_server.pages.interval_bar import IntervalBar, place_bar
from model_server.pages.predict_form import MIXTURE, MOLECULE, Form
from model_server.pages.wording import family_title, percent, with_unit
from model_server.registry.card import Card
from model_server.serve.shelf import Served
from model_server.serve.wire import PredictionResponse

# The rule page needs weight fractions; a model's recipe is fed per litre.
UNITS = tuple(unit for unit in dict.fromkeys(SPELLINGS.values()) if unit not in ("mol/kg", "mole fraction"))
COMPONENTS = tuple(entry.name.replace("_", " ") for entry in INGREDIENTS)
_KIND_OF = {"molecule": MOLECULE, "composition": MIXTURE}


class Target(NamedTuple):
    """Something that can be asked for.

    Args:
        name: of a model or a family.
        label: in a list.
        group: title of its family.
        kind: molecule or mixture.
        note: what exactly is predicted.
    """

    name: str
    label: str
    group: str
    kind: str
    note: str


class Domain(NamedTuple):
    """Whether the question lies on known ground."""

    inside: bool
    similarity: float
    threshold: float
    advice: str


class Result(NamedTuple):
    """One answer.

    Args:
        value: prediction with unit.
        lower: limit with unit.
        upper: limit with unit.
        level: promised share, such as 90 %.
        bar: geometry.
        domain: judgement.
        nearest: name and similarity of known rows.
        canonical: what was understood.
        card: of the model that answered.
        sentence: the whole answer in one sentence, for whoever does not see the bar.
        body: the same question as JSON for the API.
    """

    value: str
    lower: str
    upper: str
    level: str
    bar: IntervalBar
    domain: Domain
    nearest: Sequence[tuple[str, float]]
    canonical: str
    card: Card
    sentence: str
    body: str


def list_targets(served: Iterable[Served]) -> list[Target]:
    """List what the served models can be asked for, families that choose among models first."""
    cards = [each.champion.card for each in served if each.champion is not None]
    names = {card.model.name for card in cards}
    targets = []
    for family in dict.fromkeys(card.model.family for card in cards):
        members = [card for card in cards if card.model.family == family]
        group = family_title(family)
        choosing = [card for card in members if card.model.selector in ("nearest", "default")]
        if family not in names and choosing:
            labels = ", ".join(card.model.name for card in choosing)
            how = "whichever knows the nearest compound" if len(choosing) > 1 else "the default"
            note = f"{group} by {how}: {labels}."
            label = f"{group}: {labels if len(choosing) == 1 else family + ', nearest'}"
            targets.append(Target(family, label, group, _KIND_OF[choosing[0].features.kind], note))
        for card in sorted(members, key=lambda card: card.model.selector != "default"):
            model = card.model
            label = f"{group}: {model.name} ({model.unit})"
            targets.append(Target(model.name, label, group, _KIND_OF[card.features.kind], model.target))
    return targets


def list_conditions(cards: Iterable[Card], target: str) -> list[Condition]:
    """Conditions a caller may choose for a model or family; a condition with one legal value is no choice."""
    found: dict[str, Condition] = {}
    for card in cards:
        if target in (card.model.name, card.model.family):
            found |= {each.name: each for each in card.features.conditions if each.minimum < each.maximum}
    return list(found.values())


def describe_result(response: PredictionResponse, card: Card, body: dict[str, Any]) -> Result:
    """Put an answer into words."""
    [found] = response.predictions
    unit, level = response.unit, percent(response.confidence_level)
    ends = (found.lower, found.upper)
    canonical = found.canonical_smiles or found.mixture or ""
    is_known = any(each.name == canonical for each in found.nearest)
    advice = _advise(card, inside=found.in_domain, is_known=is_known)
    domain = Domain(found.in_domain, found.similarity, card.domain.threshold, advice)
    value, lower, upper = (with_unit(number, unit) for number in (found.prediction, *ends))
    where = "inside" if found.in_domain else "outside"
    sentence = (
        f"{card.model.target[0].upper()}{card.model.target[1:]}: {value}, between {lower} and {upper} "
        f"with {level} confidence, {where} the domain of {card.model.name} {card.model.version}."
    )
    return Result(
        value, lower, upper, level, place_bar(found.prediction, ends, (card.data.target_min, card.data.target_max)),
        domain, [(each.name, each.similarity) for each in found.nearest],
        canonical, card, sentence, json.dumps(body, indent=2, ensure_ascii=False),
    )  # fmt: skip


def rows_to_show(form: Form) -> list[tuple[int, Any]]:
    """Number the rows of the mixture."""
    return list(enumerate(form.rows, start=1))


def _advise(card: Card, *, inside: bool, is_known: bool) -> str:
    unit, domain = card.model.unit, card.domain
    what = "compounds" if card.features.kind == "molecule" else "formulations"
    if is_known:
        return "The model was trained on this very one, so its answer lies close to the measured value by design."
    if inside:
        found = domain.mae_inside
        return "" if found is None else f"Held-out {what} like this erred by {with_unit(found, unit)} on average."
    found = domain.mae_outside
    told = "" if found is None else f" Held-out {what} this far away erred by {with_unit(found, unit)} on average."
    return f"The model has seen nothing like it: treat the number as a guess.{told}"
