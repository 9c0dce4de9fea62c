"""What is true of a server before anything is asked of it, and so which checks can say something."""

from collections.abc import Mapping
from dataclasses import dataclass

from agents.health.definition import Check


@dataclass(frozen=True, slots=True)
class Facts:
    """A server and our place on it."""

    version_number: int
    """Such as 170011."""
    version: str
    in_recovery: bool
    superuser: bool
    monitor: bool
    statistics_age_s: float
    """Since the counters of this database were reset, or the server started."""
    extensions: Mapping[str, str]
    """Schema by extension."""
    relations: frozenset[str]
    """The tables that some check asks for and that are there."""
    roles: frozenset[str]

    @property
    def major(self) -> int:
        """The major version."""
        return self.version_number // 10_000


def reason_to_skip(check: Check, facts: Facts, *, has_schema: bool = False) -> str | None:
    """Say why a check can say nothing here; None when it can.

    Args:
        check: what would be asked.
        facts: of the server.
        has_schema: whether schema.sql is at hand.
    """
    wanted = check.requires
    reasons = (
        (wanted.server_from > facts.major, f"needs PostgreSQL {wanted.server_from}, this is {facts.major}"),
        (wanted.primary and facts.in_recovery, "the server is a standby"),
        (wanted.schema_file and not has_schema, "schema.sql is not at hand; name it by CRYO_HEALTH_SCHEMA"),
        (wanted.superuser and not facts.superuser, "needs a superuser"),
        (wanted.monitor and not facts.monitor, "the role lacks pg_monitor; grant it"),
        (
            wanted.statistics_age_s > facts.statistics_age_s,
            f"the counters are {facts.statistics_age_s / 3600:.1f} h old, below {wanted.statistics_age_s / 3600:.0f} h",
        ),
        *((name not in facts.extensions, f"extension {name} is not installed") for name in wanted.extensions),
        *((name not in facts.relations, f"there is no table {name}") for name in wanted.relations),
        *((name not in facts.roles, f"there is no role {name}") for name in wanted.roles),
    )
    return next((reason for applies, reason in reasons if applies), None)
