"""`cryo backup`: the verbs of the backup agent."""

import typer


def register(app: typer.Typer) -> None:
    """Mount the agent's own command lines."""
    from agents.backup.dumps.command_line import app as dumps

    agent = typer.Typer(no_args_is_help=True, help="Take backups, prove them, and bring data back.")
    agent.add_typer(dumps, name="dump")
    app.add_typer(agent, name="backup")
