"""The verbs of `cryo oncall`, from settings to an answer that a person or a machine can read."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from agents.oncall.alertmanager import Silence, add_silence, parse_matcher
from agents.oncall.incident import Alert, Incident
from agents.oncall.ledger import Ledger, Recorded
from agents.oncall.payload import Notice
from agents.oncall.roster import Roster
from agents.oncall.roster_file import read_roster
from agents.oncall.schedule import find_duty, list_shifts
from agents.oncall.settings import read_roster_path
from agents.runtime.clock import Clock, SystemClock, format_rfc3339
from agents.runtime.login import RoleLogin, let_role_log_in
from agents.runtime.logs import Redactor
from agents.runtime.metrics import DatabaseMetrics
from agents.runtime.names import APP_ONCALL, ROLE_ONCALL, SessionName
from agents.runtime.postgres import Database, PoolSettings, Surroundings, Target
from agents.runtime.settings import DatabaseSettings, Identity, choose_actor

_ALERTMANAGER = "http://127.0.0.1:9093"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb found or did."""

    data: Mapping[str, object]
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Command:
    """One invocation with everything it needs from outside."""

    environ: Mapping[str, str]
    log: FilteringBoundLogger
    redactor: Redactor
    clock: Clock


def show_duties(command: Command, at: datetime | None) -> Answer:
    """Say who is on call on each schedule, and why."""
    roster, moment = _roster(command), at or command.clock.now()
    found = {name: find_duty(roster, name, moment) for name in roster.schedules}
    data = {name: {"person": duty.person, "because": duty.because} for name, duty in found.items()}
    lines = [f"{name}: {_person(roster, duty.person)}; {duty.because}" for name, duty in found.items()]
    return Answer({"at": format_rfc3339(moment), "on_call": data}, lines or ["the roster has no schedule"])


def show_schedule(command: Command, days: int) -> Answer:
    """List the shifts of each schedule from now on, in its own time."""
    roster, start = _roster(command), command.clock.now()
    data: dict[str, object] = {}
    lines: list[str] = []
    for name, schedule in roster.schedules.items():
        zone = ZoneInfo(schedule.time_zone)
        shifts = list_shifts(roster, name, start, start + timedelta(days=days))
        data[name] = [
            {
                "from": format_rfc3339(shift.start),
                "until": format_rfc3339(shift.end),
                "person": shift.duty.person,
                "because": shift.duty.because,
            }
            for shift in shifts
        ]
        lines.append(f"{name} ({schedule.time_zone})")
        lines += [
            f"  {shift.start.astimezone(zone):%a %Y-%m-%d %H:%M} to {shift.end.astimezone(zone):%a %Y-%m-%d %H:%M}  "
            f"{_person(roster, shift.duty.person)}; {shift.duty.because}"
            for shift in shifts
        ]
    return Answer({"schedules": data}, lines or ["the roster has no schedule"])


def list_incidents(command: Command, limit: int) -> Answer:
    """List what is not over, and what ended within a day."""
    with _open(command) as ledger:
        found = ledger.list_incidents(limit)
    data = [{"incident": number, **_plain(incident)} for number, incident in found]
    lines = [_incident_line(number, incident) for number, incident in found]
    return Answer({"incidents": data}, lines or ["no incidents"])


def act(command: Command, verb: str, incident_id: int) -> Answer:
    """Acknowledge an incident or end it by hand."""
    actor = choose_actor(command.environ)
    with _open(command) as ledger:
        recorded = ledger.acknowledge(incident_id, actor) if verb == "ack" else ledger.resolve(incident_id, actor)
    return _told(recorded)


