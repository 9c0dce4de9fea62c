"""The command line of dumps: `cryo backup dump`, and `python -m agents.backup.dumps`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from agents.backup.dumps import commands, proofs
from agents.backup.dumps.running import Answer, Command
from agents.backup.dumps.settings import read_settings
from agents.backup.engine import Done
from agents.backup.levels import Level
from agents.runtime.clock import SystemClock
from agents.runtime.errors import EXIT_PERMANENT
from agents.runtime.logs import Redactor
from agents.runtime.process import print_answer, run_agent

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Encrypted, signed dumps of a database whose files nobody can reach, and the restore of single tables.",
)

# Chosen: often enough to see that it moves, rarely enough not to fill a log.
_TELL_EVERY_S = 10.0

Label = Annotated[str, typer.Argument(help="Label of a dump, as `list` shows it.")]
AnyLabel = Annotated[str | None, typer.Option("--set", help="Label of a dump; without it the newest.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Apply = Annotated[bool, typer.Option("--apply", help="Do it; without this nothing is deleted.")]
UpTo = Annotated[
    int, typer.Option("--level", min=0, max=7, help="Highest level to try; 2 reads, 5 restores and counts.")
]
Folder = Annotated[Path | None, typer.Option("--folder", help="New data folder, for a server of its own.")]
Into = Annotated[str | None, typer.Option("--database", help="Existing, empty database on the server of CRYO_DB_*.")]
Tables = Annotated[list[str] | None, typer.Option("--table", help="schema.table; once for each.")]
Swap = Annotated[bool, typer.Option("--swap", help="Make the rows what they were, in one transaction.")]
Side = Annotated[str | None, typer.Option("--side-schema", help="Leave the tables as they were in this new schema.")]
Days = Annotated[float, typer.Option("--days", min=0.0, help="How long; 0 ends a hold.")]
KeysFolder = Annotated[Path, typer.Argument(help="Folder for the key files; made when it is not there.")]


@app.command()
def keys(folder: KeysFolder, *, as_json: AsJson = False) -> None:
    """Make the keys that sign, encrypt and open dumps; existing ones are never written over."""
    with run_agent("backup", Redactor()):
        _print(commands.make_keys(folder), as_json=as_json)


@app.command()
def run(*, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Take one dump, and copy it to the second repository if there is one."""
    with _running() as command:
        _print(commands.run(command, dry_run=dry_run), as_json=as_json)


@app.command(name="list")
def list_sets(*, as_json: AsJson = False) -> None:
    """Show every whole dump and the level that it was proven to."""
    with _running() as command:
        _print(commands.list_sets(command), as_json=as_json)


@app.command()
def show(label: Label, *, as_json: AsJson = False) -> None:
    """Show what a dump holds, table by table."""
    with _running() as command:
        _print(commands.show(command, label), as_json=as_json)


@app.command()
def verify(*, label: AnyLabel = None, level: UpTo = 7, as_json: AsJson = False) -> None:
    """Climb the ladder of proof and keep the result; exit 70 if a level failed."""
    with _running() as command:
        answer = proofs.verify_set(command, label, up_to=Level(level))
        _print(answer, as_json=as_json)
    if not answer.data["passed"]:
        raise typer.Exit(EXIT_PERMANENT)


@app.command()
def restore(*, label: AnyLabel = None, folder: Folder = None, database: Into = None, as_json: AsJson = False) -> None:
    """Bring a whole dump back; an existing database gets everything or nothing."""
    if (folder is None) == (database is None):
        message = "give either --folder or --database"
        raise typer.BadParameter(message)
    with _running() as command:
        _print(commands.restore(command, label, folder=folder, database=database), as_json=as_json)


@app.command()
def tables(
    *,
    table: Tables = None,
    label: AnyLabel = None,
    swap: Swap = False,
    side_schema: Side = None,
    as_json: AsJson = False,
) -> None:
    """Compare single tables with a dump; nothing is changed without --swap or --side-schema."""
    with _running() as command:
        answer = commands.restore_tables(command, table or [], label, swap=swap, side_schema=side_schema)
        _print(answer, as_json=as_json)


@app.command()
def hold(label: Label, *, days: Days = 30.0, as_json: AsJson = False) -> None:
    """Keep a dump from every rule for some days, or end that; the catalogue remembers it."""
    with _running() as command:
        until = command.clock.now() + timedelta(days=days) if days else None
        _print(commands.hold(command, label, until=until), as_json=as_json)


@app.command()
def expire(*, apply: Apply = False, as_json: AsJson = False) -> None:
    """Say for every dump which rule keeps it or why it goes; delete with --apply."""
    with _running() as command:
        _print(commands.expire(command, apply=apply), as_json=as_json)


def _print(answer: Answer, *, as_json: bool) -> None:
    print_answer(answer.data, answer.lines, as_json=as_json)


@contextmanager
def _running() -> Iterator[Command]:
    with run_agent("backup", Redactor()) as log:
        clock = SystemClock()
        last_s = clock.monotonic()

        def tell(done: Done) -> None:
            nonlocal last_s
            if clock.monotonic() - last_s >= _TELL_EVERY_S:
                last_s = clock.monotonic()
                log.info("backup.progress.made", step=done.step, done=done.done_bytes, of=done.total_bytes)

        yield Command(read_settings(os.environ), os.environ, log, clock, tell)
