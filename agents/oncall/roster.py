"""Who is on call, who is told in which step, and which alert takes which steps; pure values.

Times of day are local to the schedule's zone, dates of absence to the person's. `roster_file.py` reads and checks them.
Every part is closed against unknown keys, so that a misspelt one is an error and not silence.
"""

from datetime import date, datetime, time
from typing import Annotated, Literal

import msgspec

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
ChannelName = Literal["email", "slack", "log"]


class Absence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days on which a person is not on call."""

    first: date
    last: date
    reason: str = ""


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who can be told."""

    name: str
    time_zone: str
    """IANA name; absences and holidays are days there."""
    email: str = ""
    slack: str = ""
    """How Slack mentions them, such as `<@U012AB3CD>`; empty for no mention."""
    holidays: str = ""
    """Name of a calendar; on its days the next one of the rotation takes over."""
    away: tuple[Absence, ...] = ()


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A shift that somebody else takes; local times of the schedule with seconds, without an offset."""

    start: datetime
    end: datetime
    person: str
    reason: str


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rotation without gaps."""

    time_zone: str
    rotation: tuple[str, ...]
    """People in their order; the first one's shift begins at the hand-over of `since`."""
    since: date
    hand_over: Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    """Local time of day at which shifts change, such as `"09:00"`; YAML reads it as a number without the quotes."""
    shift: Literal["day", "week"] = "week"
    overrides: tuple[Override, ...] = ()

    @property
    def hand_over_time(self) -> time:
        """The same as a time of day."""
        return time.fromisoformat(self.hand_over)

    @property
    def shift_days(self) -> int:
        """Length of a shift in local days."""
        return 1 if self.shift == "day" else 7


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told, and how long after the step before."""

    tell: tuple[str, ...]
    """Names of schedules and people; a schedule means whoever is on call when the step is due."""
    by: tuple[ChannelName, ...]
    after_s: float = 0.0
    """Seconds after the step before it, or after the incident began."""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens to an incident until somebody acknowledges it."""

    steps: tuple[Step, ...]
    repeat: int = 0
    """How often the last step is repeated when nobody acknowledged."""
    repeat_after_s: float = 1800.0
    acknowledged_for_s: float = 14_400.0
    """What still fires so long after an acknowledge begins again, because it may have been forgotten."""
    calm_s: float = 90.0
    """How long an incident has to be quiet until it counts as ended. Chosen: notices of an end stay below 120 s, and
    what comes back sooner is the same incident and no second page. Doubles each time it came back after all."""
    flap_window_s: float = 1800.0
    """What comes back within so long after its end is the same incident, and the limit of the doubling above."""
    unattended_s: float = 3600.0
    """A signal that comes and goes does not escalate, but only for so long without an acknowledge."""


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which alerts take which policy; the first route that matches wins."""

    policy: str
    match: dict[str, str] = {}
    """Labels that the alert must have with these values; none matches every alert."""


class Roster(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    people: dict[str, Person]
    schedules: dict[str, Schedule]
    policies: dict[str, Policy]
    routes: tuple[Route, ...]
    """In order of urgency; the last one matches everything."""
    calendars: dict[str, tuple[date, ...]] = {}
    """Public holidays by calendar."""
    fallback: tuple[ChannelName, ...] = ("slack", "email")
    """Channels in the order in which they are tried when those of a step fail."""
