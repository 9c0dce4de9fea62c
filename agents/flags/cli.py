"""The command line of flags: `python -m agents.flags`, and the same under `cryo flags`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, cast
from uuid import UUID

import typer

from agents.flags import commands
from agents.flags.changes import Change, Receiver, RemoveFlag, SetFlag, SetOverride, SetRollout
from agents.flags.commands import Command
from agents.runtime.logs import Redactor
from agents.runtime.names import APP_FLAGS
from agents.runtime.process import print_answer, run_agent


def _parse_percent(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        message = f"{text!r} is no number; give a percentage such as 12.5"
        raise typer.BadParameter(message) from error


app = typer.Typer(no_args_is_help=True, add_completion=False, help="See and change what is switched on, for whom.")

Name = Annotated[str, typer.Argument(help="Name of the flag.")]
Why = Annotated[str, typer.Option("--reason", help="Why; the audit log keeps it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change; change nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Switch = Annotated[bool | None, typer.Option("--on/--off", help="The master switch.")]
Text = Annotated[str | None, typer.Option("--description", help="What the flag is for.")]
ExceptionSwitch = Annotated[bool | None, typer.Option("--on/--off", help="What the flag is for them.")]
User = Annotated[UUID | None, typer.Option("--user", help="Id of a person.")]
Team = Annotated[UUID | None, typer.Option("--team", help="Id of a team.")]
Clear = Annotated[bool, typer.Option("--clear", help="End the exception.")]
Percent = Annotated[Decimal, typer.Argument(parser=_parse_percent, help="Share of people, 0 to 100.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many changes.")]
AnyName = Annotated[str | None, typer.Argument(help="Name of the flag; without it, all.")]
SecretFile = Annotated[Path, typer.Option("--password-file", help="File with the password on its first line.")]


@app.command(name="list")
def list_flags(*, as_json: AsJson = False) -> None:
    """Show every flag."""
    with _running() as command:
        _print(commands.list_flags(command), as_json=as_json)


@app.command()
def show(name: Name, *, as_json: AsJson = False) -> None:
    """Show one flag with its exceptions."""
    with _running() as command:
        _print(commands.show_flag(command, name), as_json=as_json)


@app.command(name="set")
def set_flag(  # noqa: PLR0913 - one parameter per option
    name: Name,
    *,
    reason: Why,
    on: Switch = None,
    description: Text = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Turn a flag's master switch, or make the flag; a new one is off for everybody until a rule says otherwise."""
    _change(name, SetFlag(on, description), reason, dry_run=dry_run, as_json=as_json)


@app.command()
def rollout(name: Name, percent: Percent, *, reason: Why, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Turn a flag on for a stable share of all people; a larger share only adds people."""
    _change(name, SetRollout(percent), reason, dry_run=dry_run, as_json=as_json)


@app.command()  # fmt: skip
def override(name: Name, *, reason: Why, user: User = None, team: Team = None, on: ExceptionSwitch = None,  # noqa: PLR0913
             clear: Clear = False, dry_run: DryRun = False, as_json: AsJson = False) -> None:  # fmt: skip
    """Make an exception for one person or team, or end it."""
    if (user is None) == (team is None):
        message = "give either --user or --team"
        raise typer.BadParameter(message)
    if (on is None) != clear:
        message = "give one of --on, --off and --clear"
        raise typer.BadParameter(message)
    receiver = Receiver("user", user) if user is not None else Receiver("team", cast("UUID", team))
    _change(name, SetOverride(receiver, on, reason), reason, dry_run=dry_run, as_json=as_json)


@app.command()
def remove(name: Name, *, reason: Why, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Forget a flag with its exceptions; callers then get the default in their code."""
    _change(name, RemoveFlag(), reason, dry_run=dry_run, as_json=as_json)


@app.command()
def history(name: AnyName = None, *, limit: Limit = 20, as_json: AsJson = False) -> None:
    """Show who changed what and why, newest first."""
    with _running() as command:
        _print(commands.show_history(command, name, limit), as_json=as_json)


@app.command()
def serve() -> None:
    """Answer for flags over HTTP (OFREP) until told to stop."""
    # The HTTP server and OpenFeature are loaded by this command alone, so that the others start at once.
    from agents.flags.server import run  # noqa: PLC0415

    with run_agent(APP_FLAGS, Redactor()) as log:
        run(os.environ, log)


@app.command(name="allow-login")
def allow_login(password_file: SecretFile) -> None:
    """Let the service's role log in with the password in a file; the server sees only its SCRAM verifier."""
    with _running() as command:
        _print(commands.allow_login(command, password_file), as_json=False)


def _change(name: str, change: Change, reason: str, *, dry_run: bool, as_json: bool) -> None:
    with _running() as command:
        _print(commands.change_flag(command, name, change, reason=reason, dry_run=dry_run), as_json=as_json)


def _print(answer: commands.Answer, *, as_json: bool) -> None:
    print_answer(answer.data, answer.lines, as_json=as_json)


@contextmanager
def _running() -> Iterator[Command]:
    redactor = Redactor()
    with run_agent(APP_FLAGS, redactor) as log:
        yield Command(os.environ, log, redactor)
