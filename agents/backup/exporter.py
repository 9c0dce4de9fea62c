"""Reads the repositories again and again and shows the result to Prometheus; the one process that is always on."""

import threading
from collections.abc import Callable
from datetime import datetime

from prometheus_client import CollectorRegistry, start_http_server

from agents.backup.commands import Command
from agents.backup.errors import BackupError, BackupUnavailableError
from agents.backup.metrics import BackupCollector, Observation
from agents.backup.pgbackrest.engine import PgBackRest
from agents.backup.pgbackrest.restore import recoverable_windows
from agents.runtime.names import PORT_HTTP

# Chosen: WAL is closed every 60 s, so a look every 30 s sees each segment within the minute after it.
_PERIOD_S = 30.0


def export(command: Command, *, port: int = PORT_HTTP, stop: threading.Event | None = None) -> None:
    """Serve /metrics until the process is told to stop."""
    registry = CollectorRegistry()
    collector = BackupCollector(command.clock)
    registry.register(collector)
    server, thread = start_http_server(port, registry=registry)
    stopped = stop or threading.Event()
    try:
        with command.engine() as engine:
            _watch(command, engine, collector, stopped)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _watch(command: Command, engine: PgBackRest, collector: BackupCollector, stopped: threading.Event) -> None:
    is_prepared = False
    while not stopped.is_set():
        try:
            # A database that is just being made is prepared as soon as it answers, so that its first WAL is accepted.
            if not is_prepared:
                engine.prepare()
                is_prepared = True
            collector.observation = observe(engine, command.settings.stanza, command.clock.now)
        except (BackupError, BackupUnavailableError) as error:
            # The loop's boundary: the failure is a metric and a log line, and the next look may succeed.
            command.log.warning("backup.watch.failed", error=type(error).__name__, reason=str(error))
            collector.observation = _unreadable(command, collector.observation)
        stopped.wait(_PERIOD_S)


def observe(engine: PgBackRest, stanza: str, now: Callable[[], datetime]) -> Observation:
    """Look at the near repository."""
    sets = [backup for backup in engine.list_sets() if backup.repository == 1]
    archive = engine.read_archive(1)
    return Observation(
        at=now(),
        stanza=stanza,
        sets=sets,
        windows=recoverable_windows(sets, archive),
        last_archived_at=max(archive.segments.values(), default=None),
        is_readable=True,
    )


def _unreadable(command: Command, before: Observation | None) -> Observation:
    stanza = command.settings.stanza
    if before is None:
        return Observation(command.clock.now(), stanza, (), (), None, is_readable=False)
    return Observation(before.at, stanza, before.sets, before.windows, before.last_archived_at, is_readable=False)
