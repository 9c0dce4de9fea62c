"""The training command: arguments in, a release and an exit code out; steps and outcome also go to a file."""

import argparse
import os
import sys
from pathlib import Path

from model_server.data.table import DATA_DIR_VARIABLE, resolve_data_dir
from model_server.errors import ModelServerError, TrainingCancelledError
from model_server.jobs.progress import EndLine, append_line
from model_server.train.catalogue import PLANS
from model_server.train.progress import keep_in_file, print_json, print_lines, stop_on_sigterm, tell_all
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
    parser.add_argument("--experiments", type=Path, help="file of `cryo data experiments` to learn from as well")
    parser.add_argument("--progress", choices=["text", "json"], default="text", help="one line a step")
    parser.add_argument("--progress-file", type=Path, help="append steps and outcome to this file, one JSON a line")
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
            experiments=chosen.experiments,
        )
        report = (print_json if chosen.progress == "json" else print_lines)(_print)
        if chosen.progress_file is not None:
            report = tell_all(report, keep_in_file(chosen.progress_file))
        written = train_model(chosen.model, settings, report)
        said = f"{'unchanged' if written.unchanged else 'written'}: {written.folder} {written.digest}"
        _print(said)
        _conclude(chosen.progress_file, EndLine("written", said))
    except ModelServerError as error:
        print(f"model_server.train: {error}", file=sys.stderr)  # noqa: T201 - this is the command line
        cancelled = isinstance(error, TrainingCancelledError)
        _conclude(chosen.progress_file, EndLine("cancelled" if cancelled else "failed", str(error), error.exit_code))
        return error.exit_code
    return 0


def _conclude(path: Path | None, line: EndLine) -> None:
    if path is not None:
        append_line(path, line)


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is the command line
