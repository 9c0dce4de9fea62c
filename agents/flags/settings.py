"""How fresh flags are kept and where the service listens, read once from the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from agents.runtime.errors import SettingsError
from agents.runtime.names import PORT_HTTP

_BIND = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?P<port>\d{1,5})")
_MAX_PORT = 65_535


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
        refresh_s = _seconds(environ, "CRYO_FLAGS_REFRESH_S", 5.0, (0.05, 3600))
        max_stale_s = _seconds(environ, "CRYO_FLAGS_MAX_STALE_S", 300.0, (0.1, 86_400))
        if max_stale_s <= refresh_s:
            message = (
                f"CRYO_FLAGS_MAX_STALE_S is {max_stale_s:g} and CRYO_FLAGS_REFRESH_S {refresh_s:g}: flags would be "
                "too old before they are read again; raise the first or lower the second"
            )
            raise SettingsError(message)
        return cls(refresh_s, max_stale_s)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What the HTTP service is told."""

    host: str
    """`CRYO_BIND` before the colon."""
    port: int
    """`CRYO_BIND` after the colon; default 8080."""
    drain_s: float
    """`CRYO_DRAIN_S`, 0 to 600: after SIGTERM the service goes on answering, unready, for so long; default 2."""
    cache: CacheSettings

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables above.

        Raises:
            SettingsError: a value is out of range; the message names it.
        """
        raw = environ.get("CRYO_BIND", "") or f"0.0.0.0:{PORT_HTTP}"
        found = _BIND.fullmatch(raw)
        if found is None or not 1 <= int(found["port"]) <= _MAX_PORT:
            message = f"CRYO_BIND is {raw!r}; set it to host:port with a port from 1 to {_MAX_PORT}"
            raise SettingsError(message)
        return cls(
            host=found["host"].strip("[]"),
            port=int(found["port"]),
            drain_s=_seconds(environ, "CRYO_DRAIN_S", 2.0, (0, 600)),
            cache=CacheSettings.from_environ(environ),
        )


def _seconds(environ: Mapping[str, str], name: str, default: float, legal: tuple[float, float]) -> float:
    raw = environ.get(name, "")
    try:
        value = float(raw) if raw else default
    except ValueError:
        value = float("nan")
    if not legal[0] <= value <= legal[1]:
        message = f"{name} is {raw!r}; set it to a number of seconds from {legal[0]:g} to {legal[1]:g}"
        raise SettingsError(message)
    return value
