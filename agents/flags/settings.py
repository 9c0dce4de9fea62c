"""How fresh flags are kept, read once from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from agents.runtime.errors import SettingsError
from agents.runtime.web.settings import read_seconds


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """How old an answer may be."""

    refresh_s: float = 5.0
    """`CRYO_FLAGS_REFRESH_S`, 0.05 to 3600: pause between two reads, and so the usual age of an answer."""
    max_stale_s: float = 300.0
    """`CRYO_FLAGS_MAX_STALE_S`, above the pause, to 86400: age at which everything is off until the database is back.
    Chosen: a restart of the database takes a minute; what nobody could switch off for longer should not stay on."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the two variables.

        Raises:
            SettingsError: one is out of range, or the ages contradict each other.
        """
        refresh_s = read_seconds(environ, "CRYO_FLAGS_REFRESH_S", 5.0, (0.05, 3600))
        max_stale_s = read_seconds(environ, "CRYO_FLAGS_MAX_STALE_S", 300.0, (0.1, 86_400))
        if max_stale_s <= refresh_s:
            message = (
                f"CRYO_FLAGS_MAX_STALE_S is {max_stale_s:g} and CRYO_FLAGS_REFRESH_S {refresh_s:g}: flags would be "
                "too old before they are read again; raise the first or lower the second"
            )
            raise SettingsError(message)
        return cls(refresh_s, max_stale_s)
