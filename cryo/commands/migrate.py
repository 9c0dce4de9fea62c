"""`cryo migrate`: the verbs of the migrate agent, and the checks that need no database."""

from pathlib import Path
from typing import Annotated

import typer

from cryo.errors import CryoError

Folder = Annotated[Path, typer.Option("--migrations", help="Folder with the SQL files.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def register(app: typer.Typer) -> None:
    """Mount the agent's own command line, and `lint` beside it."""
    from agents.migrate.command_line import app as agent

    agent.command()(lint)
    app.add_typer(agent, name="migrate")


def lint(folder: Folder = Path("migrations"), *, as_json: AsJson = False) -> None:
    """Find what a migration must not do, before it runs: squawk's rules and our own."""
    import tempfile

    from agents.migrate.discovery import read_folder
    from cryo.migration_gates.finding import judge, read_accepted
    from cryo.migration_gates.rules import check_folder
    from cryo.migration_gates.squawk import run_squawk
    from cryo.output import Speaker

    migrations = read_folder(folder)
    with tempfile.TemporaryDirectory() as scratch:
        findings = run_squawk(folder, migrations, log=Path(scratch) / "squawk.log")
    found = judge([*check_folder(migrations), *findings], read_accepted())
    rows = [{"file": each.file, "line": each.line, "rule": each.rule, "message": each.message} for each in found]
    lines = [*map(str, found), f"{len(migrations)} files, {len(found)} findings"]
    if found:
        lines.append("correct them, or accept one in cryo/migration_gates/accepted.toml with its reason")
    Speaker(as_json=as_json).result({"files": len(migrations), "findings": rows}, "\n".join(lines))
    if found:
        raise typer.Exit(CryoError.exit_code)
