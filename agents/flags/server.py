"""Puts the parts together: pool, cache, provider and application in a worker process, one granian around it."""

import sys
from collections.abc import Mapping

from openfeature import api
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, disable_created_metrics
from structlog.typing import FilteringBoundLogger

from agents.flags.cache import FlagCache
from agents.flags.metrics import FlagMetrics
from agents.flags.provider import FlagProvider
from agents.flags.service import Application, Parts
from agents.flags.settings import CacheSettings
from agents.flags.store import FlagStore
from agents.runtime.clock import SystemClock
from agents.runtime.logs import Redactor, configure_logs, get_logger
from agents.runtime.metrics import DatabaseMetrics
from agents.runtime.names import APP_FLAGS, SessionName
from agents.runtime.postgres import Database, PoolSettings, Surroundings, Target
from agents.runtime.retry import Backoff
from agents.runtime.settings import DatabaseSettings, Identity
from agents.runtime.web.drain import Drain, stop_http_server
from agents.runtime.web.server import serve_application
from agents.runtime.web.settings import WebSettings

# Chosen: one thread reads one query; a second session covers the moment in which a broken one is replaced.
_POOL = PoolSettings(
    min_size=1,
    max_size=2,
    wait_s=2.0,
    statement_timeout_s=5.0,
    read_only=True,
    backoff=Backoff(tries=2, first_s=0.1, cap_s=0.5),
)


def build_application(environ: Mapping[str, str]) -> Application:
    """Wire one worker; runs in the worker process. A database that is away does not stop it."""
    # Without this every counter doubles its series with a creation time nobody reads.
    disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus-client leaves this one untyped
    web, identity, clock = WebSettings.from_environ(environ), Identity.from_environ(environ), SystemClock()
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
    cache = FlagCache(store.read_snapshot, CacheSettings.from_environ(environ), clock=clock, log=log, metrics=metrics)
    api.set_provider_and_wait(FlagProvider(cache, metrics), APP_FLAGS)
    drain = Drain(APP_FLAGS, web.drain_s, stop=stop_http_server, shown=metrics.draining, log=log)

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
    settings = WebSettings.from_environ(environ)
    CacheSettings.from_environ(environ)
    DatabaseSettings.from_environ(environ).read_password()
    log.info("flags.start.requested", host=settings.host, port=settings.port)
    serve_application("agents.flags.server:build_application", build_application, environ)
    log.info("flags.stop.finished")
