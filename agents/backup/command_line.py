"""The command line of backups: `python -m agents.backup`, and the same under `cryo backup`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agents.backup import commands
from agents.backup.commands import Command
from agents.backup.dumps.command_line import app as dumps
from agents.backup.engine import (
    BackupKind,
    Done,
    Lsn,
    RestoreRequest,
    RestoreTarget,
    ToImmediate,
    ToLatest,
    ToLsn,
    ToName,
    ToTime,
)
from agents.backup.pgbackrest.config import write_config
from agents.backup.settings import read_settings
from agents.runtime.clock import SystemClock
from agents.runtime.logs import Redactor
from agents.runtime.names import APP_BACKUP
from agents.runtime.process import print_answer, run_agent
from agents.runtime.settings import DatabaseSettings, Identity


def _parse_moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is no time; write it as 2026-11-24T15:04:05Z"
        raise typer.BadParameter(message) from error
    if moment.tzinfo is None:
        message = f"{text!r} has no time zone; end it with Z or an offset such as +01:00"
        raise typer.BadParameter(message)
    return moment.astimezone(UTC)


def _parse_lsn(text: str) -> Lsn:
    try:
        return Lsn.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


app = typer.Typer(no_args_is_help=True, add_completion=False, help="Take backups, prove them, and bring data back.")
app.add_typer(dumps, name="dump")

Label = Annotated[str, typer.Argument(help="Label of a set, as `list` shows it.")]
AnyLabel = Annotated[str | None, typer.Option("--set", help="Label of a set; without it, all or the best one.")]
Kind = Annotated[BackupKind, typer.Option("--type", help="How much: full, diff or incr.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Apply = Annotated[bool, typer.Option("--apply", help="Do it; without this nothing is deleted.")]
ThenExpire = Annotated[bool, typer.Option("--then-expire", help="Apply retention afterwards if nothing is damaged.")]
Reason = Annotated[str, typer.Option("--reason", help="Why it must not go.")]
Until = Annotated[datetime | None, typer.Option("--until", parser=_parse_moment, help="When the hold ends by itself.")]
End = Annotated[bool, typer.Option("--end", help="End the hold.")]
Folder = Annotated[Path | None, typer.Option("--folder", help="Empty folder to restore into, for a server of its own.")]
InPlace = Annotated[bool, typer.Option("--in-place", help="Restore the database's own data folder; it is stopped.")]
Time = Annotated[datetime | None, typer.Option("--to-time", parser=_parse_moment, help="2026-11-24T15:04:05Z.")]
Position = Annotated[Lsn | None, typer.Option("--to-lsn", parser=_parse_lsn, help="Position such as 1/2C000028.")]
Point = Annotated[str | None, typer.Option("--to-name", help="A point made with pg_create_restore_point.")]
Immediate = Annotated[bool, typer.Option("--immediate", help="Only until the set is consistent.")]
Timeline = Annotated[int | None, typer.Option("--timeline", min=1, help="Timeline to follow; without it the latest.")]
Delta = Annotated[bool, typer.Option("--delta", help="Keep files that are already right.")]
Scratch = Annotated[Path, typer.Option("--scratch", help="Folder with room for the whole database.")]
Yes = Annotated[bool, typer.Option("--yes", help="Replace the data folder; the old one is kept beside it.")]
Stopped = Annotated[bool, typer.Option("--stopped", help="The server is known to be stopped despite postmaster.pid.")]


@app.command()
def prepare(*, as_json: AsJson = False) -> None:
    """Make the stanza in every repository; a second run changes nothing."""
    with _running() as command:
        _print(commands.prepare(command), as_json=as_json)


@app.command()
def run(*, kind: Kind = BackupKind.INCREMENTAL, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Take one backup."""
    with _running() as command:
        _print(commands.run(command, kind, dry_run=dry_run), as_json=as_json)


@app.command(name="list")
def list_sets(*, as_json: AsJson = False) -> None:
    """Show every set and which moments can be had back."""
    with _running() as command:
        _print(commands.list_sets(command), as_json=as_json)


@app.command()
def show(label: Label, *, as_json: AsJson = False) -> None:
    """Show everything about one set."""
    with _running() as command:
        _print(commands.show(command, label), as_json=as_json)


@app.command()
def verify(*, label: AnyLabel = None, then_expire: ThenExpire = False, as_json: AsJson = False) -> None:
    """Read everything that is stored and say what is damaged; exit 70 if anything is."""
    with _running() as command:
        answer = commands.verify(command, label, then_expire=then_expire)
        _print(answer, as_json=as_json)
    if answer.data["damage"]:
        raise typer.Exit(70)


