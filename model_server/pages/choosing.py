"""Which model and version a page is about: what can be chosen, and what was."""

from typing import NamedTuple

from model_server.errors import RequestRefusedError
from model_server.pages.frame import Fields
from model_server.pages.wording import amount
from model_server.registry.card import Card
from model_server.registry.folder import Release
from model_server.registry.record import CHAMPION, ModelRecord, version_key
from model_server.serve.releases import Releases

_FIRST = "tg"


class Choice(NamedTuple):
    """What was chosen, and from what.

    Args:
        names: of all models.
        name: of the chosen one.
        versions: of it with a label, newest first.
        release: of the chosen version.
    """

    names: list[str]
    name: str
    versions: list[tuple[str, str]]
    release: Release

    @property
    def card(self) -> Card:
        """Of the chosen version."""
        return self.release.card


async def choose_model(releases: Releases, fields: Fields) -> tuple[list[str], ModelRecord]:
    """Read which model is meant; the first one before anybody chose.

    Raises:
        RequestRefusedError: 404, no such model, or no model at all (permanent).
    """
    names = await releases.names()
    if not names:
        message = "there is no model here; set CRYO_MODELS_DIR or register one"
        raise RequestRefusedError(message, code="unknown_model", status=404)
    name = fields.get("model") or (_FIRST if _FIRST in names else names[0])
    return names, await releases.record(name, path="model")


async def choose_release(releases: Releases, fields: Fields) -> Choice:
    """Read which version is meant; the champion, else the newest, before anybody chose.

    Raises:
        RequestRefusedError: 404, no such model or version (permanent).
        ArtefactInvalidError: the version cannot be read (permanent).
    """
    names, record = await choose_model(releases, fields)
    versions = list_versions(record)
    version = fields.get("version", "") if belongs(fields, record.name) else ""
    if not version:
        version = record.aliases.get(CHAMPION) or versions[0][0]
    return Choice(names, record.name, versions, await releases.find(record.name, version, "version"))


def list_versions(record: ModelRecord) -> list[tuple[str, str]]:
    """Versions and how they are called, newest first."""
    named: dict[str, list[str]] = {}
    for alias, version in record.aliases.items():
        named.setdefault(version, []).append(alias)
    ordered = sorted(record.versions, key=version_key, reverse=True)
    return [
        (version, f"{version} ({', '.join(named[version])})" if version in named else version) for version in ordered
    ]


def belongs(fields: Fields, name: str) -> bool:
    """Whether choices that depend on the model were made for this one: the form names the model it was shown for."""
    return fields.get("of", name) == name


def choose_level(fields: Fields, card: Card) -> float:
    """Read the confidence level; the card's default before anybody chose.

    Raises:
        RequestRefusedError: 422, not calibrated (permanent).
    """
    text = fields.get("level", "") if belongs(fields, card.model.name) else ""
    if not text:
        return card.intervals.default_level
    for level in card.intervals.levels:
        if text == str(level.level):
            return level.level
    offered = ", ".join(amount(level.level) for level in card.intervals.levels)
    raise RequestRefusedError(
        f"{text[:20]} was not calibrated for {card.model.name}; choose one of {offered}",
        code="unsupported_confidence_level",
        status=422,
        path="level",
    )
