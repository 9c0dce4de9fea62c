"""`cryo migrate`: the verbs of the migrate agent."""

import typer


def register(app: typer.Typer) -> None:
    """Mount the agent's own command line."""
    from agents.migrate.__main__ import app as agent

    app.add_typer(agent, name="migrate")
