"""`cryo model`: train models and look at them."""

import os
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command group."""
    model = typer.Typer(help="Train and release models.", no_args_is_help=True)
    train = typer.Typer(help="Train one model from its data set.", no_args_is_help=True)
    train.command("tg")(train_tg)
    model.add_typer(train, name="train")
    app.add_typer(model, name="model")


def train_tg(
    *,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of data sets; default CRYO_DATA_DIR.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of releases; default the one in the repository.")] = None,
    version: Annotated[str, typer.Option(help="Version to release.")] = "1.0.0",
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite a version whose content differs.")] = False,
) -> None:
    """Train the model of glass transition temperatures (Tg, kelvin) of pure compounds."""
    from model_server.data.table import resolve_data_dir
    from model_server.train.settings import RELEASED_DIR, TrainSettings
    from model_server.train.tg import train_tg as train

    settings = TrainSettings(
        data_dir=resolve_data_dir(data_dir, os.environ), out_dir=out or RELEASED_DIR, version=version, replace=replace
    )
    train(settings, report=lambda line: typer.echo(line, err=True))
