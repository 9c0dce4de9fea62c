"""`cryo up`: from a bare machine to the platform live, every step safe to repeat."""

import os
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up")(up)


def up(
    *,
    skip_deploy: Annotated[bool, typer.Option("--skip-deploy", help="Stop before `pulumi up`.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Build the tools and images, start the cluster, deploy the stack, and ask for one prediction.

    Run it again after a crash, a reboot or a change: it does what is missing. CLUSTER chooses the cluster (embedded,
    kind, current), CRYO_STACK the environment file.
    """
    from cryo.deploy import bring_up
    from cryo.output import Speaker
    from cryo.settings import read_settings

    speaker = Speaker(as_json=json)
    outcome = bring_up(read_settings(os.environ), speaker.step, deploy=not skip_deploy)
    speaker.result(outcome.document, outcome.text)
