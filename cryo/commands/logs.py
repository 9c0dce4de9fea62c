"""`cryo logs`: what a cluster process or a pod of the platform wrote."""

import os
import subprocess
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("logs")(logs)


def logs(
    name: Annotated[str, typer.Argument(help="A process (see `cryo status`) or an app such as model-server.")],
    *,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as new lines come.")] = False,
) -> None:
    """Print the last lines of a cluster process, or of all pods of an app in every colour."""
    from cryo.logsource import command_for
    from cryo.settings import read_settings

    argv, variables = command_for(read_settings(os.environ), name, lines=lines, follow=follow)
    finished = subprocess.run(argv, check=False, env={**os.environ, **variables})  # noqa: S603 - built from checked parts
    raise typer.Exit(0 if finished.returncode == 0 else 70)
