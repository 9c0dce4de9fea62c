"""What an environment asks of a release, as the one JSON argument that the infra program writes; pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import GenericAlias
from typing import Any, Self

from agents.release.errors import PolicyMalformedError
from agents.release.gates import Limit
from agents.release.states import FULL_SHARE, Course


@dataclass(frozen=True, slots=True)
class Policy:
    """Steps and gates; the defaults ask for the smoke test alone and move all traffic at once.

    A gate whose setting is None or False is not asked, and the record says so.
    """

    steps: tuple[int, ...] = (FULL_SHARE,)
    soak_s: float = 0.0
    step_deadline_s: float = 300.0
    """Longest comparison of one step; without a verdict by then the traffic goes back."""
    capacity: bool = False
    backup_max_age_s: float | None = None
    openapi: bool = False
    parity_tolerance: float | None = None
    """Largest difference of a prediction between the colours, in the unit of the target."""
    approval_deadline_s: float | None = None
    """How long the release waits for a person before its first step."""
    webhook_url: str | None = None
    """Asked before the first step; see agents/release/webhook.py."""
    webhook_deadline_s: float = 60.0
    limits: tuple[Limit, ...] = ()
    """Questions to Prometheus about the canary, asked at every look."""
    prometheus_url: str | None = None
    """Without it no comparison is made, and only 0 to 100 is possible."""
    minimum_requests: int = 1500
    """Measured (bench/gates.py): of each colour; errors that jump from 1 % to 5 % are then seen in 95 of 100."""
    load_per_s: float = 40.0
    """Requests a second that the gate itself sends to each colour while it compares."""
    slow_floor_s: float = 0.1
    """No request that is faster counts as slow, however fast the stable colour is."""
    scrape_interval_s: float = 10.0
    """Of Prometheus; a sample older than three of them is stale."""

    def __post_init__(self) -> None:
        """Refuse a course without an end, and a canary that nobody compares."""
        Course(self.steps, self.soak_s)
        if len(self.steps) > 1 and self.prometheus_url is None:
            message = f"steps {list(self.steps)} need prometheus_url, because a share of users is given to compare"
            raise ValueError(message)

    @property
    def course(self) -> Course:
        """The steps and the soak."""
        return Course(self.steps, self.soak_s)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the JSON object; an empty text is the default.

        Raises:
            PolicyMalformedError: no object, an unknown key, a value of another type or out of range.
        """
        try:
            raw = json.loads(text) if text.strip() else {}
            return cls(**_typed(raw, {field.name: _kind(field.type) for field in fields(cls)}))
        except (ValueError, TypeError) as error:
            message = f"--policy: {error}; the infra program writes it from apps.<name>.release of the environment file"
            raise PolicyMalformedError(message) from error


def _kind(declared: object) -> str:
    return declared.__name__ if isinstance(declared, type) and not isinstance(declared, GenericAlias) else str(declared)


def _typed(raw: object, known: Mapping[str, str]) -> dict[str, Any]:
    if not isinstance(raw, dict):
        message = "expected a JSON object"
        raise TypeError(message)
    found: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in known:
            message = f"unknown key {key}"
            raise ValueError(message)
        found[key] = _typed_value(key, value, known[key])
    return found


def _typed_value(key: str, value: object, kind: str) -> object:
    if value is None and "None" in kind:
        return None
    if "Limit" in kind and isinstance(value, list):
        return tuple(_limit(each) for each in value)
    if kind.startswith("tuple") and isinstance(value, list) and all(type(each) is int for each in value):
        return tuple(value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind.startswith("float") and number:
        return _positive(key, float(str(value)))
    if kind == "int" and type(value) is int:
        return _positive(key, value)
    if (kind == "bool" and isinstance(value, bool)) or (kind.startswith("str") and isinstance(value, str)):
        return value
    message = f"{key}: {value!r} is not of type {kind}"
    raise TypeError(message)


def _limit(value: object) -> Limit:
    if not isinstance(value, dict) or set(value) != {"name", "query", "at_most"}:
        message = f"limits: {value!r} is not an object of name, query and at_most"
        raise TypeError(message)
    return Limit(name=str(value["name"]), at_most=float(value["at_most"]), query=str(value["query"]))


def _positive(key: str, value: float) -> float:
    if value < 0:
        message = f"{key}: {value} is below 0"
        raise ValueError(message)
    return value
