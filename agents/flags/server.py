"""Puts the parts together: pool, cache, provider and application in a worker process, one granian around it."""

import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer
from openfeature import api
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, disable_created_metrics
from structlog.typing import FilteringBoundLogger

from agents.flags.cache import FlagCache
from agents.flags.drain import Drain, stop_http_server
from agents.flags.errors import AddressBusyError
from agents.flags.metrics import FlagMetrics
from agents.flags.provider import FlagProvider
from agents.flags.service import Application, Parts
from agents.flags.settings import ServiceSettings
from agents.flags.store import FlagStore
from agents.runtime.clock import SystemClock
from agents.runtime.logs import Redactor, configure_logs, get_logger
from agents.runtime.metrics import DatabaseMetrics
from agents.runtime.names import APP_FLAGS, SessionName
from agents.runtime.postgres import Database, PoolSettings, Surroundings, Target
from agents.runtime.retry import Backoff
from agents.runtime.settings import DatabaseSettings, Identity

# Chosen: a head that takes longer comes from no client that this service is meant for.
_HEAD_LIMIT_MS = 10_000
# Chosen: one thread reads one query; a second session covers the moment in which a broken one is replaced.
_POOL = PoolSettings(
    min_size=1,
    max_size=2,
    wait_s=2.0,
    statement_timeout_s=5.0,
    read_only=True,
    backoff=Backoff(tries=2, first_s=0.1, cap_s=0.5),
)
_STOP_S = 5


def build_application(environ: Mapping[str, str]) -> Application:
    """Wire one worker; runs in the worker process. A database that is away does not stop it."""
    # Without this every counter doubles its series with a creation time nobody reads.
    disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus-client leaves this one untyped
    settings, identity, clock = ServiceSettings.from_environ(environ), Identity.from_environ(environ), SystemClock()
    redactor = Redactor()
    configure_logs(stream=sys.stderr, clock=clock, redactor=redactor)
    log = get_logger(APP_FLAGS)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    metrics = FlagMetrics(registry)
    target = Target(
        DatabaseSettings.from_environ(environ), SessionName(APP_FLAGS, identity.colour, identity.version), redactor
    )
    database = Database(
        target, _POOL, metrics=DatabaseMetrics(registry), around=Surroundings(log=log, clock=clock)
    ).open()
    store = FlagStore(database)
    cache = FlagCache(store.read_snapshot, settings.cache, clock=clock, log=log, metrics=metrics)
    api.set_provider_and_wait(FlagProvider(cache, metrics), APP_FLAGS)
    drain = Drain(settings.drain_s, stop=stop_http_server, metrics=metrics, log=log)

    def close() -> None:
        cache.stop()
        database.close()

    return Application(Parts(api.get_client(APP_FLAGS), cache, metrics, drain, log, close), identity)


def run(environ: Mapping[str, str], log: FilteringBoundLogger) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingsError: a setting is missing or out of range.
        AddressBusyError: the address cannot be bound.
    """
    settings = ServiceSettings.from_environ(environ)
    DatabaseSettings.from_environ(environ).read_password()
    _refuse_busy_address(settings.host, settings.port)
    log.info("flags.start.requested", host=settings.host, port=settings.port)
    server = MPServer(
        "agents.flags.server:build_application",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        workers=1,
        loop=Loops.auto,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_LIMIT_MS),
        # Its start and stop notices repeat what this package logs with more context.
        log_level=LogLevels.warning,
        log_dictconfig=_foreign_logs(),
        workers_kill_timeout=int(settings.drain_s) + _STOP_S,
    )
    server.serve(target_loader=_worker_loader(environ), wrap_loader=False)
    log.info("flags.stop.finished")


def _worker_loader(environ: Mapping[str, str]) -> Callable[..., Any]:
    return partial(build_application, dict(environ))


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
    """Make the HTTP server, the pool and OpenFeature write the same kind of line."""
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
            # The cache tells of an outage once; the pool's line for every try would drown it.
            "psycopg.pool": {**quiet, "level": "ERROR"},
        },
    }
