"""`python -m model_server.train tg`: the training verbs without the rest of the command line."""

import argparse
import os
import sys
from pathlib import Path

from model_server.data.table import DATA_DIR_VARIABLE, resolve_data_dir
from model_server.errors import ModelServerError
from model_server.train.catalogue import PLANS
from model_server.train.progress import print_json, print_lines, stop_on_sigterm
from model_server.train.run import train_model
from model_server.train.settings import RELEASED_DIR, TrainSettings


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; argparse exits with 2 on a usage error."""
    parser = argparse.ArgumentParser(prog="python -m model_server.train", description="Train a model and release it.")
    parser.add_argument("model", choices=sorted(PLANS), help="which model of the catalogue")
    parser.add_argument("--data-dir", type=Path, help=f"folder of data sets (default: {DATA_DIR_VARIABLE})")
    parser.add_argument("--out", type=Path, default=RELEASED_DIR, help="folder of releases")
    parser.add_argument("--version", default=TrainSettings.version, help="version to release (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=TrainSettings.seed, help="default: %(default)s")
    parser.add_argument("--trials", type=int, default=0, help="hyperparameter search, 0 to 50 (default: %(default)s)")
    parser.add_argument("--replace", action="store_true", help="overwrite this version when its content differs")
    parser.add_argument("--progress", choices=["text", "json"], default="text", help="one line a step")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Train; return the exit code."""
    chosen = parse_arguments(arguments)
    stop_on_sigterm()
    try:
        settings = TrainSettings(
            data_dir=resolve_data_dir(chosen.data_dir, os.environ),
            out_dir=chosen.out,
            version=chosen.version,
            seed=chosen.seed,
            trials=chosen.trials,
            replace=chosen.replace,
        )
        report = (print_json if chosen.progress == "json" else print_lines)(_print)
        written = train_model(chosen.model, settings, report)
        _print(f"{'unchanged' if written.unchanged else 'written'}: {written.folder} {written.digest}")
    except ModelServerError as error:
        print(f"model_server.train: {error}", file=sys.stderr)  # noqa: T201 - this is the command line
        return error.exit_code
    return 0


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is the command line


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
