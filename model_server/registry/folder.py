"""Read a released model from wherever it lies; anything that differs from its card is refused."""

import hashlib
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_server.errors import ArtefactInvalidError, SettingInvalidError
from model_server.features.columns import Column, describe_difference
from model_server.registry.card import (
    CARD_FILE,
    FINGERPRINTS_FILE,
    KNOWN_FILE,
    MODEL_FILE,
    POINTS_FILE,
    REFERENCE_FILE,
    VERSION_PATTERN,
    Card,
    Point,
    decode_card,
    digest_of,
)

SIGNATURE_FILE = "signature.json"
NAME_PATTERN = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_FILE_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\.(onnx|npy|json|md)")

ReadFile = Callable[[str], bytes]
"""Returns a file of a release by name; raises ArtefactInvalidError when it is absent."""


class WantedModel(NamedTuple):
    """A model somebody asks for; no version means the one its champion alias points to."""

    name: str
    version: str | None = None


class SignatureCheck(Protocol):
    """What decides whether a release's signature is good enough."""

    def check(self, content: bytes | None, *, digest: str, where: str) -> None:
        """Raise ArtefactInvalidError when it is not."""
        ...


@dataclass(frozen=True)
class Release:
    """A verified model in memory.

    Args:
        card: the decoded card.
        card_content: the card's bytes, as served.
        digest: of those bytes; they name every other file's hash, so it stands for the whole release.
        files: every listed file, verified.
        where: the place it was read from, for messages.
    """

    card: Card
    card_content: bytes
    digest: str
    files: Mapping[str, bytes]
    where: str

    @property
    def model(self) -> bytes:
        """The graph."""
        return self.files[MODEL_FILE]

    def without_model(self) -> "Release":
        """The same without the graph's bytes, for a process that has opened it: they are the larger part."""
        return replace(self, files={name: content for name, content in self.files.items() if name != MODEL_FILE})

    @cached_property
    def neighbours(self) -> NDArray[Any]:
        """Rows of what the model has seen: packed fingerprints, or standardised features."""
        name = FINGERPRINTS_FILE if self.card.domain.kind == "tanimoto" else REFERENCE_FILE
        return _parse_array(self.files[name], self.card, where=f"{self.where}/{name}")

    @property
    def fingerprints(self) -> NDArray[np.uint8]:
        """Packed fingerprints of the training compounds, of a model whose domain is a structural one."""
        return self.neighbours

    @cached_property
    def known(self) -> tuple[str, ...]:
        """What each row of `neighbours` is called."""
        known: tuple[str, ...] = _decode(self.files[KNOWN_FILE], tuple[str, ...], where=f"{self.where}/{KNOWN_FILE}")
        return known

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """Out-of-fold predictions beside what was measured."""
        points: tuple[Point, ...] = _decode(
            self.files[POINTS_FILE], tuple[Point, ...], where=f"{self.where}/{POINTS_FILE}"
        )
        return points


def parse_wanted(text: str) -> WantedModel:
    """Read `tg` or `tg@1.0.0`.

    Raises:
        SettingInvalidError: neither form (permanent).
    """
    name, separator, version = text.partition("@")
    if not NAME_PATTERN.fullmatch(name) or (separator and not VERSION_PATTERN.fullmatch(version)):
        raise SettingInvalidError(f"model {text!r} is not of the form name or name@1.2.3; correct CRYO_MODELS")
    return WantedModel(name, version or None)


def released_names(models_dir: Path) -> list[str]:
    """Models in a folder of releases, sorted."""
    if not models_dir.is_dir():
        return []
    return sorted(entry.name for entry in models_dir.iterdir() if NAME_PATTERN.fullmatch(entry.name) and entry.is_dir())


def released_versions(models_dir: Path, name: str) -> list[str]:
    """Versions of a model in a folder of releases, oldest first."""
    folder = models_dir / name
    if not folder.is_dir():
        return []
    found = [entry.name for entry in folder.iterdir() if VERSION_PATTERN.fullmatch(entry.name)]
    return sorted(found, key=lambda version: tuple(int(part) for part in version.split(".")))


