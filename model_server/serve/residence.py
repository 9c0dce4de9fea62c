"""Which versions a worker should hold, and why; pure."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from model_server.registry.record import CHAMPION, ModelRecord, Traffic


class Residence(NamedTuple):
    """What a worker should hold of one model.

    Args:
        aliases: version by alias; the one of `champion` answers requests that name no version.
        versions: everything to be loaded.
        traffic: the challenger's part.
        because: why nothing is to be loaded; empty otherwise.
    """

    aliases: Mapping[str, str]
    versions: tuple[str, ...]
    traffic: Traffic
    because: tuple[str, ...] = ()


class Change(NamedTuple):
    """What to do about it."""

    load: tuple[str, ...]
    drop: tuple[str, ...]


def plan_residence(record: ModelRecord, pinned: str | None) -> Residence:
    """Decide what to hold.

    Args:
        record: what the registry knows.
        pinned: version that the settings ask for; it leads whatever the aliases say.
    """
    if not record.served:
        return Residence({}, (), Traffic(), (f"{record.name} was unloaded on purpose",))
    aliases = dict(record.aliases)
    if pinned is not None:
        aliases[CHAMPION] = pinned
    if CHAMPION not in aliases:
        known = ", ".join(record.versions) or "none"
        return Residence({}, (), Traffic(), (f"model {record.name} has no champion (versions: {known}); promote one",))
    ordered = tuple(dict.fromkeys((aliases[CHAMPION], *aliases.values())))
    return Residence(aliases, ordered, record.traffic)


def plan_change(wanted: Residence, held: Collection[str]) -> Change:
    """Compare with what is held. Dropping comes after loading, so that nothing goes missing in between."""
    load = tuple(version for version in wanted.versions if version not in held)
    return Change(load, tuple(version for version in held if version not in wanted.versions))


def resolve_aliases(wanted: Residence, held: Collection[str], current: Mapping[str, str]) -> dict[str, str]:
    """Point aliases to what is really there: one whose version failed to load stays where it was.

    Args:
        wanted: what should be.
        held: versions loaded by now.
        current: aliases so far.
    """
    resolved = {}
    for alias, version in wanted.aliases.items():
        if version in held:
            resolved[alias] = version
        elif current.get(alias) in held:
            resolved[alias] = current[alias]
    return resolved
