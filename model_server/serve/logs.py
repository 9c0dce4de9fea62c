"""JSON log lines on standard output, one event per line, from this package and from the HTTP server alike."""

import logging
import sys
from typing import Any

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


def server_log_config() -> dict[str, Any]:
    """Configure the HTTP server's own loggers to write the same kind of line."""
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
        "foreign_pre_chain": [*_SHARED],
    }
    handler = {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}
    quiet = {"handlers": ["standard_output"], "level": "WARNING", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter},
        "handlers": {"standard_output": handler},
        "root": {"handlers": ["standard_output"], "level": "WARNING"},
        "loggers": {"_granian": quiet, "granian.access": quiet},
    }
