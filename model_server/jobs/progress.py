"""The file in which a training run tells how far it is and how it ended: one JSON object a line, only appended to.

A reader may come at any moment, so a last line without its line break is not there yet.
"""

from pathlib import Path
from typing import Literal

import msgspec

from model_server.errors import ArtefactInvalidError

PROGRESS_FILE = "progress.jsonl"


class StepLine(msgspec.Struct, frozen=True, tag="step", tag_field="kind"):
    """A step begins. `done` of `of` are behind it."""

    step: str
    done: int
    of: int
    message: str


class EndLine(msgspec.Struct, frozen=True, tag="end", tag_field="kind"):
    """The run is over. `written`: a release is in the folder that was named; else the message says why not."""

    outcome: Literal["written", "cancelled", "failed"]
    message: str
    exit_code: int = 0


class Progress(msgspec.Struct, frozen=True):
    """What a progress file says so far."""

    step: StepLine | None = None
    end: EndLine | None = None


_LINE = msgspec.json.Decoder(StepLine | EndLine)


def append_line(path: Path, line: StepLine | EndLine) -> None:
    """Tell what happened; readers see the line whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        stream.write(msgspec.json.encode(line) + b"\n")


def read_progress(path: Path) -> Progress:
    """Read what was told; nothing yet when the file is absent.

    Raises:
        ArtefactInvalidError: a complete line is none of ours (permanent).
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Progress()
    step: StepLine | None = None
    end: EndLine | None = None
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            told = _LINE.decode(line)
        except msgspec.DecodeError as error:
            raise ArtefactInvalidError(f"{path}, line {number}: {error}; was it written by another program?") from error
        if isinstance(told, StepLine):
            step = told
        else:
            end = told
    return Progress(step, end)