def plant_test(command: Command, severity: str) -> Answer:
    """Open an incident that says that it is a test; the running agent pages for it as for any other."""
    actor, now = choose_actor(command.environ), command.clock.now()
    alert = Alert(
        fingerprint=f"test-{uuid4().hex}",
        starts_at=now,
        labels={"alertname": "OncallTest", "severity": severity, "service": "oncall"},
        annotations={
            "summary": f"Test by {actor}: nothing is wrong",
            "description": "Acknowledge it and say so to whoever is testing.",
        },
    )
    with _open(command) as ledger:
        number = ledger.plant(Notice(f"oncall:{alert.fingerprint}", firing=True, alerts=(alert,)))
    told = f"incident {number} is open; `cryo oncall list` shows who was told, `cryo oncall resolve {number}` ends it"
    return Answer({"incident": number}, [told])


def silence(command: Command, matchers: Sequence[str], lasts: timedelta, reason: str) -> Answer:
    """Silence alerts in Alertmanager for a time."""
    url = command.environ.get("CRYO_ALERTMANAGER_URL", "") or _ALERTMANAGER
    actor, start = choose_actor(command.environ), command.clock.now()
    parsed = [parse_matcher(each) for each in matchers]
    number = add_silence(url, Silence(parsed, start, lasts, actor, reason))
    command.log.info("oncall.silence.added", silence=number, actor=actor, reason=reason, matchers=list(matchers))
    until = format_rfc3339(start + lasts)
    return Answer({"silence": number, "until": until}, [f"silence {number} until {until}"])


def allow_login(command: Command, password_file: Path) -> Answer:
    """Let the service's role log in; running it again sets the file's password again."""
    login = RoleLogin(APP_ONCALL, ROLE_ONCALL, password_file)
    let_role_log_in(login, command.environ, log=command.log, redactor=command.redactor)
    return Answer({"role": ROLE_ONCALL}, [f"{ROLE_ONCALL} may log in"])


def parse_moment(text: str) -> datetime:
    """Read an RFC 3339 time; one without an offset is UTC.

    Raises:
        ValueError: it is no time.
    """
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def _open(command: Command) -> Iterator[Ledger]:
    identity = Identity.from_environ(command.environ)
    target = Target(
        DatabaseSettings.from_environ(command.environ),
        SessionName(APP_ONCALL, identity.colour, identity.version),
        command.redactor,
    )
    metrics, around = DatabaseMetrics(CollectorRegistry()), Surroundings(log=command.log)
    with Database(target, PoolSettings(max_size=1), metrics=metrics, around=around) as database:
        yield Ledger(database, _roster(command), usable=frozenset(), clock=command.clock)


def _roster(command: Command) -> Roster:
    return read_roster(read_roster_path(command.environ))


def _person(roster: Roster, name: str) -> str:
    person = roster.people[name]
    return f"{name} ({person.name}{f', {person.email}' if person.email else ''})"


def _told(recorded: Recorded) -> Answer:
    incident = recorded.decision.incident
    data = {
        "incident": recorded.incident_id,
        "because": recorded.decision.because,
        "status": incident.status.value if incident else None,
    }
    return Answer(data, [f"incident {recorded.incident_id}: {recorded.decision.because}"])


def _plain(incident: Incident) -> dict[str, object]:
    return {
        "status": incident.status.value,
        "severity": incident.severity,
        "alert": incident.label("alertname"),
        "began": format_rfc3339(incident.opened_at),
        "steps_taken": incident.stage,
        "actor": incident.actor,
        "alerts": len(incident.alerts),
    }


def _incident_line(number: int, incident: Incident) -> str:
    who = f" by {incident.actor}" if incident.actor else ""
    name = incident.label("alertname") or f"{len(incident.alerts)} alerts"
    began = format_rfc3339(incident.opened_at)
    return f"{number}  {incident.status.value}{who}  {incident.severity}  {name}  began {began}, step {incident.stage}"


def make_command(environ: Mapping[str, str], log: FilteringBoundLogger, redactor: Redactor) -> Command:
    """Put an invocation together with the machine's clock."""
    return Command(environ, log, redactor, SystemClock())
