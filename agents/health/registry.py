"""Every check that ships with the agent, and the ones among them that somebody asked for."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from agents.health.definition import Check, Profile, parse_check
from agents.health.errors import SelectionError


@cache
def load_checks() -> Mapping[str, Check]:
    """Read every file under `checks/`, by id.

    Raises:
        CheckFileError: a file breaks a rule.
    """
    folder = resources.files("agents.health").joinpath("checks")
    found = [
        parse_check(group.name, entry.name.removesuffix(".sql"), entry.read_text(encoding="utf-8"))
        for group in folder.iterdir()
        if group.is_dir()
        for entry in group.iterdir()
        if entry.name.endswith(".sql")
    ]
    return {check.id: check for check in sorted(found, key=lambda each: each.id)}


def list_groups() -> tuple[str, ...]:
    """Name every group."""
    return tuple(sorted({check.group for check in load_checks().values()}))


def select_checks(profile: Profile, groups: Sequence[str] = ()) -> tuple[Check, ...]:
    """Choose checks by profile and group; no group means all.

    Raises:
        SelectionError: a group does not exist.
    """
    known = list_groups()
    unknown = sorted(set(groups) - set(known))
    if unknown:
        message = f"no group is named {unknown[0]!r}; the groups are {', '.join(known)}"
        raise SelectionError(message)
    return tuple(
        check
        for check in load_checks().values()
        if (not groups or check.group in groups) and (profile is Profile.FULL or check.profile is Profile.QUICK)
    )
