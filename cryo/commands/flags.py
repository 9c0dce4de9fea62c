"""`cryo flags`: the verbs of the flags agent."""

import typer


def register(app: typer.Typer) -> None:
    """Mount the agent's own command line."""
    from agents.flags.cli import app as agent

    app.add_typer(agent, name="flags")
