"""What a flag is, who asks, and what the answer says; frozen, so that one snapshot serves all threads."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

FULL_ROLLOUT_BASIS_POINTS = 10_000


class Reason(StrEnum):
    """Why an answer is what it is, in OpenFeature's words."""

    DISABLED = "DISABLED"
    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"
    DEFAULT = "DEFAULT"
    ERROR = "ERROR"


class Variant(StrEnum):
    """The two values of a flag by name."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag with its rules, as the database holds it."""

    name: str
    enabled: bool
    """Master switch: off means off for everybody, whatever else is set."""
    rollout_basis_points: int = 0
    """Share of keys for whom it is on, 0 to 10,000 hundredths of a percent."""
    user_ids: frozenset[UUID] = frozenset()
    """People for whom it is on."""
    team_ids: frozenset[UUID] = frozenset()
    """Teams for whose members it is on."""
    user_overrides: Mapping[UUID, bool] | None = None
    """People for whom it is on or off, stronger than everything but the master switch."""
    team_overrides: Mapping[UUID, bool] | None = None
    """The same for teams, weaker than a person's own."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All flags at one moment."""

    flags: Mapping[str, Flag]
    memberships: Mapping[UUID, frozenset[UUID]]
    """Teams of a person, of those that any flag names."""


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks."""

    targeting_key: str
    """A user's id, or any other stable name of who is asking; empty when nobody said."""
    team_ids: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer, with its reason."""

    value: bool
    reason: Reason
    because: str
    """Which rule decided, in words; never names a person or a team."""
    key_missing: bool = False
    """The rules depend on who asks, and nobody said."""

    @property
    def variant(self) -> Variant:
        """The value by name."""
        return Variant.ON if self.value else Variant.OFF
