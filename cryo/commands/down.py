"""`cryo down`: stop the platform, or leave the machine as it was before."""

import os
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("down")(down)


def down(
    *,
    purge: Annotated[
        bool, typer.Option("--purge", help="Also delete all data, Pulumi's state and its passphrase.")
    ] = False,
    cache: Annotated[bool, typer.Option("--cache", help="Also delete built tools and images.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Stop the embedded cluster; data stays unless --purge is given.

    A cluster that somebody else runs is never stopped: use `cryo pulumi destroy` to take the platform off it.
    """
    from cryo.deploy import bring_down
    from cryo.output import Speaker
    from cryo.settings import read_settings

    speaker = Speaker(as_json=json)
    outcome = bring_down(read_settings(os.environ), speaker.step, purge=purge, cache=cache)
    speaker.result(outcome.document, outcome.text)