@app.command()
def expire(*, apply: Apply = False, as_json: AsJson = False) -> None:
    """Say for every set which rule keeps it or why it goes; delete with --apply."""
    with _running() as command:
        _print(commands.expire(command, apply=apply), as_json=as_json)


@app.command()
def hold(label: Label, *, reason: Reason = "", until: Until = None, end: End = False, as_json: AsJson = False) -> None:
    """Keep a set from every rule, or end that."""
    with _running() as command:
        _print(commands.hold(command, label, reason, until=until, end=end), as_json=as_json)


@app.command()  # fmt: skip
def restore(*, folder: Folder = None, in_place: InPlace = False, label: AnyLabel = None, to_time: Time = None,  # noqa: PLR0913
            to_lsn: Position = None, to_name: Point = None, immediate: Immediate = False, timeline: Timeline = None,
            delta: Delta = False, yes: Yes = False, stopped: Stopped = False, dry_run: DryRun = False,
            as_json: AsJson = False) -> None:  # fmt: skip
    """Bring data back to a moment: the latest one unless a target is given."""
    target = choose_target(to_time, to_lsn, to_name, immediate=immediate, timeline=timeline)
    if (folder is None) != in_place:
        message = "give either --folder or --in-place"
        raise typer.BadParameter(message)
    with _running() as command:
        where = folder or Path(command.settings.data)
        request = RestoreRequest(where, target, label=label, delta=delta, as_clone=not in_place)
        answer = commands.restore(command, request, confirmed=yes, dry_run=dry_run, stopped=stopped)
        _print(answer, as_json=as_json)


@app.command()
def drill(*, scratch: Scratch, label: AnyLabel = None, to_time: Time = None, as_json: AsJson = False) -> None:
    """Restore into a server of its own, look at the data, throw it away, and say how long it took."""
    from agents.backup.drill import drill as run_drill  # noqa: PLC0415 - needs PostgreSQL's programs

    with _running() as command:
        target = ToTime(to_time) if to_time is not None else None
        _print(run_drill(command, scratch, target=target, label=label), as_json=as_json)


@app.command()
def serve() -> None:
    """Become the repository host's pgBackRest server, to which the database sends its WAL."""
    with _running() as command:
        config = write_config(command.settings.engine())
        program = "/usr/bin/pgbackrest"
        os.execv(program, [program, f"--config={config}", "server", "--log-level-console=warn"])  # noqa: S606


@app.command()
def export() -> None:
    """Watch the repositories and answer Prometheus until told to stop."""
    from agents.backup.exporter import export as export_metrics  # noqa: PLC0415 - an HTTP server that only this needs

    with _running() as command:
        export_metrics(command)


def choose_target(
    to_time: datetime | None, to_lsn: Lsn | None, to_name: str | None, *, immediate: bool, timeline: int | None
) -> RestoreTarget:
    """Return the one target that was given, or the latest moment.

    Raises:
        typer.BadParameter: there are several.
    """
    targets: list[RestoreTarget] = []
    if to_time is not None:
        targets.append(ToTime(to_time, timeline))
    if to_lsn is not None:
        targets.append(ToLsn(to_lsn, timeline))
    if to_name is not None:
        targets.append(ToName(to_name, timeline))
    if immediate:
        targets.append(ToImmediate(timeline))
    if len(targets) > 1:
        message = "give one target: --to-time, --to-lsn, --to-name or --immediate"
        raise typer.BadParameter(message)
    return targets[0] if targets else ToLatest(timeline)


def _print(answer: commands.Answer, *, as_json: bool) -> None:
    print_answer(answer.data, answer.lines, as_json=as_json)


@contextmanager
def _running() -> Iterator[Command]:
    with run_agent(APP_BACKUP, Redactor()) as log:
        clock = SystemClock()
        last_s = clock.monotonic()

        def tell(done: Done) -> None:
            nonlocal last_s
            if clock.monotonic() - last_s >= _TELL_EVERY_S:
                last_s = clock.monotonic()
                log.info("backup.progress.made", step=done.step, done=done.done_bytes, of=done.total_bytes)

        database = DatabaseSettings.from_environ(os.environ) if os.environ.get("CRYO_DB_HOST") else None
        identity = Identity.from_environ(os.environ)
        yield Command(read_settings(os.environ), identity, log, clock, tell, database=database)


# Chosen: often enough to see that it moves, rarely enough not to fill a log.
_TELL_EVERY_S = 10.0
