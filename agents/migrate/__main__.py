"""`python -m agents.migrate plan|apply|verify|status`."""

import os

import typer

from agents.migrate import commands
from agents.migrate.commands import Options
from agents.migrate.options import AsJson, Folder, Include, Tries, Wait, choose_folder
from agents.runtime.clock import SystemClock
from agents.runtime.logs import Redactor
from agents.runtime.names import APP_MIGRATE
from agents.runtime.process import print_answer, run_agent

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Apply reviewed SQL migrations, with proof.")


@app.command()
def plan(folder: Folder = None, include: Include = None, *, wait_s: Wait = 120, as_json: AsJson = False) -> None:
    """Say what would run and why; change nothing."""
    _answer(commands.show_plan, Options(choose_folder(folder), wait_s, tuple(include or ())), as_json=as_json)


@app.command()
def apply(
    folder: Folder = None, include: Include = None, *, wait_s: Wait = 120, tries: Tries = 30, as_json: AsJson = False
) -> None:
    """Run what is pending."""
    _answer(commands.apply_plan, Options(choose_folder(folder), wait_s, tuple(include or ()), tries), as_json=as_json)


@app.command()
def verify(folder: Folder = None, *, wait_s: Wait = 120, as_json: AsJson = False) -> None:
    """Prove every applied migration again."""
    _answer(commands.verify_database, Options(choose_folder(folder), wait_s), as_json=as_json)


@app.command()
def status(folder: Folder = None, *, wait_s: Wait = 120, as_json: AsJson = False) -> None:
    """Show the history and what is pending."""
    _answer(commands.show_status, Options(choose_folder(folder), wait_s), as_json=as_json)


def _answer(verb: commands.Verb, options: Options, *, as_json: bool) -> None:
    redactor = Redactor()
    with run_agent(APP_MIGRATE, redactor) as log:
        answer = verb(commands.Command(os.environ, options, log, redactor, SystemClock()))
        print_answer(answer.data, answer.lines, as_json=as_json)


if __name__ == "__main__":
    app(prog_name="python -m agents.migrate")
