"""One JSON object a line on stderr; stdout stays free for the command's own answer.

Events are named `agent.verb.outcome`. Values that are known to be secret are replaced wherever they appear,
in nested fields and in tracebacks too.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from agents.runtime.clock import Clock, format_rfc3339

REDACTED = "[redacted]"
# Chosen: a shorter secret would blank out ordinary words ("on", "blue") and tell more than it hides.
MIN_SECRET_LENGTH = 4


class Redactor:
    """A structlog processor that knows which strings must never be written."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Start with secrets that are already known."""
        self._secrets: tuple[str, ...] = ()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Hide one more string; longest first, so that a secret inside another leaves no rest."""
        if len(secret) >= MIN_SECRET_LENGTH:
            self._secrets = tuple(sorted({*self._secrets, secret}, key=len, reverse=True))

    def redact_text(self, text: str) -> str:
        """Return the text without any known secret."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return text

    def __call__(self, _logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
        """Clean one log line."""
        return {self.redact_text(key): self._clean(value) for key, value in event_dict.items()}

    def _clean(self, value: object) -> Any:  # noqa: ANN401 - a log value is whatever the caller bound
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {self.redact_text(str(key)): self._clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(item) for item in value]
        return self.redact_text(str(value))


def configure_logs(*, stream: TextIO, clock: Clock, redactor: Redactor) -> None:
    """Send every log line of the process to one stream."""

    def stamp(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
        return {"ts": format_rfc3339(clock.now()), **event_dict}

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            stamp,
            structlog.processors.format_exc_info,
            redactor,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )


def get_logger(agent: str) -> FilteringBoundLogger:
    """Return a logger whose lines carry the agent's name."""
    logger: FilteringBoundLogger = structlog.get_logger(agent=agent)
    return logger
