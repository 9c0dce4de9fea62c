"""The options of the command line, with the words that explain them."""

from pathlib import Path
from typing import Annotated

import typer

from agents.migrate.apply import LOCK_BACKOFF
from agents.migrate.model import OptionalPhase

IMAGE_FOLDER = Path("/opt/app/migrations")
LOCAL_FOLDER = Path("migrations")

Folder = Annotated[
    Path | None, typer.Option("--migrations", help=f"Folder with the SQL files: {IMAGE_FOLDER}, or ./{LOCAL_FOLDER}.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Wait = Annotated[float, typer.Option("--wait-s", min=0, help="Longest wait for the database, and for another runner.")]
Include = Annotated[list[OptionalPhase] | None, typer.Option("--include", help="Run these phases too.")]
Tries = Annotated[int, typer.Option("--lock-tries", min=1, max=LOCK_BACKOFF.tries, help="Tries to get a lock.")]


def choose_folder(given: Path | None) -> Path:
    """Return the folder that was given, else the image's, else the one in the working directory."""
    if given is not None:
        return given
    return IMAGE_FOLDER if IMAGE_FOLDER.is_dir() else LOCAL_FOLDER
