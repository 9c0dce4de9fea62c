"""`cryo urls`: where to reach what runs."""

import os
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("urls")(urls)


def urls(*, json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Print the addresses of the stack and one request to try."""
    from cryo.addresses import find_addresses
    from cryo.output import Speaker
    from cryo.settings import read_settings

    addresses = find_addresses(read_settings(os.environ))
    Speaker(as_json=json).result(addresses.document(), addresses.text())
