"""What a verb of the command line answers."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb found or did."""

    data: Mapping[str, object]
    lines: list[str]
