"""Reads a roster and refuses one that would leave somebody untold; every refusal names the key."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import yaml

from agents.oncall.errors import RosterInvalidError
from agents.oncall.roster import Policy, Roster, Schedule, Step


def read_roster(path: Path) -> Roster:
    """Read a file.

    Raises:
        RosterInvalidError: it is not there, not YAML, has unknown or missing keys, or contradicts itself.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read ({error.__class__.__name__}); CRYO_ONCALL_ROSTER names the file"
        raise RosterInvalidError(message) from error
    return parse_roster(text, label=path.name)


def parse_roster(text: str, *, label: str) -> Roster:
    """Read the text of a file; `label` is its name in errors.

    Raises:
        RosterInvalidError: see `read_roster`.
    """
    try:
        roster = msgspec.convert(yaml.safe_load(text), Roster)
    except yaml.YAMLError as error:
        message = f"{label}: is not YAML: {' '.join(str(error).split())}"
        raise RosterInvalidError(message) from error
    except msgspec.ValidationError as error:
        message = f"{label}: {error}"
        raise RosterInvalidError(message) from error
    problems = list(find_problems(roster))
    if problems:
        raise RosterInvalidError("\n".join(f"{label}: {problem}" for problem in problems))
    return roster


def find_problems(roster: Roster) -> Iterator[str]:
    """Yield one sentence for everything that cannot be followed."""
    yield from _people_problems(roster)
    for name, schedule in roster.schedules.items():
        yield from _schedule_problems(f"schedules.{name}", schedule, roster)
    for name, policy in roster.policies.items():
        yield from _policy_problems(f"policies.{name}", policy, roster)
    for place, route in enumerate(roster.routes):
        if route.policy not in roster.policies:
            yield f"routes[{place}].policy: {route.policy!r} is no policy; use one of {', '.join(roster.policies)}"
        if not route.match and place < len(roster.routes) - 1:
            yield f"routes[{place}]: matches everything, so the routes after it are never reached; move it to the end"
    if not roster.routes or roster.routes[-1].match:
        yield "routes: the last one has to match everything (no `match`), or some alerts would reach nobody"


def _people_problems(roster: Roster) -> Iterator[str]:
    for name in sorted(roster.people.keys() & roster.schedules.keys()):
        yield f"people.{name}: a schedule has the same name, and steps could not tell them apart; rename one"
    for name, person in roster.people.items():
        yield from _zone_problems(f"people.{name}.time_zone", person.time_zone)
        if person.holidays and person.holidays not in roster.calendars:
            yield f"people.{name}.holidays: {person.holidays!r} is no calendar; add it under calendars"
        if person.email and "@" not in person.email:
            yield f"people.{name}.email: {person.email!r} is no address"
        for place, absence in enumerate(person.away):
            if absence.last < absence.first:
                yield f"people.{name}.away[{place}]: ends on {absence.last}, before it begins on {absence.first}"


def _schedule_problems(key: str, schedule: Schedule, roster: Roster) -> Iterator[str]:
    yield from _zone_problems(f"{key}.time_zone", schedule.time_zone)
    if not schedule.rotation:
        yield f"{key}.rotation: is empty, so nobody would be on call; name at least one person"
    for name in schedule.rotation:
        yield from _unknown_person(f"{key}.rotation", name, roster)
    for place, override in enumerate(schedule.overrides):
        at = f"{key}.overrides[{place}]"
        yield from _unknown_person(f"{at}.person", override.person, roster)
        if override.start.tzinfo is not None or override.end.tzinfo is not None:
            yield f"{at}: times are local to {schedule.time_zone}; leave the offset out"
        elif override.end <= override.start:
            yield f"{at}: ends at {override.end}, not after its start {override.start}"
    ordered = sorted(
        (each for each in schedule.overrides if each.start.tzinfo is None and each.end.tzinfo is None),
        key=lambda each: each.start,
    )
    for before, after in pairwise(ordered):
        if after.start < before.end:
            yield f"{key}.overrides: {before.person} and {after.person} both have {after.start}; shorten one"


def _policy_problems(key: str, policy: Policy, roster: Roster) -> Iterator[str]:
    if not policy.steps:
        yield f"{key}.steps: is empty, so nobody would be told; give at least one"
    for place, step in enumerate(policy.steps):
        yield from _step_problems(f"{key}.steps[{place}]", step, roster)
    if policy.repeat < 0:
        yield f"{key}.repeat: is {policy.repeat}; set it to 0 or more"
    for name in ("repeat_after_s", "acknowledged_for_s", "calm_s", "flap_window_s", "unattended_s"):
        if getattr(policy, name) <= 0:
            yield f"{key}.{name}: is {getattr(policy, name):g}; set it above 0 s"


def _step_problems(at: str, step: Step, roster: Roster) -> Iterator[str]:
    if not step.tell:
        yield f"{at}.tell: is empty; name a schedule or a person"
    if not step.by:
        yield f"{at}.by: is empty; name a channel"
    if step.after_s < 0:
        yield f"{at}.after_s: is {step.after_s:g}; set it to 0 or more"
    for name in step.tell:
        if name not in roster.people and name not in roster.schedules:
            yield f"{at}.tell: {name!r} is neither a schedule nor a person"
            continue
        reached = roster.schedules[name].rotation if name in roster.schedules else (name,)
        if "email" in step.by:
            for person in reached:
                if person in roster.people and not roster.people[person].email:
                    yield f"{at}.by: email, but people.{person} has no email; add it"


def _unknown_person(key: str, name: str, roster: Roster) -> Iterator[str]:
    if name not in roster.people:
        yield f"{key}: {name!r} is nobody under people"


def _zone_problems(key: str, name: str) -> Iterator[str]:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield f"{key}: {name!r} is no IANA time zone such as Europe/Berlin"
