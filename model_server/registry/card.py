"""The card of a released model: everything a reader, a server or a retraining needs to know, as typed data."""

import hashlib
import re
from typing import Literal

import msgspec

from model_server.errors import ArtefactInvalidError
from model_server.features.columns import Column, Condition
from model_server.registry.figures import DomainBand, Gate, Importance, IntervalLevel, Reference, SplitScores

CARD_FILE = "card.json"
PAGE_FILE = "card.md"
MODEL_FILE = "model.onnx"
FINGERPRINTS_FILE = "fingerprints.npy"
REFERENCE_FILE = "reference.npy"
KNOWN_FILE = "known.json"
POINTS_FILE = "points.json"
VERSION_PATTERN = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the card's parts: immutable, unknown keys refused."""


class Identity(_Part, frozen=True):
    """Which model this is.

    Args:
        name: of the folder, such as ``tg-tm``.
        version: of the form 1.2.3.
        family: what is predicted, such as ``tg``; a caller asks for a family and gets one of its variants.
        variant: which of the family's populations or feature sets this one is.
        selector: when its family answers with it: ``default``, ``condition:<name>``, ``nearest`` or ``explicit``.
        target: what the number means.
        unit: of prediction and scale.
        direction: whether a scientist looks for small or large values.
        lower_bound: physical; no prediction and no interval reaches below it.
        upper_bound: physical, likewise.
        algorithm: in words.
        hyperparameters: of the algorithm.
        intended_use: what the answer may be used for.
        known_failures: where it is wrong.
    """

    name: str
    version: str
    family: str
    variant: str
    selector: str
    target: str
    unit: str
    direction: Literal["none", "lower_is_better", "higher_is_better"]
    lower_bound: float | None
    upper_bound: float | None
    algorithm: str
    hyperparameters: dict[str, float | int | str]
    intended_use: str
    known_failures: tuple[str, ...]


class AddedRecord(_Part, frozen=True):
    """Experiments that were learnt from beside the data set: sha256 of their file, and how many measurements."""

    sha256: str
    measurements: int


class DataRecord(_Part, frozen=True):
    """What it was trained on.

    Args:
        measurements: rows read, after exclusions.
        compounds: distinct compounds or compositions left after averaging repeats; rows of the known set.
        repeat_range_mean: mean spread of repeated values of one compound, in the unit.
        excluded: rows left out, with reasons.
        experiments: measurements among them that are not from the data set; absent when all are.
    """

    name: str
    title: str
    sha256: str
    origin: str
    commit: str
    licence: str
    cite: tuple[str, ...]
    measurements: int
    compounds: int
    target_min: float
    target_max: float
    repeat_range_mean: float
    excluded: tuple[str, ...] = ()
    experiments: AddedRecord | msgspec.UnsetType = msgspec.UNSET


class FeatureContract(_Part, frozen=True):
    """What the graph must be fed with, and which library version computed it.

    Args:
        recipe: name under which `features.recipes` finds the code that makes a row.
        kind: what the row is made from: one molecule, or a composition of named ingredients.
        columns: in the order of the graph's input.
        conditions: numbers a caller gives beside the molecule or composition.
        library: that computed the columns, or ``none``.
        library_version: of it; empty without a library.
        stereochemistry: whether two stereoisomers are one compound.
    """

    recipe: str
    kind: Literal["molecule", "composition"]
    columns: tuple[Column, ...]
    conditions: tuple[Condition, ...]
    library: str
    library_version: str
    stereochemistry: Literal["ignored", "used", "not applicable"]


class Training(_Part, frozen=True):
    """What has to be equal for the same model.onnx to come out again."""

    seed: int
    python: str
    libraries: dict[str, str]


class Evaluation(_Part, frozen=True):
    """Point accuracy on splits that keep related rows together.

    Args:
        splits: the primary one first.
        beats_baseline: the error is smaller than that of every baseline on the primary split, by paired bootstrap.
        because: the comparisons behind that verdict, one sentence each.
        gates: figures asked for in advance.
        promotable: whether this version may be promoted without an override.
    """

    splits: tuple[SplitScores, ...]
    beats_baseline: bool
    because: tuple[str, ...]
    gates: tuple[Gate, ...]
    promotable: bool

    @property
    def primary(self) -> SplitScores:
        """The split that the data set declares."""
        return next(split for split in self.splits if split.primary)


