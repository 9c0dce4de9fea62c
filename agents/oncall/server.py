"""Puts the parts together in a worker process: pool, ledger, channels, workers and application."""

import sys
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, disable_created_metrics
from structlog.typing import FilteringBoundLogger

from agents.oncall.around import Around
from agents.oncall.channels import Channel, Channels
from agents.oncall.channels.email import EmailChannel
from agents.oncall.channels.log import LogChannel
from agents.oncall.channels.slack import SlackChannel
from agents.oncall.desk import Desk
from agents.oncall.dispatch import Bench, Dispatcher, Signing
from agents.oncall.emergency import Emergency
from agents.oncall.ledger import Ledger
from agents.oncall.metrics import OncallMetrics
from agents.oncall.roster import ChannelName
from agents.oncall.roster_file import read_roster
from agents.oncall.service import Application, Parts
from agents.oncall.settings import OncallSettings
from agents.oncall.worker import Worker
from agents.runtime.clock import SystemClock
from agents.runtime.logs import Redactor, configure_logs, get_logger
from agents.runtime.metrics import DatabaseMetrics
from agents.runtime.names import APP_ONCALL, SessionName
from agents.runtime.postgres import Database, PoolSettings, Surroundings, Target
from agents.runtime.retry import Backoff
from agents.runtime.settings import DatabaseSettings, Identity
from agents.runtime.web.drain import Drain, stop_http_server
from agents.runtime.web.server import serve_application
from agents.runtime.web.settings import WebSettings

# Chosen: a notification that waits longer is told from memory; Alertmanager itself waits 10 s for an answer.
_POOL = PoolSettings(
    min_size=1,
    max_size=5,
    wait_s=2.0,
    statement_timeout_s=5.0,
    backoff=Backoff(tries=2, first_s=0.1, cap_s=0.5),
)
_STOP_S = 3.0


def build_application(environ: Mapping[str, str]) -> Application:
    """Wire one worker; runs in the worker process. A database that is away does not stop it."""
    # Without this every counter doubles its series with a creation time nobody reads.
    disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus-client leaves this one untyped
    settings, identity, clock = OncallSettings.from_environ(environ), Identity.from_environ(environ), SystemClock()
    redactor = Redactor()
    configure_logs(stream=sys.stderr, clock=clock, redactor=redactor)
    log = get_logger(APP_ONCALL)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    channels = build_channels(settings, clock=clock, redactor=redactor, log=log)
    metrics = OncallMetrics(registry, channels)
    metrics.configured.set(len(settings.configured))
    session = SessionName(APP_ONCALL, identity.colour, identity.version)
    database = Database(
        Target(DatabaseSettings.from_environ(environ), session, redactor),
        _POOL,
        metrics=DatabaseMetrics(registry),
        around=Surroundings(log=log, clock=clock),
    ).open()
    desk = _set_up_desk(settings, channels, database, Around(clock, log, metrics), redactor)

    def start() -> None:
        for worker in desk.workers:
            worker.start()

    def close() -> None:
        for worker in desk.workers:
            worker.stop(_STOP_S)
        database.close()

    web = WebSettings.from_environ(environ)
    drain = Drain(APP_ONCALL, web.drain_s, stop=stop_http_server, shown=metrics.draining, log=log)
    return Application(Parts(desk, metrics, drain, log, start, close), identity)


def _set_up_desk(
    settings: OncallSettings, channels: Channels, database: Database, around: Around, redactor: Redactor
) -> Desk:
    roster, keys = read_roster(settings.roster), settings.read_keys()
    for key in keys:
        redactor.add(key.decode())
    ledger = Ledger(database, roster, usable=settings.configured, clock=around.clock)
    desk = Desk(ledger, Emergency(channels, roster, around), keys=keys, heartbeat_s=settings.heartbeat_s, around=around)
    bench = Bench(
        database=database,
        ledger=ledger,
        roster=roster,
        usable=settings.configured,
        signing=Signing(keys[0], settings.public_url, settings.link_s),
        lease_s=settings.lease_s,
        around=around,
    )
    steps = {str(name): Dispatcher(name, channel, bench).send_next for name, channel in channels.items()}
    desk.workers += [
        Worker(name, step, poll_s=settings.poll_s, around=around)
        for name, step in {"escalation": desk.advance, **steps}.items()
    ]
    return desk


def build_channels(
    settings: OncallSettings, *, clock: SystemClock, redactor: Redactor, log: FilteringBoundLogger
) -> dict[ChannelName, Channel]:
    """Return the channels that are configured, and the log, which is what is left when none is."""
    channels: dict[ChannelName, Channel] = {"log": LogChannel(log)}
    if settings.smtp is not None:
        channels["email"] = EmailChannel(settings.smtp, now=clock.now)
    if settings.slack_url_file is not None:
        channels["slack"] = SlackChannel(
            settings.slack_url_file, timeout_s=settings.send_timeout_s, clock=clock, redactor=redactor
        )
    return channels


def run(environ: Mapping[str, str], log: FilteringBoundLogger) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingsError: a setting is missing or out of range.
        RosterInvalidError: the roster cannot be followed.
        AddressBusyError: the address cannot be bound.
    """
    settings, web = OncallSettings.from_environ(environ), WebSettings.from_environ(environ)
    read_roster(settings.roster)
    settings.read_keys()
    DatabaseSettings.from_environ(environ).read_password()
    channels = sorted(settings.configured)
    log.info("oncall.start.requested", host=web.host, port=web.port, channels=channels)
    if not channels:
        log.warning("oncall.channels.missing", reason="no channel is configured: pages go to this log and reach nobody")
    serve_application("agents.oncall.server:build_application", build_application, environ)
    log.info("oncall.stop.finished")
