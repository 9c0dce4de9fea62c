"""The options of the command line, with the words that explain them."""

from pathlib import Path
from typing import Annotated

import typer

from agents.migrate.model import OptionalPhase
from agents.migrate.runner import LOCK_BACKOFF

IMAGE_FOLDER = Path("/opt/app/migrations")
LOCAL_FOLDER = Path("migrations")

Folder = Annotated[
    Path | None, typer.Option("--migrations", help=f"Folder with the SQL files: {IMAGE_FOLDER}, or ./{LOCAL_FOLDER}.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Wait = Annotated[float, typer.Option("--wait-s", min=0, help="Longest wait for the database, and for another runner.")]
Include = Annotated[list[OptionalPhase] | None, typer.Option("--include", help="Run these phases too.")]
Tries = Annotated[int, typer.Option("--lock-tries", min=1, max=LOCK_BACKOFF.tries, help="Tries to get a lock.")]

Window = Annotated[
    float,
    typer.Option("--rollback-window-s", min=0, help="How long after an expansion or promotion nothing is taken away."),
]
Adopt = Annotated[
    bool, typer.Option("--adopt", help="Bring a database that existed before the runner to the declared shape first.")
]
AllowRewrite = Annotated[
    bool, typer.Option("--allow-rewrite", help="Let an adoption write large tables anew, which blocks them meanwhile.")
]
DoIt = Annotated[bool, typer.Option("--apply", help="Do it; without this nothing is changed.")]
UpTo = Annotated[int, typer.Option("--up-to", min=1, help="Last number that is recorded.")]
WithoutBackup = Annotated[
    str, typer.Option("--without-backup", help="Why rows may be deleted although no verified backup is at hand.")
]
Last = Annotated[bool, typer.Option("--last", help="Show the report of the last applied run instead.")]


def choose_folder(given: Path | None) -> Path:
    """Return the folder that was given, else the image's, else the one in the working directory."""
    if given is not None:
        return given
    return IMAGE_FOLDER if IMAGE_FOLDER.is_dir() else LOCAL_FOLDER
