"""How far a training run is, told to whoever waits, and how it is told to stop."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from model_server.errors import TrainingCancelledError
from model_server.jobs.progress import StepLine, append_line

Print = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """One step that begins, and its place among all of them."""

    name: str
    done: int
    of: int
    message: str


Report = Callable[[Step], None]


def print_lines(write: Print) -> Report:
    """Tell people."""
    return lambda step: write(f"[{step.done}/{step.of}] {step.name}: {step.message}")


def print_json(write: Print) -> Report:
    """Tell programs: one JSON object a line."""
    return lambda step: write(
        json.dumps({"step": step.name, "done": step.done, "of": step.of, "message": step.message})
    )


def keep_in_file(path: Path) -> Report:
    """Tell whoever reads the file, such as the server that ordered the run."""
    return lambda step: append_line(path, StepLine(step.name, step.done, step.of, step.message))


def tell_all(*reports: Report) -> Report:
    """Tell several."""

    def report(step: Step) -> None:
        for each in reports:
            each(step)

    return report


def stay_silent(_step: Step) -> None:
    """Tell nobody."""


def stop_on_sigterm() -> None:
    """From here on SIGTERM raises TrainingCancelledError; a release folder appears by rename, so none is half there."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TrainingCancelledError(f"training stopped by SIGTERM to process {os.getpid()}; nothing was written")

    signal.signal(signal.SIGTERM, stop)
