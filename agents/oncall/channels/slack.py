"""Slack by an incoming webhook; its address is a secret and never part of an error."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from agents.oncall.errors import (
    ChannelError,
    ChannelLimitedError,
    ChannelRefusedError,
    ChannelUnreachableError,
    OutcomeUnknownError,
)
from agents.oncall.messages import Message
from agents.oncall.roster import Person
from agents.runtime.clock import Clock
from agents.runtime.logs import Redactor
from agents.runtime.settings import read_secret

_TOO_MANY, _TIMEOUT, _SERVER = 429, 408, 500
# Chosen: without a wish of the server, half a minute passes.
_LIMIT_S = 30.0


class SlackChannel:
    """Posts to one channel of a workspace and mentions the person."""

    def __init__(self, url_file: Path, *, timeout_s: float, clock: Clock, redactor: Redactor) -> None:
        """Prepare; the address is read for each message, because it may be rotated."""
        self._url_file = url_file
        self._timeout_s = timeout_s
        self._clock = clock
        self._redactor = redactor

    def send(self, message: Message, person: Person | None) -> None:
        """Post a message; see `Channel.send`."""
        url = read_secret(self._url_file, setting="CRYO_ONCALL_SLACK_URL_FILE")
        self._redactor.add(url)
        mention = f"{person.slack} " if person is not None and person.slack else ""
        text = f"{mention}*{_escape(message.subject)}*\n{_escape(message.text)}"
        try:
            answer = requests.post(
                url, json={"text": text}, timeout=(self._timeout_s, self._timeout_s), allow_redirects=False
            )
        except requests.RequestException as error:
            raise _broken(error) from None
        if not answer.ok:
            raise self._refused(answer)

    def _refused(self, answer: requests.Response) -> ChannelError:
        code, said = answer.status_code, answer.text[:100]
        if code == _TOO_MANY:
            wish_s = _retry_after_s(answer.headers.get("retry-after", ""), self._clock.now())
            return ChannelLimitedError(f"Slack answered 429; it asks for {wish_s:g} s", retry_after_s=wish_s)
        if code == _TIMEOUT or code >= _SERVER:
            return ChannelUnreachableError(f"Slack answered {code} {said}")
        return ChannelRefusedError(f"Slack answered {code} {said}; check the webhook's address")


def _retry_after_s(header: str, now: datetime) -> float:
    """Read seconds or a date; anything else counts as no wish."""
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - now).total_seconds())
    except (ValueError, TypeError):
        return _LIMIT_S


def _broken(error: requests.RequestException) -> ChannelError:
    """Tell whether the request can have left; the error itself may hold the address, so it is not repeated."""
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    if isinstance(reason, NewConnectionError | ConnectTimeoutError) or isinstance(error, requests.ConnectTimeout):
        return ChannelUnreachableError("Slack cannot be reached: no connection")
    if isinstance(error, requests.exceptions.SSLError):
        return ChannelRefusedError("Slack cannot be trusted: its certificate does not hold")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return ChannelRefusedError("the webhook's address is no URL; check CRYO_ONCALL_SLACK_URL_FILE")
    return OutcomeUnknownError(f"the connection broke after the message was sent ({type(error).__name__})")


def _escape(text: str) -> str:
    """Cited: Slack, "Formatting text": these three are control characters, others are not."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
