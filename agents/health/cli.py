"""The command line of `cryo health`: what is wrong with the database, and what to do about it."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from agents.health import commands
from agents.health.commands import Command
from agents.health.definition import Profile
from agents.health.findings import Report
from agents.health.fixing import FixRequest
from agents.health.handbook import render_handbook
from agents.health.rendering import render_change, render_fix, render_report
from agents.runtime.errors import EXIT_PERMANENT, TerminatedError
from agents.runtime.logs import Redactor
from agents.runtime.names import APP_HEALTH
from agents.runtime.process import run_agent

app = typer.Typer(
    invoke_without_command=True,
    add_completion=False,
    help=(
        "Say what is wrong with the database and what to do about it.\n\n"
        "Exit codes: 0 nothing above info, 1 warning, 3 a check gave no answer, 4 critical."
    ),
)

Groups = Annotated[list[str] | None, typer.Option("--group", help="Only this group; may be repeated.")]
ProfileChoice = Annotated[Profile, typer.Option("--profile", help="quick: sessions, settings, counters; full: all.")]
Watch = Annotated[float | None, typer.Option("--watch", min=1, help="Look again every so many seconds.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON; with --watch one line per look.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="As the tables of docs/health.md.")]
Checks = Annotated[list[str] | None, typer.Option("--check", help="Only this check; may be repeated.")]
Objects = Annotated[list[str] | None, typer.Option("--object", help="Only this object; may be repeated.")]
Hash = Annotated[str | None, typer.Option("--hash", help="Of the plan that is to be carried out.")]
Days = Annotated[int, typer.Option("--keep-days", min=1, help="Reports that are older are removed.")]
Page = Annotated[Path | None, typer.Option("--page", help="Also write the report there as one page of HTML.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Also name what is fine and what was skipped.")]


@app.callback()
def check(  # noqa: PLR0913 - one parameter per option
    context: typer.Context,
    *,
    group: Groups = None,
    profile: ProfileChoice = Profile.FULL,
    watch: Watch = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Run the checks and print what they found."""
    if context.invoked_subcommand is not None:
        return
    show = partial(_print, as_json=as_json, verbose=verbose, indent=2 if watch is None else None)
    with _running() as command:
        if watch is None:
            report = commands.check_once(command, profile, group or ())
            show(report)
        else:
            report = _watch(command, commands.check_again(command, profile, group or ()), watch, show)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


@app.command()
def report(
    *, profile: ProfileChoice = Profile.FULL, days: Days = 30, page: Page = None, as_json: AsJson = False
) -> None:
    """Run the checks, keep the report in the database, and say what changed since the one before."""
    with _running() as command:
        stored, html = commands.keep_report(command, profile, days=days)
        if page is not None:
            page.write_text(html, encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(commands.plain(stored), indent=2, sort_keys=True))
    else:
        typer.echo("\n".join(render_change(stored)))


@app.command()
def serve() -> None:
    """Answer for the database's health over HTTP until told to stop."""
    # The HTTP server is loaded by this command alone, so that the others start at once.
    from agents.health.server import run  # noqa: PLC0415

    with run_agent(APP_HEALTH, Redactor()) as log:
        run(os.environ, log)


@app.command()
def fix(*, check: Checks = None, only: Objects = None, hash_: Hash = None, as_json: AsJson = False) -> None:
    """Say what would mend the findings; with --hash of that plan, do it."""
    from agents.health.server import fix_once  # noqa: PLC0415

    with _running() as command:
        answer = fix_once(command, FixRequest(tuple(check or ()), tuple(only or ()), hash_))
    if as_json:
        typer.echo(json.dumps(commands.plain(answer), indent=2, sort_keys=True))
    else:
        typer.echo("\n".join(render_fix(answer)))
    if any(not each.mended for each in answer.done):
        raise typer.Exit(EXIT_PERMANENT)


@app.command()
def checks(*, as_json: AsJson = False, markdown: Markdown = False) -> None:
    """List every check with its group, severity and meaning."""
    found = commands.list_checks()
    if markdown:
        typer.echo("\n".join(render_handbook(found)))
        return
    if as_json:
        typer.echo(json.dumps([commands.plain(each) for each in found], indent=2, sort_keys=True))
        return
    for each in found:
        typer.echo(f"{each.id:44} {each.severity:9} {each.profile:6} {each.title}")


def _watch(command: Command, reports: Iterator[Report], pause_s: float, show: Callable[[Report], None]) -> Report:
    """Look until interrupted; the last report decides the exit code."""
    report = next(reports)
    try:
        while True:
            show(report)
            command.clock.sleep(pause_s)
            report = next(reports)
    except TerminatedError:
        return report


def _print(report: Report, *, as_json: bool, verbose: bool, indent: int | None) -> None:
    if as_json:
        typer.echo(json.dumps(commands.plain(report), indent=indent, sort_keys=True))
        return
    for line in render_report(report, verbose=verbose):
        typer.echo(line)


@contextmanager
def _running() -> Iterator[Command]:
    redactor = Redactor()
    with run_agent(APP_HEALTH, redactor) as log:
        yield Command(os.environ, log, redactor)