def find_release(models_dir: Path, wanted: WantedModel) -> Path:
    """Locate the folder of a wanted model; without a version, the newest.

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


def load_release(folder: Path, *, verifier: SignatureCheck | None = None) -> Release:
    """Read and verify a model folder named <name>/<version>.

    Raises:
        ArtefactInvalidError: a file is absent, not listed or its hash differs, or the signature is bad (permanent).
    """

    def read(name: str) -> bytes:
        try:
            return (folder / name).read_bytes()
        except OSError as error:
            raise ArtefactInvalidError(
                f"{folder / name}: {error.strerror}; restore the folder from a release"
            ) from error

    release = read_release(read, where=str(folder), expected=WantedModel(folder.parent.name, folder.name))
    unlisted = {entry.name for entry in folder.iterdir()} - {*release.card.files, CARD_FILE, SIGNATURE_FILE}
    if unlisted:
        raise ArtefactInvalidError(f"{folder}: {sorted(unlisted)} not listed in the card; restore the folder")
    if verifier is not None:
        signature = read(SIGNATURE_FILE) if (folder / SIGNATURE_FILE).exists() else None
        verifier.check(signature, digest=release.digest, where=str(folder))
    return release


def read_release(read: ReadFile, *, where: str, expected: WantedModel) -> Release:
    """Read a release file by file and verify every hash.

    Args:
        read: gives a file by name.
        where: for messages.
        expected: name and version the card must be of.

    Raises:
        ArtefactInvalidError: a file is absent or differs from the card (permanent).
    """
    content = read(CARD_FILE)
    card = decode_card(content, where=f"{where}/{CARD_FILE}")
    if (card.model.name, card.model.version) != expected:
        raise ArtefactInvalidError(f"{where}: card is of {card.model.name} {card.model.version}; restore the folder")
    needed = {MODEL_FILE, FINGERPRINTS_FILE if card.domain.kind == "tanimoto" else REFERENCE_FILE}
    if not needed <= set(card.files) or not all(_FILE_NAME.fullmatch(name) for name in card.files):
        raise ArtefactInvalidError(f"{where}/{CARD_FILE}: lists files {sorted(card.files)}; train again")
    files = {name: _verified(read(name), digest, where=f"{where}/{name}") for name, digest in card.files.items()}
    return Release(card, content, digest_of(content), files, where)


def check_feature_contract(card: Card, *, columns: Sequence[Column], library_version: str, where: str) -> None:
    """Refuse a model that this process would feed with other numbers than it was trained on.

    Raises:
        ArtefactInvalidError: columns or the descriptor library's version differ (permanent).
    """
    difference = describe_difference(card.features.columns, columns)
    if difference is not None:
        raise ArtefactInvalidError(f"{where}: feature columns differ: {difference}; train the model with this code")
    if card.features.library != "none" and card.features.library_version != library_version:
        raise ArtefactInvalidError(
            f"{where}: trained with {card.features.library} {card.features.library_version}, this process has "
            f"{library_version} and may compute other features; install that version or train again"
        )


def _verified(content: bytes, expected: str, *, where: str) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ArtefactInvalidError(f"{where}: sha256 is {found}, the card says {expected}; restore the folder")
    return content


def _decode(content: bytes, kind: Any, *, where: str) -> Any:  # noqa: ANN401 - as typed as msgspec.json.decode
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise ArtefactInvalidError(f"{where}: {error}; train again") from error


def _parse_array(content: bytes, card: Card, *, where: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    except ValueError as error:
        raise ArtefactInvalidError(f"{where}: {error}; train again") from error
    is_structural = card.domain.kind == "tanimoto"
    kind = np.dtype(np.uint8 if is_structural else np.float32)
    width = (card.domain.bits or 0) // 8 if is_structural else len(card.domain.axes)
    if array.ndim != 2 or array.shape[1] != width or len(array) == 0 or array.dtype != kind:  # noqa: PLR2004 - rows, columns
        raise ArtefactInvalidError(f"{where}: holds {array.dtype} {array.shape}, expected {kind} (n, {width})")
    return array
