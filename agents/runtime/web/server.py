"""Runs an RSGI application in one worker process of granian until SIGTERM or SIGINT."""

import logging
import os
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from agents.runtime.errors import AddressBusyError
from agents.runtime.web.settings import WebSettings

# Chosen: a head that takes longer comes from no client that these services are meant for.
_HEAD_LIMIT_MS = 10_000
_STOP_S = 5


def serve_application(target: str, build: Callable[..., Any], environ: Mapping[str, str]) -> None:
    """Serve until told to stop.

    Args:
        target: name of the application for the server's own messages, `module:function`.
        build: makes the application from the environment; runs in the worker process, so it must be importable.
        environ: of the process; a copy goes to the worker.

    Raises:
        SettingsError: CRYO_BIND or CRYO_DRAIN_S is out of range.
        AddressBusyError: the address cannot be bound.
    """
    settings = WebSettings.from_environ(environ)
    _refuse_busy_address(settings.host, settings.port)
    server = MPServer(
        target,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        workers=1,
        loop=Loops.auto,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_LIMIT_MS),
        # Its start and stop notices repeat what the agents log with more context.
        log_level=LogLevels.warning,
        log_dictconfig=_foreign_logs(),
        workers_kill_timeout=int(settings.drain_s) + _STOP_S,
    )
    server.serve(target_loader=partial(_load, build, dict(environ)), wrap_loader=False)


def _load(build: Callable[..., Any], environ: Mapping[str, str]) -> Any:  # noqa: ANN401 - granian's own type
    return build(environ)


def _refuse_busy_address(host: str, port: int) -> None:
    """Find out that an address is taken; granian shares it with another granian without a word."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            message = f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}; change CRYO_BIND"
            raise AddressBusyError(message) from error


def _foreign_logs() -> dict[str, Any]:
    """Make the HTTP server, the pool and libraries write the same kind of line."""
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts")
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
        "foreign_pre_chain": [structlog.processors.add_log_level, stamp, structlog.processors.format_exc_info],
    }
    handler = {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}
    quiet = {"handlers": ["standard_error"], "level": "WARNING", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter},
        "handlers": {"standard_error": handler},
        "root": {"handlers": ["standard_error"], "level": logging.getLevelName(logging.WARNING)},
        "loggers": {
            "_granian": quiet,
            "granian.access": quiet,
            # The agents tell of an outage once; the pool's line for every try would drown it.
            "psycopg.pool": {**quiet, "level": "ERROR"},
        },
    }
