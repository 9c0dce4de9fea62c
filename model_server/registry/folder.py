"""Load a released model from a folder; anything that differs from its card is refused."""

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from model_server.errors import ArtefactInvalidError, SettingInvalidError
from model_server.features.columns import Column, describe_difference
from model_server.features.fingerprints import PackedFingerprints
from model_server.registry.card import (
    CARD_FILE,
    FINGERPRINTS_FILE,
    MODEL_FILE,
    PAGE_FILE,
    VERSION_PATTERN,
    Card,
    decode_card,
    digest_of,
)

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_-]{0,63}")


class WantedModel(NamedTuple):
    """A model somebody asks for; no version means the newest released one."""

    name: str
    version: str | None = None


@dataclass(frozen=True)
class Release:
    """A verified model folder in memory.

    Args:
        card: the decoded card.
        card_content: the card's bytes, as served.
        digest: of those bytes; they name every other file's hash, so it stands for the whole folder.
        model: the graph.
        fingerprints: of the training compounds.
        where: the folder, for messages.
    """

    card: Card
    card_content: bytes
    digest: str
    model: bytes
    fingerprints: PackedFingerprints
    where: str


def parse_wanted(text: str) -> WantedModel:
    """Read `tg` or `tg@1.0.0`.

    Raises:
        SettingInvalidError: neither form (permanent).
    """
    name, separator, version = text.partition("@")
    if not NAME_PATTERN.fullmatch(name) or (separator and not VERSION_PATTERN.fullmatch(version)):
        raise SettingInvalidError(f"model {text!r} is not of the form name or name@1.2.3; correct CRYO_MODELS")
    return WantedModel(name, version or None)


def released_versions(models_dir: Path, name: str) -> list[str]:
    """Versions of a model in a folder of releases, oldest first."""
    folder = models_dir / name
    if not folder.is_dir():
        return []
    found = [entry.name for entry in folder.iterdir() if VERSION_PATTERN.fullmatch(entry.name)]
    return sorted(found, key=lambda version: tuple(int(part) for part in version.split(".")))


def find_release(models_dir: Path, wanted: WantedModel) -> Path:
    """Locate the folder of a wanted model.

    Raises:
        ArtefactInvalidError: no such model or version (permanent).
    """
    versions = released_versions(models_dir, wanted.name)
    version = wanted.version or (versions[-1] if versions else None)
    if version not in versions or version is None:
        raise ArtefactInvalidError(
            f"model {wanted.name}: version {version or 'any'} is not among {versions} in {models_dir}; "
            f"run `cryo model train {wanted.name}` or correct CRYO_MODELS_DIR"
        )
    return models_dir / wanted.name / version


def load_release(folder: Path) -> Release:
    """Read and verify a model folder.

    Raises:
        ArtefactInvalidError: a file is absent, its hash differs from the card, or the card does not fit the folder
            (permanent).
    """
    content = _read(folder / CARD_FILE)
    card = decode_card(content, where=str(folder / CARD_FILE))
    if (card.model.name, card.model.version) != (folder.parent.name, folder.name):
        raise ArtefactInvalidError(f"{folder}: card is of {card.model.name} {card.model.version}; restore the folder")
    if set(card.files) != {MODEL_FILE, FINGERPRINTS_FILE, PAGE_FILE}:
        raise ArtefactInvalidError(f"{folder / CARD_FILE}: lists files {sorted(card.files)}; train again")
    files = {name: _read_verified(folder / name, digest) for name, digest in card.files.items()}
    return Release(
        card=card,
        card_content=content,
        digest=digest_of(content),
        model=files[MODEL_FILE],
        fingerprints=_parse_fingerprints(files[FINGERPRINTS_FILE], card, where=str(folder / FINGERPRINTS_FILE)),
        where=str(folder),
    )


def check_feature_contract(card: Card, *, columns: Sequence[Column], library_version: str, where: str) -> None:
    """Refuse a model that this process would feed with other numbers than it was trained on.

    Raises:
        ArtefactInvalidError: columns or the descriptor library's version differ (permanent).
    """
    difference = describe_difference(card.features.columns, columns)
    if difference is not None:
        raise ArtefactInvalidError(f"{where}: feature columns differ: {difference}; train the model with this code")
    if card.features.library_version != library_version:
        raise ArtefactInvalidError(
            f"{where}: trained with {card.features.library} {card.features.library_version}, this process has "
            f"{library_version} and may compute other features; install that version or train again"
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtefactInvalidError(f"{path}: {error.strerror}; restore the folder from a release") from error


def _read_verified(path: Path, expected: str) -> bytes:
    content = _read(path)
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ArtefactInvalidError(f"{path}: sha256 is {found}, the card says {expected}; restore the folder")
    return content


def _parse_fingerprints(content: bytes, card: Card, *, where: str) -> PackedFingerprints:
    try:
        packed = np.load(io.BytesIO(content), allow_pickle=False)
    except ValueError as error:
        raise ArtefactInvalidError(f"{where}: {error}; train again") from error
    expected = (card.data.compounds, card.domain.bits // 8)
    if packed.shape != expected or packed.dtype != np.uint8:
        raise ArtefactInvalidError(f"{where}: holds {packed.dtype} {packed.shape}, expected uint8 {expected}")
    fingerprints: PackedFingerprints = packed
    return fingerprints
