"""`cryo model order`: a training where the model server runs, followed from here."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import httpx

# Chosen: a step of a training takes seconds.
_PAUSE_S = 1.0


def order(  # noqa: PLR0913 - every part of an order, and where it goes
    name: Annotated[str, typer.Argument(help="tg, tg-tm, iri-amino, iri-glyco2, viability-wetlab, ...")],
    *,
    reason: Annotated[str, typer.Option(help="For the history.")],
    version: Annotated[str | None, typer.Option(help="Version to make; default the one that follows.")] = None,
    seed: Annotated[int | None, typer.Option(help="Every random choice derives from it.")] = None,
    trials: Annotated[int, typer.Option(help="Hyperparameter search, 0 to 50.")] = 0,
    experiments: Annotated[
        bool, typer.Option("--experiments", help="Learn from the experiments that the server keeps too.")
    ] = False,
    server: Annotated[
        str | None, typer.Option(help="Address of the model server; default the stack's gateway.")
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="Operator token; default the stack's own Secret.")] = None,
) -> None:
    """Order a training from the running model server and follow it; interrupted, the job goes on."""
    from cryo.remote_training import RemoteOrder, follow_training, order_training

    wanted = RemoteOrder(name, reason, version, seed, trials, experiments)
    with open_operator(server, token_file) as client:
        job_id = order_training(client, wanted)
        for line in follow_training(client, job_id, pause=lambda: time.sleep(_PAUSE_S)):
            typer.echo(line)


def open_operator(server: str | None, token_file: Path | None) -> "httpx.Client":
    """Open a client of a model server as an operator: the one of the stack, unless another is named."""
    from cryo.addresses import find_addresses
    from cryo.model_api import open_client
    from cryo.operator_token import read_operator_token
    from cryo.settings import read_settings
    from model_server.serve.auth import read_secret

    settings = read_settings(os.environ)
    given = read_secret(token_file, "--token-file").decode("ascii") if token_file else read_operator_token(settings)
    return open_client(server or find_addresses(settings).gateway, given)
