"""`cryo health`: what is wrong with the database, from the health agent."""

import typer


def register(app: typer.Typer) -> None:
    """Mount the agent's own command line."""
    from agents.health.cli import app as agent

    app.add_typer(agent, name="health")
