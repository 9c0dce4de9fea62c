"""The verbs of `cryo health`, from settings to a report."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from agents.health.definition import Check, Profile
from agents.health.examine import Order, examine
from agents.health.findings import Report
from agents.health.history import History
from agents.health.page import render_page
from agents.health.registry import load_checks, select_checks
from agents.health.reports import StoredReport, trend
from agents.health.settings import HealthSettings
from agents.runtime.clock import Clock, SystemClock
from agents.runtime.logs import Redactor
from agents.runtime.metrics import DatabaseMetrics
from agents.runtime.names import APP_HEALTH, SessionName
from agents.runtime.postgres import Database, PoolSettings, Surroundings, Target
from agents.runtime.retry import Backoff
from agents.runtime.settings import DatabaseSettings, Identity

# Chosen: a person waits; one second try covers a connection that broke between two looks.
_POOL = PoolSettings(max_size=1, wait_s=5.0, statement_timeout_s=10.0, backoff=Backoff(tries=2, first_s=0.1, cap_s=0.5))


@dataclass(frozen=True, slots=True)
class Command:
    """One invocation with everything it needs from outside."""

    environ: Mapping[str, str]
    log: FilteringBoundLogger
    redactor: Redactor
    clock: Clock = field(default_factory=SystemClock)


def check_once(command: Command, profile: Profile, groups: Sequence[str]) -> Report:
    """Run the chosen checks once.

    Raises:
        SelectionError: a group does not exist.
        SettingsError: a setting is missing or wrong.
    """
    return next(check_again(command, profile, groups))


def check_again(command: Command, profile: Profile, groups: Sequence[str]) -> Iterator[Report]:
    """Run the chosen checks each time that a report is asked for, over one connection."""
    settings = HealthSettings.from_environ(command.environ)
    checks = settings.apply(select_checks(profile, groups))
    order = Order(profile, checks, tuple(groups), settings.accept, settings.layout)
    name = DatabaseSettings.from_environ(command.environ).name
    with _open(command) as database:
        while True:
            report = examine(database, order, name=name, clock=command.clock)
            command.log.info(
                "health.check.finished", status=report.status, profile=profile, duration_ms=report.duration_ms
            )
            yield report


def keep_report(command: Command, profile: Profile, *, days: int) -> tuple[StoredReport, str]:
    """Run the checks, keep what they found for `days`, and return it with its page.

    Raises:
        DatabaseUnavailableError: the database does not answer, so nothing can be kept.
    """
    settings = HealthSettings.from_environ(command.environ)
    order = Order(profile, settings.apply(select_checks(profile)), (), settings.accept, settings.layout)
    with _open(command) as database:
        report = examine(database, order, name=DatabaseSettings.from_environ(command.environ).name, clock=command.clock)
        history = History(database)
        stored = history.read(history.keep(report, days=days))
        trends = trend(history.list_reports(until=stored.id))
    command.log.info("health.report.kept", report=stored.id, status=report.status)
    return stored, render_page(stored.report, difference=stored.difference, trends=trends)


def list_checks() -> list[Check]:
    """Return every check that ships with the agent."""
    return list(load_checks().values())


def plain(value: object) -> object:
    """Return a report or a check as JSON knows it."""
    return msgspec.to_builtins(value)


@contextmanager
def _open(command: Command) -> Iterator[Database]:
    identity = Identity.from_environ(command.environ)
    target = Target(
        DatabaseSettings.from_environ(command.environ),
        SessionName(APP_HEALTH, identity.colour, identity.version),
        command.redactor,
    )
    metrics = DatabaseMetrics(CollectorRegistry())
    with Database(
        target, _POOL, metrics=metrics, around=Surroundings(log=command.log, clock=command.clock)
    ) as database:
        yield database
