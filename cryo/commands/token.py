"""`cryo token`: the operator token of the model server."""

import os
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("token")(token)


def token(
    *,
    file: Annotated[Path | None, typer.Option(help="Write it to this file, readable by you alone.")] = None,
    header: Annotated[bool, typer.Option("--header", help="As an HTTP header, for curl's -H @file.")] = False,
) -> None:
    """Print the token with which the model server takes you for an operator; it is read from the cluster's Secret."""
    from cryo.operator_token import read_operator_token
    from cryo.settings import read_settings
    from toolchain.private_file import write_private

    found = read_operator_token(read_settings(os.environ))
    found = f"authorization: Bearer {found}" if header else found
    if file is None:
        typer.echo(found)
        return
    write_private(file, f"{found}\n".encode())
    typer.echo(f"{file}: written", err=True)
