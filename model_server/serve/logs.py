"""JSON log lines on standard output, one event per line."""

import logging
import sys

import structlog
from structlog.typing import FilteringBoundLogger, Processor

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    structlog.processors.format_exc_info,
)


def build_logger(*, colour: str, version: str) -> FilteringBoundLogger:
    """Make a logger that writes to standard output and carries which deployment speaks."""
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(sys.stdout),
        processors=[*_SHARED, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        component="model_server",
        colour=colour,
        version=version,
    )
    return logger
