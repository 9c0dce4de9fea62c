"""`cryo release`: the verbs of the release agent; `cryo rollback`: the one of them that is needed in a hurry."""

import os
from functools import wraps

import typer


def register(app: typer.Typer) -> None:
    """Mount the agent's own command line."""
    from agents.release.cli import app as agent
    from agents.release.cli import rollback

    agent.callback()(find_cluster)
    app.add_typer(agent, name="release")

    @wraps(rollback)
    def roll_back(*arguments: object, **options: object) -> None:
        find_cluster()
        rollback(*arguments, **options)  # type: ignore[arg-type]

    app.command("rollback")(roll_back)


def find_cluster() -> None:
    """Move traffic between colours, or prove it stayed.

    Outside a pod and without KUBECONFIG it is the platform's own cluster: nobody should load variables at 3 a.m.
    """
    from cryo.settings import read_settings
    from cryo.tools import kubeconfig_of

    if not os.environ.get("KUBERNETES_SERVICE_HOST"):
        os.environ.setdefault("KUBECONFIG", kubeconfig_of(read_settings(os.environ)))
