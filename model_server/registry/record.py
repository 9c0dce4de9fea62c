"""What is known of one model's versions, and which changes are allowed; pure, every refusal with its reasons."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
ALIASES = (CHAMPION, CHALLENGER, PREVIOUS)
# Chosen: a reason shorter than this says nothing to whoever reads the history a year later.
MIN_REASON_CHARS = 8
MAX_REASON_CHARS = 500

Action = Literal["register", "promote", "challenge", "clear", "retire", "share", "serve", "unserve"]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the record's parts: immutable, unknown keys refused."""


class Act(_Part, frozen=True):
    """Who does something, when (ISO 8601, UTC) and why."""

    at: str
    who: str
    why: str


class VersionEntry(_Part, frozen=True):
    """One version. `digest` names its folder; `because` holds what its card says about its worth."""

    digest: str
    promotable: bool
    because: tuple[str, ...]
    registered: Act
    retired: Act | None = None


class HistoryEntry(_Part, frozen=True):
    """One change. `replaced` is the version that the alias pointed to before."""

    act: Act
    action: Action
    version: str | None = None
    alias: str | None = None
    replaced: str | None = None
    override: bool = False


class Traffic(_Part, frozen=True):
    """How the challenger takes part.

    Args:
        challenger_share: share of requests it answers, 0 to 1.
        shadow: whether it also computes, unseen, what the champion answered.
    """

    challenger_share: float = 0.0
    shadow: bool = False


class ModelRecord(_Part, frozen=True):
    """Everything that changes about a model after its versions were made. `served`: whether servers should load it."""

    schema: Literal[1]
    name: str
    versions: dict[str, VersionEntry]
    aliases: dict[str, str]
    traffic: Traffic = Traffic()
    served: bool = True
    history: tuple[HistoryEntry, ...] = ()


class Decision(NamedTuple):
    """What becomes of a record; without one the change is refused, for the reasons given."""

    record: ModelRecord | None
    because: tuple[str, ...]


def version_key(version: str) -> tuple[int, ...]:
    """Order versions by their numbers."""
    return tuple(int(part) for part in version.split("."))


def following_version(versions: Iterable[str]) -> str:
    """The version that follows the newest one: the middle number raised."""
    newest = max((version_key(version) for version in versions), default=None)
    return "1.0.0" if newest is None else f"{newest[0]}.{newest[1] + 1}.0"


def empty_record(name: str) -> ModelRecord:
    """Return a model without versions."""
    return ModelRecord(schema=1, name=name, versions={}, aliases={})


def merge_shipped(record: ModelRecord, shipped: dict[str, VersionEntry]) -> ModelRecord:
    """Add the versions that came with the code; a recorded version keeps its entry.

    A model nobody has decided about yet is led by its newest shipped version that beats its baseline; one that has none
    is led by nobody until somebody decides.
    """
    versions = {**shipped, **record.versions}
    ordered = {version: versions[version] for version in sorted(versions, key=version_key)}
    aliases = dict(record.aliases)
    candidates = [version for version in ordered if version in shipped and versions[version].promotable]
    if CHAMPION not in aliases and candidates and not record.history:
        aliases[CHAMPION] = candidates[-1]
    return msgspec.structs.replace(record, versions=ordered, aliases=aliases)


def register_version(record: ModelRecord, version: str, entry: VersionEntry) -> Decision:
    """Make a version known; it answers nobody until an alias points to it."""
    known = record.versions.get(version)
    if known is not None and known.digest != entry.digest:
        return Decision(None, (f"{record.name} {version} is registered as {known.digest}; raise the version number",))
    if known is not None:
        return Decision(record, (f"{record.name} {version} is registered already",))
    versions = {**record.versions, version: entry}
    changed = msgspec.structs.replace(record, versions=versions)
    return Decision(_note(changed, HistoryEntry(entry.registered, "register", version)), ("registered",))


def assign_alias(record: ModelRecord, alias: str, version: str, act: Act, *, override: bool = False) -> Decision:
    """Point champion or challenger to a version.

    A new champion moves the old one to `previous`. A version whose card does not beat its baseline becomes champion
    only by an override, whose reason the history keeps.
    """
    refusals = [*_refuse_act(act), *_refuse_assignment(record, alias, version, override=override)]
    if refusals:
        return Decision(None, tuple(refusals))
    replaced = record.aliases.get(alias)
    # Without a history the alias only follows from what is shipped; saying it makes it a decision that stays.
    if replaced == version and record.history:
        return Decision(record, (f"{alias} of {record.name} is {version} already",))
    aliases = {**record.aliases, alias: version}
    if alias == CHAMPION:
        if replaced is not None and replaced != version:
            aliases[PREVIOUS] = replaced
        if aliases.get(CHALLENGER) == version:
            del aliases[CHALLENGER]
    traffic = record.traffic if CHALLENGER in aliases else Traffic()
    changed = msgspec.structs.replace(record, aliases=aliases, traffic=traffic)
    action: Action = "promote" if alias == CHAMPION else "challenge"
    forced = override and not record.versions[version].promotable
    return Decision(_note(changed, HistoryEntry(act, action, version, alias, replaced, forced)), (act.why,))


