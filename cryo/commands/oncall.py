"""`cryo oncall`: the verbs of the on-call agent."""

import typer


def register(app: typer.Typer) -> None:
    """Mount the agent's own command line."""
    from agents.oncall.cli import app as agent

    app.add_typer(agent, name="oncall")
