"""`cryo status`: what runs, what is healthy, and where the logs are."""

import os
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(*, json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Show cluster processes, pods and traffic; exit 0 when all is well, 75 when something is not."""
    from cryo.condition import read_condition
    from cryo.output import Speaker
    from cryo.settings import read_settings

    condition = read_condition(read_settings(os.environ))
    Speaker(as_json=json).result(condition.document(), condition.text())
    raise typer.Exit(0 if condition.is_well else 75)
