"""Settings of the server, read once from environment variables at start."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from model_server.errors import SettingInvalidError
from model_server.registry.folder import WantedModel, parse_wanted

RELEASED_DIR = Path(__file__).resolve().parent.parent / "registry" / "released"

_LABEL_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,62}")
_BIND_PATTERN = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?P<port>\d{1,5})")
_MAX_PORT = 65535
_MAX_WORKERS = 64
_MAX_DRAIN_S = 600.0

T = TypeVar("T")


@dataclass(frozen=True)
class ServeSettings:
    """What the server is told.

    Args:
        host: `CRYO_BIND` before the colon; address to listen on.
        port: `CRYO_BIND` after the colon, 1 to 65535; default 8080.
        colour: `CRYO_COLOUR`; goes into a header and a metric label, so only letters, digits and `._+-`.
        version: `CRYO_VERSION`, same alphabet; of the deployed build, not of a model.
        models_dir: `CRYO_MODELS_DIR`; holds <name>/<version>/card.json. Default: the models shipped with the code.
        wanted: `CRYO_MODELS`; comma list of `name` or `name@1.2.3`, all of which readiness waits for. Default tg.
        workers: `CRYO_WORKERS`, 1 to 64; one per core. Above 1, `/metrics` answers for one worker at a time.
        drain_s: `CRYO_DRAIN_S`, 0 to 600; after SIGTERM the server keeps answering, unready, for so many seconds, so
            that connections close in good order. Must stay below the pod's grace period. Default 2.
    """

    host: str = "0.0.0.0"  # noqa: S104 - the server runs in a pod and is reached through its Service
    port: int = 8080
    colour: str = "none"
    version: str = "dev"
    models_dir: Path = RELEASED_DIR
    wanted: tuple[WantedModel, ...] = (WantedModel("tg"),)
    workers: int = 1
    drain_s: float = 2.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ServeSettings":
        """Read the variables above; an unset or empty one keeps its default.

        Raises:
            SettingInvalidError: a value is outside its range; the message names the variable (permanent).
        """
        host, port = _read(environment, "CRYO_BIND", _parse_bind, (cls.host, cls.port))
        return cls(
            host=host,
            port=port,
            colour=_read(environment, "CRYO_COLOUR", _parse_label, cls.colour),
            version=_read(environment, "CRYO_VERSION", _parse_label, cls.version),
            models_dir=_read(environment, "CRYO_MODELS_DIR", Path, cls.models_dir),
            wanted=_read(environment, "CRYO_MODELS", _parse_models, cls.wanted),
            workers=_read(environment, "CRYO_WORKERS", _parse_workers, cls.workers),
            drain_s=_read(environment, "CRYO_DRAIN_S", _parse_drain, cls.drain_s),
        )


def _read(environment: Mapping[str, str], name: str, parse: Callable[[str], T], default: T) -> T:
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        return parse(text)
    except ValueError as error:
        raise SettingInvalidError(f"{name}={text!r}: {error}; correct the variable") from error


def _parse_bind(text: str) -> tuple[str, int]:
    match = _BIND_PATTERN.fullmatch(text)
    if match is None or not 1 <= int(match["port"]) <= _MAX_PORT:
        raise ValueError(f"expected host:port with a port of 1 to {_MAX_PORT}")
    return match["host"].strip("[]"), int(match["port"])


def _parse_label(text: str) -> str:
    if not _LABEL_PATTERN.fullmatch(text):
        raise ValueError(f"expected {_LABEL_PATTERN.pattern}")
    return text


def _parse_models(text: str) -> tuple[WantedModel, ...]:
    wanted = tuple(parse_wanted(part.strip()) for part in text.split(","))
    if len({model.name for model in wanted}) != len(wanted):
        raise ValueError(f"{len(wanted)} entries name a model twice")
    return wanted


def _parse_workers(text: str) -> int:
    workers = int(text)
    if not 1 <= workers <= _MAX_WORKERS:
        raise ValueError(f"expected 1 to {_MAX_WORKERS}")
    return workers


def _parse_drain(text: str) -> float:
    seconds = float(text)
    if not 0.0 <= seconds <= _MAX_DRAIN_S:
        raise ValueError(f"expected 0 to {_MAX_DRAIN_S:g} seconds")
    return seconds
