"""The command line: which verb gets which options."""

import os

import typer

from agents.migrate import adopt as adoption
from agents.migrate import commands
from agents.migrate.commands import Options
from agents.migrate.foreign_keys import commands as relations
from agents.migrate.options import (
    Adopt,
    AllowRewrite,
    AsJson,
    DoIt,
    Folder,
    Include,
    Last,
    Tries,
    UpTo,
    Wait,
    Window,
    WithoutBackup,
    choose_folder,
)
from agents.runtime.clock import SystemClock
from agents.runtime.logs import Redactor
from agents.runtime.names import APP_MIGRATE
from agents.runtime.process import print_answer, run_agent

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Apply reviewed SQL migrations, with proof.")


@app.command()
def plan(
    folder: Folder = None,
    include: Include = None,
    *,
    wait_s: Wait = 120,
    rollback_window_s: Window = commands.ROLLBACK_WINDOW_S,
    as_json: AsJson = False,
) -> None:
    """Say what would run, what it locks, and why; change nothing."""
    chosen = Options(choose_folder(folder), wait_s, tuple(include or ()), rollback_window_s=rollback_window_s)
    _answer(commands.show_plan, chosen, as_json=as_json)


@app.command()
def apply(  # noqa: PLR0913 - a command's options are its parameters
    folder: Folder = None,
    include: Include = None,
    *,
    wait_s: Wait = 120,
    tries: Tries = 30,
    rollback_window_s: Window = commands.ROLLBACK_WINDOW_S,
    adopt: Adopt = False,
    allow_rewrite: AllowRewrite = False,
    without_backup: WithoutBackup = "",
    as_json: AsJson = False,
) -> None:
    """Run what is pending."""
    chosen = Options(
        choose_folder(folder),
        wait_s,
        tuple(include or ()),
        tries,
        rollback_window_s=rollback_window_s,
        adopt=adopt,
        allow_rewrite=allow_rewrite,
        unbacked_because=without_backup,
    )
    _answer(commands.apply_plan, chosen, as_json=as_json)


@app.command()
def adopt(
    folder: Folder = None,
    *,
    do_it: DoIt = False,
    allow_rewrite: AllowRewrite = False,
    wait_s: Wait = 120,
    as_json: AsJson = False,
) -> None:
    """Say how a database that existed before the runner gets the declared shape, or do it with --apply."""
    chosen = Options(choose_folder(folder), wait_s, adopt=do_it, allow_rewrite=allow_rewrite)
    _answer(adoption.show_adoption, chosen, as_json=as_json)


@app.command("foreign-keys")
def foreign_keys(folder: Folder = None, *, last: Last = False, wait_s: Wait = 120, as_json: AsJson = False) -> None:
    """Count the rows that break each declared relation and say what apply would do; change nothing."""
    verb = relations.show_last_report if last else relations.show_foreign_keys
    _answer(verb, Options(choose_folder(folder), wait_s), as_json=as_json)


@app.command()
def baseline(up_to: UpTo, folder: Folder = None, *, wait_s: Wait = 120, as_json: AsJson = False) -> None:
    """Record files that the database has already, each after its proof."""
    _answer(commands.record_baseline, Options(choose_folder(folder), wait_s, up_to=up_to), as_json=as_json)


@app.command()
def verify(folder: Folder = None, *, wait_s: Wait = 120, as_json: AsJson = False) -> None:
    """Prove every applied migration again, and compare the schema with schema.sql."""
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
