"""Who is on call at an instant, and why; pure.

Every instant has exactly one person on a schedule. Shifts change at a local time of day, so a shift over a change of
the clocks is an hour shorter or longer. A hand-over at a local time that the clocks skip happens at the same moment
as if they had not been changed; at one that occurs twice, at the first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from agents.oncall.roster import Person, Roster, Schedule


@dataclass(frozen=True, slots=True)
class Duty:
    """Somebody who is on call."""

    person: str
    because: str


@dataclass(frozen=True, slots=True)
class Shift:
    """A duty with its bounds, in UTC; the end is not part of it."""

    start: datetime
    end: datetime
    duty: Duty


def find_duty(roster: Roster, name: str, at: datetime) -> Duty:
    """Return who is on call for a schedule.

    Args:
        roster: a checked roster.
        name: of a schedule in it.
        at: an aware instant.
    """
    schedule = roster.schedules[name]
    for override in schedule.overrides:
        if _instant(override.start, schedule) <= at < _instant(override.end, schedule):
            return Duty(override.person, f"took this shift: {override.reason}")
    place = _shift_number(schedule, at) % len(schedule.rotation)
    absent: list[str] = []
    for offset in range(len(schedule.rotation)):
        person = schedule.rotation[(place + offset) % len(schedule.rotation)]
        why = _why_absent(roster, roster.people[person], at)
        if why is None:
            turn = f"turn {place + 1} of {len(schedule.rotation)} in {name}"
            return Duty(person, "; ".join([*absent, "next in the rotation"]) if absent else turn)
        absent.append(f"{person} is away ({why})")
    person = schedule.rotation[place]
    return Duty(person, "everybody of the rotation is away, so it stays with whose turn it is")


def list_shifts(roster: Roster, name: str, start: datetime, end: datetime) -> tuple[Shift, ...]:
    """Return every shift that touches the time from `start` to `end`, cut to it, without gaps."""
    # Between two times of one zone Python counts hours on the clock's face.
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    edges = sorted({start, end, *(edge for edge in _edges(roster, name, start, end) if start < edge < end)})
    shifts: list[Shift] = []
    for begin, finish in pairwise(edges):
        duty = find_duty(roster, name, begin)
        if shifts and shifts[-1].duty == duty:
            shifts[-1] = Shift(shifts[-1].start, finish, duty)
        else:
            shifts.append(Shift(begin, finish, duty))
    return tuple(shifts)


def _edges(roster: Roster, name: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield every instant at which the answer may change."""
    schedule = roster.schedules[name]
    first, last = _shift_number(schedule, start), _shift_number(schedule, end)
    for number in range(first, last + 1):
        yield _hand_over(schedule, number)
    for override in schedule.overrides:
        yield from (_instant(override.start, schedule), _instant(override.end, schedule))
    days = (end - start).days + 3
    for person in {roster.people[each] for each in schedule.rotation}:
        if not person.away and not person.holidays:
            continue
        zone = ZoneInfo(person.time_zone)
        today = start.astimezone(zone).date() - timedelta(days=1)
        for offset in range(days):
            midnight = datetime.combine(today + timedelta(days=offset), datetime.min.time(), zone)
            yield midnight.astimezone(UTC)


def _shift_number(schedule: Schedule, at: datetime) -> int:
    """Count the hand-overs up to an instant, from 0 at `since`; negative before it, where the rotation runs back."""
    local = at.astimezone(ZoneInfo(schedule.time_zone)).date()
    number = (local - schedule.since).days // schedule.shift_days
    while at < _hand_over(schedule, number):
        number -= 1
    while at >= _hand_over(schedule, number + 1):
        number += 1
    return number


def _hand_over(schedule: Schedule, number: int) -> datetime:
    day: date = schedule.since + timedelta(days=number * schedule.shift_days)
    return _instant(datetime.combine(day, schedule.hand_over_time), schedule)


def _instant(local: datetime, schedule: Schedule) -> datetime:
    return local.replace(tzinfo=ZoneInfo(schedule.time_zone)).astimezone(UTC)


def _why_absent(roster: Roster, person: Person, at: datetime) -> str | None:
    today = at.astimezone(ZoneInfo(person.time_zone)).date()
    if person.holidays and today in roster.calendars[person.holidays]:
        return f"holiday of {person.holidays}"
    for absence in person.away:
        if absence.first <= today <= absence.last:
            return absence.reason or "away"
    return None
