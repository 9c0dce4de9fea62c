"""Puts the parts together: pools, keeper, mender and application in a worker process, one granian around it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, disable_created_metrics
from structlog.typing import FilteringBoundLogger

from agents.health.commands import Command
from agents.health.definition import Check, Profile
from agents.health.examine import Order, examine, report_silence
from agents.health.findings import Outcome, Report
from agents.health.fixes import plan_fixes
from agents.health.fixing import FixAnswer, FixRequest, fixable
from agents.health.history import History
from agents.health.keeper import ReportKeeper
from agents.health.mend import Assignment, apply_fixes
from agents.health.metrics import HealthMetrics
from agents.health.openapi import build_document
from agents.health.registry import load_checks, select_checks
from agents.health.routes import Asked
from agents.health.service import Application, Parts
from agents.health.settings import HealthSettings
from agents.runtime.clock import Clock, Deadline, SystemClock
from agents.runtime.logs import Redactor, configure_logs, get_logger
from agents.runtime.metrics import DatabaseMetrics
from agents.runtime.names import APP_HEALTH, SessionName
from agents.runtime.postgres import Database, PoolSettings, Surroundings, Target, open_connection
from agents.runtime.retry import Backoff
from agents.runtime.settings import DatabaseSettings, Identity, choose_actor
from agents.runtime.web.bearer import Caller, Gatekeeper, Role
from agents.runtime.web.drain import Drain, stop_http_server
from agents.runtime.web.server import serve_application
from agents.runtime.web.settings import WebSettings

# Chosen: a quick look and a full one at once; a database that is silent is told within two seconds.
_POOL = PoolSettings(
    max_size=2, wait_s=1.5, statement_timeout_s=10.0, backoff=Backoff(tries=2, first_s=0.05, cap_s=0.1)
)
_CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Examiner:
    """Looks at one database with one deployment's numbers."""

    database: Database
    settings: HealthSettings
    name: str
    clock: Clock
    show: Callable[[Report, float], None]

    def look(self, asked: Asked) -> Report:
        """Ask what was asked for, and show it to Prometheus."""
        report = examine(self.database, self._order(asked), name=self.name, clock=self.clock)
        self.show(report, self.clock.now().timestamp())
        return report

    def silent(self, asked: Asked, reason: str) -> Report:
        """Make the report of a database that gave no answer."""
        return report_silence(self._order(asked), reason, name=self.name, clock=self.clock)

    def ask(self, checks: Sequence[Check]) -> tuple[Outcome, ...]:
        """Ask some checks, without the cap that a page needs."""
        order = Order(
            Profile.FULL, self.settings.apply(checks), accept=self.settings.accept, layout=self.settings.layout, cap=100
        )
        return examine(self.database, order, name=self.name, clock=self.clock).outcomes

    def _order(self, asked: Asked) -> Order:
        checks = self.settings.apply(select_checks(asked.profile, asked.groups))
        return Order(asked.profile, checks, asked.groups, self.settings.accept, self.settings.layout)


@dataclass(frozen=True, slots=True)
class Mender:
    """Plans fixes with the eyes of the service, and does them as the role that owns the tables."""

    examiner: Examiner
    owner: DatabaseSettings
    session: SessionName
    metrics: HealthMetrics
    log: FilteringBoundLogger

    def fix(self, request: FixRequest, caller: Caller, request_id: str | None) -> FixAnswer:
        """Plan, and with a hash carry it out."""
        checks = fixable(request.checks)
        plan = plan_fixes(self.examiner.ask(checks), request.objects)
        if request.hash is None:
            return FixAnswer(applied=False, plan=plan)

        def look(names: Sequence[str]) -> tuple[Outcome, ...]:
            return self.examiner.ask([load_checks()[name] for name in names] if names else checks)

        clock = self.examiner.clock
        assignment = Assignment(request.hash, request.objects, caller.who, request_id)
        deadline = Deadline.after(_CONNECT_S, clock)
        with open_connection(self.owner, self.session, deadline=deadline, log=self.log) as conn:
            done = apply_fixes(conn, assignment, look, clock=clock)
        for each in done:
            self.metrics.count_fix(each.step.fix, mended=each.mended)
            self.log.info("health.fix.finished", check=each.step.check, object=each.step.object, mended=each.mended)
        return FixAnswer(applied=True, plan=plan, done=done)


