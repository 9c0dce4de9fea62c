"""`cryo backup`: the verbs of the backup agent, run in the cluster where the repository and its keys are."""

import os
import sys
from pathlib import Path

import typer

_ANY = {"allow_extra_args": True, "ignore_unknown_options": True}


def register(app: typer.Typer) -> None:
    """Add the command; its arguments are the agent's own."""
    app.command("backup", context_settings=_ANY, add_help_option=False)(backup)


def backup(context: typer.Context) -> None:
    """Take backups, prove them, and bring data back; `cryo backup --help` lists the verbs."""
    from agents.backup.command_line import app as agent
    from agents.backup.settings import VARIABLE

    arguments = list(context.args)
    # Dumps are taken from wherever the hosted database is reached.
    if not arguments or "--help" in arguments or arguments[0] == "dump" or os.environ.get(VARIABLE):
        agent(args=arguments, prog_name="cryo backup")
        return
    raise typer.Exit(_run_in_cluster(arguments))


def _run_in_cluster(arguments: list[str]) -> int:
    from cryo.backup_cluster import Cluster, run
    from cryo.output import Speaker
    from cryo.settings import read_settings
    from cryo.tools import get_tools, tool_variables
    from infra.environment_files import load_environment

    settings = read_settings(os.environ)
    speaker = Speaker(as_json="--json" in arguments)
    tools = get_tools(settings, speaker.step)
    namespace = load_environment(settings.environments, settings.stack).namespaces.apps
    variables = os.environ | tool_variables(settings, tools, Path(sys.executable))
    kubectl = (*tools.kubectl, f"--namespace={namespace}")
    return run(Cluster(kubectl, variables, speaker.step), arguments)
