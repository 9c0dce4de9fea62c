"""Silences in Alertmanager, by its API v2."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import requests

from agents.oncall.errors import AlertmanagerUnavailableError, SilenceRefusedError
from agents.runtime.clock import format_rfc3339

_OPERATORS = (("!=", False, False), ("=~", True, True), ("!~", True, False), ("=", False, True))
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label."""

    name: str
    value: str
    is_regex: bool
    is_equal: bool


def parse_matcher(text: str) -> Matcher:
    """Read `name=value`, `name!=value`, `name=~regex` or `name!~regex`.

    Raises:
        SilenceRefusedError: it is none of them, or matches what has no such label.
    """
    found = min(
        ((text.find(sign), -len(sign), sign, regex, equal) for sign, regex, equal in _OPERATORS if sign in text),
        default=None,
    )
    if found is None or found[0] == 0 or not text[found[0] + len(found[2]) :]:
        message = f"{text!r} is no matcher; write name=value, name!=value, name=~regex or name!~regex"
        raise SilenceRefusedError(message)
    place, _, sign, regex, equal = found
    return Matcher(text[:place].strip(), text[place + len(sign) :], regex, equal)


@dataclass(frozen=True, slots=True)
class Silence:
    """What is silenced, when, by whom and why."""

    matchers: Sequence[Matcher]
    """All of them have to hold; at least one says what an alert is, not what it is not."""
    start: datetime
    lasts: timedelta
    actor: str
    reason: str


def add_silence(url: str, silence: Silence) -> str:
    """Silence alerts for a time in the Alertmanager at `url`; return the silence's id.

    Raises:
        SilenceRefusedError: it would silence everything, or Alertmanager said no.
        AlertmanagerUnavailableError: no answer.
    """
    if not any(each.is_equal and each.value not in {".*", ".+"} for each in silence.matchers):
        message = "these matchers silence nearly everything; name at least one label, such as alertname=SlowEndpoint"
        raise SilenceRefusedError(message)
    body = {
        "matchers": [
            {"name": each.name, "value": each.value, "isRegex": each.is_regex, "isEqual": each.is_equal}
            for each in silence.matchers
        ],
        "startsAt": format_rfc3339(silence.start),
        "endsAt": format_rfc3339(silence.start + silence.lasts),
        "createdBy": silence.actor,
        "comment": silence.reason,
    }
    try:
        answer = requests.post(f"{url.rstrip('/')}/api/v2/silences", json=body, timeout=_TIMEOUT_S)
    except requests.RequestException as error:
        message = f"Alertmanager at {url} does not answer ({type(error).__name__}); CRYO_ALERTMANAGER_URL names it"
        raise AlertmanagerUnavailableError(message) from error
    if answer.status_code >= requests.codes.server_error:
        message = f"Alertmanager at {url} answered {answer.status_code}; try again"
        raise AlertmanagerUnavailableError(message)
    if not answer.ok:
        message = f"Alertmanager refused the silence: {answer.status_code} {answer.text[:200]}"
        raise SilenceRefusedError(message)
    return str(answer.json()["silenceID"])
