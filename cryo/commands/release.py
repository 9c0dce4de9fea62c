"""`cryo release`: the verbs of the release agent; `cryo rollback`: the one of them that is needed in a hurry."""

import typer


def register(app: typer.Typer) -> None:
    """Mount the agent's own command line."""
    from agents.release.cli import app as agent
    from agents.release.cli import rollback

    app.add_typer(agent, name="release")
    app.command("rollback")(rollback)
