"""From what a caller wrote to a feature row: parsed, described and fingerprinted once, then remembered."""

from collections.abc import Mapping
from time import perf_counter
from typing import Any, NamedTuple

from model_server.errors import (
    ConditionInvalidError,
    IngredientUnknownError,
    MoleculeInvalidError,
    RequestRefusedError,
    UnitConversionError,
)
from model_server.features.columns import FeatureRow
from model_server.features.fingerprints import pack_fingerprints
from model_server.features.mixtures import Part, resolve_parts, write_composition
from model_server.features.molecules import parse_molecule
from model_server.serve.cache import BoundedCache
from model_server.serve.domain import PackedRow
from model_server.serve.metrics import ServeMetrics
from model_server.serve.predictor import Predictor
from model_server.serve.wire import PartInput, QuestionInput

# Chosen: about 1.5 kB an entry, so 30 MB at most.
CACHE_CAPACITY = 20_000

ConditionItems = tuple[tuple[str, float], ...]


class Described(NamedTuple):
    """A question as a model sees it.

    Args:
        key: equal for questions that get equal answers.
        canonical: spelling of the molecule, or of the composition.
        features: one row.
        fingerprint: of a molecule; None for a composition.
    """

    key: str
    canonical: str
    features: FeatureRow
    fingerprint: PackedRow | None


class Describer:
    """Describes the questions of one worker."""

    def __init__(self, metrics: ServeMetrics) -> None:
        """Start with an empty cache."""
        self.cache: BoundedCache[tuple[str, str, ConditionItems], Described] = BoundedCache(CACHE_CAPACITY)
        self._seconds = metrics.describe

    def describe(
        self, predictor: Predictor, question: QuestionInput, conditions: Mapping[str, float], at: str
    ) -> Described:
        """Describe a question for a model.

        Args:
            predictor: whose recipe to follow.
            question: molecule or mixture.
            conditions: of the request; those of the question go before them.
            at: place of the question in the request.

        Raises:
            RequestRefusedError: 422 naming the place of what cannot be described (permanent).
        """
        recipe = predictor.recipe
        kind = predictor.card.features.kind
        given = {**conditions, **question.conditions} if question.conditions else conditions
        # A condition that only another member of the family knows must not be refused here.
        known = {condition.name for condition in recipe.conditions}
        used: ConditionItems = tuple(sorted((name, value) for name, value in given.items() if name in known))
        text = _text_of(question, kind, at)
        found = self.cache.get((recipe.name, text, used))
        if found is None:
            started = perf_counter()
            found = _describe(recipe, kind, question, dict(used), at)
            self._seconds.histogram(recipe.name).observe(perf_counter() - started)
            self.cache.put((recipe.name, text, used), found)
        return found


def _text_of(question: QuestionInput, kind: str, at: str) -> str:
    if (question.smiles is None) == (question.mixture is None):
        msg = "give either smiles or mixture"
        raise _refuse(msg, "invalid_request", at)
    if kind == "molecule":
        if question.smiles is None:
            msg = "this model answers for single molecules; for a mixture see /api/v1/mixtures/rules"
            raise _refuse(
                msg,
                "mixture_not_supported",
                f"{at}.mixture",
            )
        return question.smiles
    if question.mixture is None:
        msg = "this model answers for mixtures; give the components"
        raise _refuse(msg, "mixture_needed", f"{at}.smiles")
    return "\0".join(f"{part.name}\1{part.smiles}\1{part.amount!r}\1{part.unit}" for part in question.mixture)


def _describe(recipe: Any, kind: str, question: QuestionInput, conditions: dict[str, float], at: str) -> Described:  # noqa: ANN401 - either recipe
    try:
        if kind == "molecule":
            molecule = parse_molecule(question.smiles or "")
            features = recipe.row(molecule, conditions)
            key = f"{molecule.canonical} {sorted(conditions.items())}"
            return Described(key, molecule.canonical, features, pack_fingerprints([molecule])[0])
        amounts = resolve_parts([_part(part) for part in question.mixture or ()])
        canonical = write_composition(amounts)
        key = f"{sorted(amounts.items())} {sorted(conditions.items())}"
        return Described(key, canonical, recipe.row(amounts, conditions), None)
    except MoleculeInvalidError as error:
        where = f"{at}.smiles" if kind == "molecule" else f"{at}.mixture"
        raise _refuse(f"{at}: {error}", "invalid_smiles", where) from error
    except ConditionInvalidError as error:
        raise _refuse(f"{at}: {error}", "invalid_condition", "conditions") from error
    except IngredientUnknownError as error:
        raise _refuse(f"{at}: {error}", "unknown_ingredient", f"{at}.mixture") from error
    except UnitConversionError as error:
        raise _refuse(f"{at}: {error}", "unit_conversion", f"{at}.mixture") from error


def _part(part: PartInput) -> Part:
    return Part(name=part.name, smiles=part.smiles, amount=part.amount, unit=part.unit)


def _refuse(message: str, code: str, path: str) -> RequestRefusedError:
    return RequestRefusedError(message, code=code, status=422, path=path)
