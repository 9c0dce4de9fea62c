"""`cryo release`: the verbs of the release agent."""

import typer


def register(app: typer.Typer) -> None:
    """Mount the agent's own command line."""
    from agents.release.__main__ import app as agent

    app.add_typer(agent, name="release")
