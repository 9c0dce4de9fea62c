"""Time as an argument, so that every wait has a deadline and tests do not sleep."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, Self


class Clock(Protocol):
    """The three things an agent asks of time."""

    def now(self) -> datetime:
        """Return the wall clock in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Return the wall clock in UTC."""
        return datetime.now(tz=UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment after which nobody waits any longer."""

    clock: Clock
    expires_at_s: float

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> Self:
        """Start a deadline that many seconds from now."""
        return cls(clock=clock, expires_at_s=clock.monotonic() + seconds)

    @property
    def remaining_s(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.expires_at_s - self.clock.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether the moment has passed."""
        return self.remaining_s <= 0.0

    def sleep(self, seconds: float) -> None:
        """Wait, but not past the deadline."""
        self.clock.sleep(min(seconds, self.remaining_s))


def format_rfc3339(moment: datetime) -> str:
    """Write a UTC time with milliseconds and a Z, the one form in logs, records and JSON."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
