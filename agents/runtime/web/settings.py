"""Where an agent's HTTP service listens and how it leaves, read once from the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from agents.runtime.errors import SettingsError
from agents.runtime.names import PORT_HTTP

_BIND = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?P<port>\d{1,5})")
_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What every HTTP service is told."""

    host: str
    """`CRYO_BIND` before the colon."""
    port: int
    """`CRYO_BIND` after the colon; default 8080."""
    drain_s: float
    """`CRYO_DRAIN_S`, 0 to 600: after SIGTERM the service goes on answering, unready, for so long; default 2."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the two variables.

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
            drain_s=read_seconds(environ, "CRYO_DRAIN_S", 2.0, (0, 600)),
        )


def read_seconds(environ: Mapping[str, str], name: str, default: float, legal: tuple[float, float]) -> float:
    """Return a duration in seconds.

    Raises:
        SettingsError: it is no number or out of range.
    """
    raw = environ.get(name, "")
    try:
        value = float(raw) if raw else default
    except ValueError:
        value = float("nan")
    if not legal[0] <= value <= legal[1]:
        message = f"{name} is {raw!r}; set it to a number of seconds from {legal[0]:g} to {legal[1]:g}"
        raise SettingsError(message)
    return value
