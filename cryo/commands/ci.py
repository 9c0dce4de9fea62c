"""`cryo ci`: what only a workflow's host can give or take."""

import os
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="What workflows need from their host.", no_args_is_help=True, rich_markup_mode=None)
    group.command()(access)
    group.command()(comment)
    app.add_typer(group, name="ci")


def access(
    output: Annotated[Path | None, typer.Option("--output", help="Kubeconfig to write; KUBECONFIG by default.")] = None,
) -> None:
    """Write a kubeconfig that holds this run's own identity; no key of the cluster is stored anywhere.

    Reads CRYO_CLUSTER_SERVER, CRYO_CLUSTER_CA, CRYO_CLUSTER_AUDIENCE and CRYO_KUBE_CONTEXT (docs/gitops.md).
    """
    import requests

    from cryo.errors import PermanentCryoError
    from cryo.gitops.cluster_access import fetch_token, read_address, write_kubeconfig

    named = os.environ.get("KUBECONFIG")
    path = output or (Path(named) if named else None)
    if path is None:
        message = "KUBECONFIG: not set; name the file to write, or give --output"
        raise PermanentCryoError(message)
    address = read_address(os.environ)
    with requests.Session() as http:
        token = fetch_token(os.environ, address.audience, http)
    write_kubeconfig(path, address, token)
    typer.echo(f"{path}: access to {address.context} as this run")


def comment(
    page: Annotated[Path, typer.Argument(help="Markdown that `cryo preview --output` wrote.")],
    *,
    number: Annotated[int, typer.Option("--pull-request", envvar="CRYO_PULL_REQUEST", help="Its number.")],
) -> None:
    """Put a preview under a pull request, or edit the one that is there.

    Reads GITHUB_API_URL and GITHUB_REPOSITORY as the host sets them, and GITHUB_TOKEN.
    """
    import requests

    from cryo.errors import PermanentCryoError
    from cryo.gitops.comment import PullRequest, put_comment

    missing = [name for name in ("GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN") if not os.environ.get(name)]
    if missing:
        message = f"{', '.join(missing)}: not set; the workflow's host sets them, GITHUB_TOKEN is given by the step"
        raise PermanentCryoError(message)
    pull = PullRequest(
        os.environ["GITHUB_API_URL"], os.environ["GITHUB_REPOSITORY"], number, os.environ["GITHUB_TOKEN"]
    )
    body = page.read_text(encoding="utf-8")
    with requests.Session() as http:
        done = put_comment(pull, body.splitlines()[0], body, http)
    typer.echo(f"{pull!r}: {done}")
