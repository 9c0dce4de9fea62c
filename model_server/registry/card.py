"""The card of a released model: everything a reader, a server or a retraining needs to know, as typed data."""

import hashlib
import re
from typing import Literal

import msgspec

from model_server.errors import ArtefactInvalidError
from model_server.features.columns import Column
from model_server.registry.figures import DomainBand, IntervalLevel, PointScores

CARD_FILE = "card.json"
PAGE_FILE = "card.md"
MODEL_FILE = "model.onnx"
FINGERPRINTS_FILE = "fingerprints.npy"
VERSION_PATTERN = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the card's parts: immutable, unknown keys refused."""


class Identity(_Part, frozen=True):
    """Which model this is. `lower_bound` is physical: no interval reaches below it."""

    name: str
    version: str
    target: str
    unit: str
    lower_bound: float | None
    algorithm: str
    hyperparameters: dict[str, float | int | str]
    intended_use: str
    known_failures: tuple[str, ...]


class DataRecord(_Part, frozen=True):
    """What it was trained on. `repeat_range_mean`: mean spread of repeated values of one compound, in the unit."""

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


class FeatureContract(_Part, frozen=True):
    """What the graph must be fed with, and which library version computed it."""

    columns: tuple[Column, ...]
    library: str
    library_version: str
    stereochemistry: Literal["ignored", "used"]


class Training(_Part, frozen=True):
    """What has to be equal for the same model.onnx to come out again."""

    seed: int
    python: str
    libraries: dict[str, str]


class Evaluation(_Part, frozen=True):
    """Point accuracy on splits that keep related compounds together, beside the median of the training fold."""

    split: str
    folds: int
    repeats: int
    by_compound: PointScores
    by_compound_median: PointScores
    by_scaffold: PointScores
    by_scaffold_median: PointScores
    beats_baseline: bool


class IntervalContract(_Part, frozen=True):
    """How an interval is made: prediction plus and minus quantile times scale, both outputs of the graph."""

    method: str
    scale: str
    default_level: float
    holdouts: int
    levels: tuple[IntervalLevel, ...]


class DomainContract(_Part, frozen=True):
    """When a molecule counts as known ground, and what happens outside."""

    rule: str
    radius: int
    bits: int
    threshold: float
    mae_inside: float | None
    mae_outside: float | None
    default_level_coverage_outside: float | None
    bands: tuple[DomainBand, ...]


class ParityRecord(_Part, frozen=True):
    """Largest differences between the exported graph and the model it was made from, in the target's unit."""

    training_rows: int
    random_rows: int
    prediction_difference: float
    prediction_limit: float
    scale_difference: float
    scale_limit: float


class WarmUp(_Part, frozen=True):
    """A molecule whose answer is known: run at load, so a machine that computes differently is found out."""

    smiles: str
    prediction: float
    scale: float


class Card(_Part, frozen=True):
    """The whole card. `files` maps each file of the folder to its sha256."""

    schema: Literal[1]
    model: Identity
    data: DataRecord
    features: FeatureContract
    training: Training
    evaluation: Evaluation
    intervals: IntervalContract
    domain: DomainContract
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
