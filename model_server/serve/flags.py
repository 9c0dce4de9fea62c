"""Ask the flags service which models are switched off, over OFREP and beside the requests.

A prediction never waits for this: it reads what the last answer said. While the service does not answer, that stays.
"""

import asyncio
import http.client
from collections.abc import Iterable
from time import monotonic
from typing import NamedTuple
from urllib.parse import SplitResult

import msgspec
from structlog.typing import FilteringBoundLogger

from model_server.errors import FlagsUnreachableError
from model_server.serve.metrics import ServeMetrics
from model_server.serve.switches import Flag, Flags, Switches, decide_switched_off

_PATH = "/ofrep/v1/evaluate/flags"
# A bulk question needs somebody who asks; no rule about people decides on a model.
_QUESTION = b'{"context":{"targetingKey":"model-server"}}'
# Chosen: the service answers from memory within milliseconds or is away.
_TIMEOUT_S = 2.0
# Chosen: 1,000 flags are 150 kB.
_MAX_BYTES = 4 * 1024 * 1024
_OK, _NOT_MODIFIED = 200, 304


class Fetched(NamedTuple):
    """A new answer, and the tag that asks whether it still holds."""

    flags: list[Flag]
    tag: str | None


class FlagSource:
    """The flags service at one address."""

    def __init__(self, address: SplitResult) -> None:
        """Remember where it is; nothing is asked yet."""
        self._address = address
        self.url = address.geturl()

    def fetch(self, tag: str | None) -> Fetched | None:
        """Ask for every flag; None when nothing changed since the answer with that tag.

        Raises:
            FlagsUnreachableError: no answer, or one that is not of the protocol (temporary).
        """
        headers = {"content-type": "application/json", **({"if-none-match": tag} if tag else {})}
        secure = self._address.scheme == "https"
        make = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = make(self._address.hostname or "", self._address.port, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", self._address.path.rstrip("/") + _PATH, _QUESTION, headers)
            response = connection.getresponse()
            status, body, found = response.status, response.read(_MAX_BYTES), response.getheader("etag")
        except (OSError, http.client.HTTPException) as error:
            raise FlagsUnreachableError(f"{self.url}: {str(error) or type(error).__name__}") from error
        finally:
            connection.close()
        if status == _NOT_MODIFIED and tag:
            return None
        if status != _OK:
            raise FlagsUnreachableError(f"{self.url} answers {status}: {body[:200]!r}")
        try:
            return Fetched(msgspec.json.decode(body, type=Flags).flags, found)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FlagsUnreachableError(f"{self.url} does not speak OFREP: {error}") from error


class FlagWatch:
    """Keeps the switches of one worker as the flags service has them."""

    def __init__(
        self, source: FlagSource, switches: Switches, *, metrics: ServeMetrics, log: FilteringBoundLogger
    ) -> None:
        """Take the parts; nothing is asked yet."""
        self._source, self._switches, self._metrics, self._log = source, switches, metrics, log
        self._tag: str | None = None
        self._answered_at: float | None = None
        self._away = False
        metrics.flags_age.set_function(self._age_s)

    def look(self) -> None:
        """Ask once, and keep what was known when there is no answer."""
        try:
            fetched = self._source.fetch(self._tag)
        except FlagsUnreachableError as error:
            if not self._away:
                self._log.warning("model_server.flags.unreachable", reason=str(error), off=sorted(self._switches.off))
            self._away = True
            return
        if self._away:
            self._log.info("model_server.flags.reachable", url=self._source.url)
        self._away, self._answered_at = False, monotonic()
        if fetched is not None:
            self._tag = fetched.tag
            self._turn(decide_switched_off(fetched.flags, self._switches.off))

    def _turn(self, off: frozenset[str]) -> None:
        before, self._switches.off = self._switches.off, off
        self._show(off, value=1.0)
        self._show(before - off, value=0.0)
        for model in sorted(before ^ off):
            self._log.warning("model_server.flags.turned", model=model, enabled=model not in off)

    def _show(self, models: Iterable[str], *, value: float) -> None:
        for model in models:
            self._metrics.switched_off.labels(model).set(value)

    def _age_s(self) -> float:
        return float("nan") if self._answered_at is None else monotonic() - self._answered_at


async def follow_flags(watch: FlagWatch | None, pause_s: float) -> None:
    """Ask again and again until cancelled."""
    while watch is not None:
        await asyncio.to_thread(watch.look)
        await asyncio.sleep(pause_s)
