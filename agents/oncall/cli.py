"""The command line of the on-call agent: `python -m agents.oncall`, and the same under `cryo oncall`."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from agents.oncall import commands
from agents.oncall.commands import Command, make_command
from agents.runtime.logs import Redactor
from agents.runtime.names import APP_ONCALL
from agents.runtime.process import print_answer, run_agent

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"([1-9]\d{0,3})([mhd])")


def _parse_moment(text: str) -> datetime:
    try:
        return commands.parse_moment(text)
    except ValueError as error:
        message = f"{text!r} is no time; write it as 2026-12-24T18:00 (UTC) or with an offset"
        raise typer.BadParameter(message) from error


def _parse_duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None:
        message = f"{text!r} is no duration; write 30m, 2h or 7d"
        raise typer.BadParameter(message)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


app = typer.Typer(no_args_is_help=True, add_completion=False, help="Who is told of alerts, and what they answered.")

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
At = Annotated[datetime | None, typer.Option("--at", parser=_parse_moment, help="Another moment than now.")]
Days = Annotated[int, typer.Option("--days", min=1, max=366, help="How far ahead.")]
Number = Annotated[int, typer.Argument(help="Number of the incident.")]
Severity = Annotated[str, typer.Option("--severity", help="Severity of the test; routes choose the policy by it.")]
Matchers = Annotated[list[str], typer.Argument(help="Such as alertname=SlowEndpoint or env=~stag.*; all must hold.")]
Lasts = Annotated[timedelta, typer.Option("--for", parser=_parse_duration, help="30m, 2h or 7d.")]
Why = Annotated[str, typer.Option("--reason", help="Why; Alertmanager keeps it.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many incidents.")]
SecretFile = Annotated[Path, typer.Option("--password-file", help="File with the password on its first line.")]


@app.command()
def who(*, at: At = None, as_json: AsJson = False) -> None:
    """Show who is on call on each schedule, and why."""
    with _running() as command:
        _print(commands.show_duties(command, at), as_json=as_json)


@app.command()
def schedule(*, days: Days = 28, as_json: AsJson = False) -> None:
    """List the coming shifts; a roster that cannot be followed is refused with the key to change."""
    with _running() as command:
        _print(commands.show_schedule(command, days), as_json=as_json)


@app.command(name="list")
def list_incidents(*, limit: Limit = 20, as_json: AsJson = False) -> None:
    """List incidents that are not over, and those that ended within a day."""
    with _running() as command:
        _print(commands.list_incidents(command, limit), as_json=as_json)


@app.command()
def ack(number: Number, *, as_json: AsJson = False) -> None:
    """Acknowledge an incident: you work on it, and nobody else is told."""
    with _running() as command:
        _print(commands.act(command, "ack", number), as_json=as_json)


@app.command()
def resolve(number: Number, *, as_json: AsJson = False) -> None:
    """End an incident by hand."""
    with _running() as command:
        _print(commands.act(command, "resolve", number), as_json=as_json)


@app.command(name="test")
def page_test(*, severity: Severity = "critical", as_json: AsJson = False) -> None:
    """Page whoever is on call with a message that says that it is a test."""
    with _running() as command:
        _print(commands.plant_test(command, severity), as_json=as_json)


@app.command()
def silence(matchers: Matchers, *, lasts: Lasts, reason: Why, as_json: AsJson = False) -> None:
    """Silence alerts in Alertmanager for a time; CRYO_ALERTMANAGER_URL says where it is."""
    with _running() as command:
        _print(commands.silence(command, matchers, lasts, reason), as_json=as_json)


@app.command()
def serve() -> None:
    """Take alerts in and bring them to people until told to stop."""
    # The HTTP server is loaded by this command alone, so that the others start at once.
    from agents.oncall.server import run  # noqa: PLC0415

    with run_agent(APP_ONCALL, Redactor()) as log:
        run(os.environ, log)


@app.command(name="allow-login")
def allow_login(password_file: SecretFile) -> None:
    """Let the service's role log in with the password in a file; the server sees only its SCRAM verifier."""
    with _running() as command:
        _print(commands.allow_login(command, password_file), as_json=False)


def _print(answer: commands.Answer, *, as_json: bool) -> None:
    print_answer(answer.data, answer.lines, as_json=as_json)


@contextmanager
def _running() -> Iterator[Command]:
    redactor = Redactor()
    with run_agent(APP_ONCALL, redactor) as log:
        yield make_command(os.environ, log, redactor)
