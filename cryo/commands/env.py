"""`cryo env`: variables for a shell in which `pulumi` and `kubectl` work."""

import os
import shlex
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("env")(env)


def env(*, json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Print exports for a shell: eval "$(cryo env)", then `pulumi up` and `kubectl get pods -A` work.

    No variable holds a secret; the passphrase is named by its file.
    """
    from cryo.output import Speaker
    from cryo.settings import read_settings
    from cryo.stack import open_stack
    from cryo.tools import get_tools

    settings = read_settings(os.environ)
    speaker = Speaker(as_json=json)
    variables = open_stack(settings, get_tools(settings, speaker.step)).variables
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    speaker.result(dict(variables), exports)
