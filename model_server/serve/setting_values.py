"""Read the values of settings from their text; whatever is not legal is a ValueError that says what is."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import SplitResult, urlsplit

from model_server.registry.bucket import Bucket
from model_server.registry.bucket import parse_bucket as parse_bucket_address
from model_server.registry.folder import NAME_PATTERN, WantedModel, parse_wanted

EVERY_MODEL = "*"

_LABEL_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,62}")
_BIND_PATTERN = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?P<port>\d{1,5})")
_AMOUNTS_PATTERN = re.compile(r"cpu=\d+m?,memory=\d+[KMGT]i")
_MAX_PORT = 65535

Algorithm = Literal["HS256", "ES256"]
Amounts = tuple[tuple[str, str], ...]
Trainer = Literal["off", "process", "kubernetes"]


def parse_bind(text: str) -> tuple[str, int]:
    """Read host:port."""
    match = _BIND_PATTERN.fullmatch(text)
    if match is None or not 1 <= int(match["port"]) <= _MAX_PORT:
        raise ValueError(f"expected host:port with a port of 1 to {_MAX_PORT}")
    return match["host"].strip("[]"), int(match["port"])


def parse_label(text: str) -> str:
    """Read what may stand in a header and a metric label."""
    if not _LABEL_PATTERN.fullmatch(text):
        raise ValueError(f"expected {_LABEL_PATTERN.pattern}")
    return text


def parse_text(text: str) -> str | None:
    """Take the text."""
    return text


def parse_path(text: str) -> Path | None:
    """Take the text as a path."""
    return Path(text)


def parse_bucket(text: str) -> Bucket | None:
    """Read the address of a bucket."""
    return parse_bucket_address(text)


def parse_url(text: str) -> SplitResult | None:
    """Read the address of a service."""
    address = urlsplit(text)
    if address.scheme not in {"http", "https"} or not address.hostname or address.query or "@" in address.netloc:
        msg = "expected http://host:port without credentials or query"
        raise ValueError(msg)
    _ = address.port  # raises ValueError itself
    return address


def parse_switch(text: str) -> bool:
    """Read on or off."""
    known = {"on": True, "off": False}
    if text not in known:
        raise ValueError(f"expected one of {', '.join(known)}")
    return known[text]


def parse_algorithm(text: str) -> Algorithm:
    """Read the algorithm of tokens."""
    if text == "HS256":
        return "HS256"
    if text == "ES256":
        return "ES256"
    raise ValueError(f"{text[:16]} is not accepted, expected HS256 or ES256")


def parse_trainer(text: str) -> Trainer:
    """Read what runs trainings."""
    if text not in get_args(Trainer):
        raise ValueError(f"expected one of {', '.join(get_args(Trainer))}")
    return cast("Trainer", text)


def parse_amounts(text: str) -> Amounts:
    """Read processor and memory of a container."""
    if not _AMOUNTS_PATTERN.fullmatch(text):
        msg = "expected cpu=<quantity>,memory=<quantity>, such as cpu=500m,memory=1Gi"
        raise ValueError(msg)
    parts = (part.partition("=") for part in text.split(","))
    return tuple((name, quantity) for name, _, quantity in parts)


def parse_models(text: str) -> tuple[WantedModel, ...] | None:
    """Read the wanted models; None for every one."""
    if text == EVERY_MODEL:
        return None
    wanted = tuple(parse_wanted(part.strip()) for part in text.split(","))
    if len({model.name for model in wanted}) != len(wanted):
        raise ValueError(f"{len(wanted)} entries name a model twice")
    return wanted


def parse_names(text: str) -> frozenset[str]:
    """Read names of models, or `*`."""
    names = frozenset(part.strip() for part in text.split(","))
    wrong = sorted(name for name in names if name != EVERY_MODEL and not NAME_PATTERN.fullmatch(name))
    if wrong:
        raise ValueError(f"{wrong} cannot name models")
    return names


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """Return what reads a whole number in a range."""

    def parse(text: str) -> int:
        value = int(text)
        if not lowest <= value <= highest:
            raise ValueError(f"expected {lowest} to {highest}")
        return value

    return parse


def number(lowest: float, highest: float) -> Callable[[str], float]:
    """Return what reads a number in a range."""

    def parse(text: str) -> float:
        value = float(text)
        if not lowest <= value <= highest:
            raise ValueError(f"expected {lowest:g} to {highest:g}")
        return value

    return parse