def build_application(environ: Mapping[str, str]) -> Application:
    """Wire one worker; runs in the worker process. A database that is away does not stop it."""
    # Without this every counter doubles its series with a creation time nobody reads.
    disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus-client leaves this one untyped
    web, identity, clock = WebSettings.from_environ(environ), Identity.from_environ(environ), SystemClock()
    redactor = Redactor()
    configure_logs(stream=sys.stderr, clock=clock, redactor=redactor)
    log = get_logger(APP_HEALTH)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    metrics = HealthMetrics(registry)
    target = DatabaseSettings.from_environ(environ)
    session = SessionName(APP_HEALTH, identity.colour, identity.version)
    database = Database(
        Target(target, session, redactor),
        _POOL,
        metrics=DatabaseMetrics(registry),
        around=Surroundings(log=log, clock=clock),
    ).open()
    examiner = Examiner(database, HealthSettings.from_environ(environ), target.name, clock, metrics.show)
    owner = read_owner(environ)
    mender = Mender(examiner, owner, session, metrics, log) if owner else None
    parts = Parts(
        keeper=ReportKeeper(examiner.look, examiner.silent, leave=database.break_sessions, clock=clock),
        gatekeeper=Gatekeeper.from_environ(environ),
        fix=mender.fix if mender else None,
        history=History(database),
        document=build_document(identity.version),
        metrics=metrics,
        drain=Drain(APP_HEALTH, web.drain_s, stop=stop_http_server, shown=metrics.draining, log=log),
        log=log,
        close=database.close,
    )
    return Application(parts, identity)


def fix_once(command: Command, request: FixRequest) -> FixAnswer:
    """Plan or carry out a fix from the command line, with one role for looking and for doing."""
    identity = Identity.from_environ(command.environ)
    target = DatabaseSettings.from_environ(command.environ)
    session = SessionName(APP_HEALTH, identity.colour, identity.version)
    metrics, clock = HealthMetrics(CollectorRegistry()), command.clock
    around = Surroundings(log=command.log, clock=clock)
    pool = Database(
        Target(target, session, command.redactor), _POOL, metrics=DatabaseMetrics(metrics.registry), around=around
    )
    with pool as database:
        settings = HealthSettings.from_environ(command.environ)
        examiner = Examiner(database, settings, target.name, clock, metrics.show)
        mender = Mender(examiner, target, session, metrics, command.log)
        return mender.fix(request, Caller(choose_actor(command.environ), Role.OPERATOR), None)


def read_owner(environ: Mapping[str, str]) -> DatabaseSettings | None:
    """Read `CRYO_HEALTH_FIX_USER` and its `CRYO_HEALTH_FIX_PASSWORD_FILE`; without the first no fix is done."""
    user = environ.get("CRYO_HEALTH_FIX_USER", "")
    if not user:
        return None
    path = environ.get("CRYO_HEALTH_FIX_PASSWORD_FILE", "")
    target = DatabaseSettings.from_environ(environ)
    return replace(target, user=user, password_file=Path(path) if path else None)


def run(environ: Mapping[str, str], log: FilteringBoundLogger) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingsError: a setting is missing or out of range.
        AddressBusyError: the address cannot be bound.
    """
    settings = WebSettings.from_environ(environ)
    HealthSettings.from_environ(environ)
    Gatekeeper.from_environ(environ)
    DatabaseSettings.from_environ(environ).read_password()
    log.info("health.start.requested", host=settings.host, port=settings.port)
    serve_application("agents.health.server:build_application", build_application, environ)
    log.info("health.stop.finished")