class IntervalContract(_Part, frozen=True):
    """How an interval is made: prediction plus and minus quantile times scale, both outputs of the graph."""

    method: str
    scale: str
    default_level: float
    holdouts: int
    levels: tuple[IntervalLevel, ...]


class DomainContract(_Part, frozen=True):
    """When a row counts as known ground, and what happens outside.

    Args:
        kind: ``tanimoto`` on fingerprints, or ``knn`` on standardised columns; either gives a similarity of 0 to 1.
        rule: in words.
        threshold: similarity from which on a row is inside.
        mae_inside: held-out error of rows inside; absent when there were none.
        mae_outside: likewise outside.
        default_level_coverage_outside: share of outside rows that their interval at the default level holds.
        bands: error by similarity.
        radius: of the Morgan fingerprint; tanimoto only.
        bits: of the fingerprint; tanimoto only.
        axes: columns that span the distance; knn only, like the four below.
        centre: subtracted per axis.
        spread: divided by per axis.
        neighbours: how many nearest rows the distance is averaged over.
        reach: distance at which the similarity is one half.
    """

    kind: Literal["tanimoto", "knn"]
    rule: str
    threshold: float
    mae_inside: float | None
    mae_outside: float | None
    default_level_coverage_outside: float | None
    bands: tuple[DomainBand, ...]
    radius: int | None = None
    bits: int | None = None
    axes: tuple[str, ...] = ()
    centre: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    neighbours: int | None = None
    reach: float | None = None


class ParityRecord(_Part, frozen=True):
    """Largest differences between the exported graph and the model it was made from, in the target's unit."""

    training_rows: int
    random_rows: int
    prediction_difference: float
    prediction_limit: float
    scale_difference: float
    scale_limit: float


class WarmUp(_Part, frozen=True):
    """A question whose answer is known: run at load, so a machine that computes differently is found out.

    Args:
        features: the exact row, for a server without the descriptor library.
        prediction: of the graph.
        scale: of the graph.
        smiles: the molecule; absent for a composition.
        composition: amounts by ingredient; absent for a molecule.
        conditions: given with it.
    """

    features: tuple[float, ...]
    prediction: float
    scale: float
    smiles: str | None = None
    composition: dict[str, float] | None = None
    conditions: dict[str, float] = {}


class Point(_Part, frozen=True):
    """One row of the points file: predicted while it was held out, in the first repeat of the primary split.

    Args:
        key: names the row without giving it away, so that two versions can be compared row by row.
        actual: measured value.
        predicted: held-out prediction.
        scale: held-out scale.
        in_domain: whether the row was inside the domain of the folds it was predicted from.
    """

    key: str
    actual: float
    predicted: float
    scale: float
    in_domain: bool


class Card(_Part, frozen=True):
    """The whole card. `files` maps each file of the folder to its sha256."""

    schema: Literal[2]
    model: Identity
    data: DataRecord
    features: FeatureContract
    training: Training
    evaluation: Evaluation
    intervals: IntervalContract
    domain: DomainContract
    importance: tuple[Importance, ...]
    drift: tuple[Reference, ...]
    parity: ParityRecord
    warm_up: tuple[WarmUp, ...]
    files: dict[str, str]


def encode_card(card: Card) -> bytes:
    """Write a card as indented JSON that is the same bytes for the same card."""
    return msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n"


def decode_card(content: bytes, *, where: str) -> Card:
    """Read a card.

    Raises:
        ArtefactInvalidError: not JSON, an unknown or missing key, a wrong type, or a malformed version (permanent).
    """
    try:
        card = msgspec.json.decode(content, type=Card)
    except msgspec.DecodeError as error:
        raise ArtefactInvalidError(f"{where}: {error}; restore the folder from a release or train again") from error
    if not VERSION_PATTERN.fullmatch(card.model.version):
        raise ArtefactInvalidError(f"{where}: version {card.model.version!r} is not of the form 1.2.3; train again")
    return card


def digest_of(content: bytes) -> str:
    """Name bytes by their sha256, prefixed as in every answer and card."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
