"""`cryo model` and `cryo data`: train models, and bring the data sets they learn from."""

import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryo.commands.order import open_operator, order

if TYPE_CHECKING:
    from model_server.experiments.row import ExperimentRow


def register(app: typer.Typer) -> None:
    """Add the command groups."""
    model = typer.Typer(help="Train and release models.", no_args_is_help=True)
    model.command("train")(train)
    model.command("order")(order)
    model.command("registry", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(registry)
    app.add_typer(model, name="model")
    data = typer.Typer(help="Data sets of the models.", no_args_is_help=True)
    data.command("fetch")(fetch)
    data.command("check")(check)
    data.command("experiments")(experiments)
    data.command("push")(push)
    app.add_typer(data, name="data")


def train(  # noqa: PLR0913 - every option of a training run
    name: Annotated[str, typer.Argument(help="tg, tg-tm, iri-amino, iri-glyco2, viability-wetlab, ...")],
    *,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of data sets; default CRYO_DATA_DIR.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of releases; default the one in the repository.")] = None,
    version: Annotated[str | None, typer.Option(help="Version to release.")] = None,
    seed: Annotated[int | None, typer.Option(help="Every random choice derives from it.")] = None,
    trials: Annotated[int, typer.Option(help="Hyperparameter search, 0 to 50.")] = 0,
    experiments: Annotated[Path | None, typer.Option(help="File of `cryo data experiments` to learn from too.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite a version whose content differs.")] = False,
) -> None:
    """Train one model from its data set, measure it and write it as a released folder."""
    from model_server.data.table import resolve_data_dir
    from model_server.train.progress import print_lines
    from model_server.train.run import train_model
    from model_server.train.settings import RELEASED_DIR, TrainSettings

    settings = TrainSettings(
        data_dir=resolve_data_dir(data_dir, os.environ),
        out_dir=out or RELEASED_DIR,
        version=version or TrainSettings.version,
        seed=TrainSettings.seed if seed is None else seed,
        trials=trials,
        replace=replace,
        experiments=experiments,
    )
    written = train_model(name, settings, print_lines(lambda line: typer.echo(line, err=True)))
    typer.echo(f"{written.folder} {written.digest}")


def registry(context: typer.Context) -> None:
    """Look at released models, and decide which one answers: list, show, history, promote, retire, sign."""
    from model_server.registry.commands import main

    raise typer.Exit(main(context.args, os.environ))


def fetch(
    data_dir: Annotated[Path | None, typer.Option(help="Folder of data sets; default CRYO_DATA_DIR.")] = None,
) -> None:
    """Download the data sets that have an address; a file with a wrong checksum is not kept."""
    from model_server.data.fetch import fetch_datasets, require_all
    from model_server.data.manifest import load_manifest, manifest_names
    from model_server.data.table import resolve_data_dir

    manifests = [load_manifest(name) for name in manifest_names()]
    outcomes = fetch_datasets(manifests, resolve_data_dir(data_dir, os.environ), download)
    for outcome in outcomes:
        typer.echo(f"{outcome.name}: {outcome.outcome} ({outcome.path})")
    require_all(outcomes, manifests)


def check(
    data_dir: Annotated[Path | None, typer.Option(help="Folder of data sets; default CRYO_DATA_DIR.")] = None,
) -> None:
    """Read every data set: checksum, header, units, ranges and structures."""
    from model_server.data.manifest import load_manifest, manifest_names
    from model_server.data.table import load_table, resolve_data_dir
    from model_server.features.molecules import silence_library_log

    silence_library_log()
    folder = resolve_data_dir(data_dir, os.environ)
    for name in manifest_names():
        table = load_table(load_manifest(name), folder)
        typer.echo(f"{table.manifest.name}: {len(table.rows)} rows")
        for note in table.excluded:
            typer.echo(f"  {note}")


def experiments(
    *,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day of measurement.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the rows; default standard output.")] = None,
    push: Annotated[str, typer.Option(metavar="URL", help="Send the rows to this model server instead.")] = "",
    token_file: Annotated[Path | None, typer.Option(help="File with a scientist's token; needed to send.")] = None,
) -> None:
    """Read finished experiments of the CryoProtect database (CRYO_DB_*), as the model server accepts them.

    Rows that no model can read are told on standard error with the reason. Sending twice changes nothing.
    """
    import msgspec

    from agents.runtime.clock import SystemClock
    from agents.runtime.logs import Redactor, configure_logs, get_logger
    from agents.runtime.settings import read_secret
    from cryo.errors import PermanentCryoError
    from cryo.experiments.export import export_rows
    from cryo.experiments.read import read_experiments
    from model_server.features.molecules import silence_library_log

    if push and token_file is None:
        message = "--push needs --token-file: the model server takes experiments from scientists only"
        raise PermanentCryoError(message)
    silence_library_log()
    configure_logs(stream=sys.stderr, clock=SystemClock(), redactor=Redactor())
    token = read_secret(token_file, setting="--token-file") if token_file else ""
    found = read_experiments(os.environ, get_logger("data"), since=since.date() if since else None)
    exported = export_rows(found)
    for reason in exported.left_out:
        typer.echo(f"left out: {reason}", err=True)
    typer.echo(f"{len(found)} rows read, {len(exported.rows)} usable, {len(exported.left_out)} left out", err=True)
    if push:
        typer.echo(send(push, exported.rows, token))
        return
    content = msgspec.json.format(msgspec.json.encode({"rows": exported.rows}), indent=1)
    if out is None:
        typer.echo(content)
    else:
        out.write_bytes(content + b"\n")


def send(url: str, rows: "Sequence[ExperimentRow]", token: str) -> str:
    """Send experiments and say what became of them."""
    import httpx

    from cryo.experiments.push import push_rows

    with httpx.Client(base_url=url, timeout=60.0) as client:
        done = push_rows(client, rows, token, told=lambda line: typer.echo(line, err=True))
    return f"{done.added} added, {done.changed} changed, {done.unchanged} unchanged"


def push(
    *,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of data sets; default CRYO_DATA_DIR.")] = None,
    server: Annotated[
        str | None, typer.Option(help="Address of the model server; default the stack's gateway.")
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="Operator token; default the stack's own Secret.")] = None,
) -> None:
    """Bring the data sets of the folder to a running model server, whose trainings read them there."""
    from cryo.dataset_push import push_datasets
    from model_server.data.manifest import load_manifest, manifest_names
    from model_server.data.table import resolve_data_dir

    folder = resolve_data_dir(data_dir, os.environ)
    manifests = [(name, load_manifest(name)) for name in manifest_names()]
    with open_operator(server, token_file) as client:
        for each in push_datasets(manifests, folder, client):
            typer.echo(f"{each.name}: {each.outcome}")


def download(url: str) -> bytes:
    """Get the body behind a web address.

    Raises:
        DatasetMissingError: it does not answer with 200 (permanent).
    """
    import httpx

    from model_server.data.fetch import refuse_scheme
    from model_server.errors import DatasetMissingError

    refuse_scheme(url)
    try:
        answer = httpx.get(url, follow_redirects=True, timeout=60.0)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise DatasetMissingError(f"{url}: {error}; check the network or bring the file by hand") from error
    return answer.content