def clear_challenger(record: ModelRecord, act: Act) -> Decision:
    """Send the challenger home; champion and previous cannot be cleared, only replaced."""
    refusals = _refuse_act(act)
    version = record.aliases.get(CHALLENGER)
    if version is None:
        refusals.append(f"{record.name} has no challenger")
    if refusals:
        return Decision(None, tuple(refusals))
    aliases = {alias: held for alias, held in record.aliases.items() if alias != CHALLENGER}
    changed = msgspec.structs.replace(record, aliases=aliases, traffic=Traffic())
    return Decision(_note(changed, HistoryEntry(act, "clear", None, CHALLENGER, version)), (act.why,))


def retire_version(record: ModelRecord, version: str, act: Act) -> Decision:
    """Take a version out of service for good; the champion has to be replaced first."""
    refusals = _refuse_act(act)
    entry = record.versions.get(version)
    if entry is None:
        refusals.append(_unknown(record, version))
    elif entry.retired is not None:
        return Decision(record, (f"{record.name} {version} is retired already",))
    if record.aliases.get(CHAMPION) == version:
        refusals.append(f"{version} is the champion of {record.name}; promote another version first")
    if refusals or entry is None:
        return Decision(None, tuple(refusals))
    aliases = {alias: held for alias, held in record.aliases.items() if held != version}
    versions = {**record.versions, version: msgspec.structs.replace(entry, retired=act)}
    traffic = record.traffic if CHALLENGER in aliases else Traffic()
    changed = msgspec.structs.replace(record, versions=versions, aliases=aliases, traffic=traffic)
    return Decision(_note(changed, HistoryEntry(act, "retire", version)), (act.why,))


def share_traffic(record: ModelRecord, traffic: Traffic, act: Act) -> Decision:
    """Set the challenger's part in the traffic."""
    refusals = _refuse_act(act)
    if not 0.0 <= traffic.challenger_share <= 1.0:
        refusals.append(f"share {traffic.challenger_share:g} is not between 0 and 1")
    if CHALLENGER not in record.aliases:
        refusals.append(f"{record.name} has no challenger; assign one first")
    if refusals:
        return Decision(None, tuple(refusals))
    changed = msgspec.structs.replace(record, traffic=traffic)
    version = record.aliases[CHALLENGER]
    return Decision(_note(changed, HistoryEntry(act, "share", version, CHALLENGER)), (act.why,))


def set_served(record: ModelRecord, act: Act, *, served: bool) -> Decision:
    """Tell servers to load the model or to let it go."""
    refusals = _refuse_act(act)
    if refusals:
        return Decision(None, tuple(refusals))
    changed = msgspec.structs.replace(record, served=served)
    return Decision(_note(changed, HistoryEntry(act, "serve" if served else "unserve")), (act.why,))


def _refuse_act(act: Act) -> list[str]:
    refusals = []
    if not act.who.strip():
        refusals.append("say who decides this")
    if not MIN_REASON_CHARS <= len(act.why.strip()) <= MAX_REASON_CHARS:
        refusals.append(f"give a reason of {MIN_REASON_CHARS} to {MAX_REASON_CHARS} characters")
    return refusals


def _refuse_assignment(record: ModelRecord, alias: str, version: str, *, override: bool) -> list[str]:
    if alias not in (CHAMPION, CHALLENGER):
        return [f"alias {alias!r} is not set by hand; choose {CHAMPION} or {CHALLENGER}"]
    entry = record.versions.get(version)
    if entry is None:
        return [_unknown(record, version)]
    refusals = []
    if entry.retired is not None:
        refusals.append(f"{record.name} {version} was retired by {entry.retired.who}: {entry.retired.why}")
    if alias == CHALLENGER and record.aliases.get(CHAMPION) == version:
        refusals.append(f"{version} is the champion of {record.name} and cannot challenge itself")
    if alias == CHAMPION and not entry.promotable and not override:
        said = "; ".join(entry.because) or "its card does not say that it beats its baseline"
        refusals.append(f"{record.name} {version} is not promotable: {said}; an override with a reason is needed")
    return refusals


def _unknown(record: ModelRecord, version: str) -> str:
    return f"{record.name} has no version {version}; known: {', '.join(record.versions) or 'none'}"


def _note(record: ModelRecord, entry: HistoryEntry) -> ModelRecord:
    return msgspec.structs.replace(record, history=(*record.history, entry))
