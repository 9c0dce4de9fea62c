"""What the program has to know of what is live; read by the guard before anything is declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agents.runtime.names import Colour


@dataclass(frozen=True)
class Seen:
    """Facts by application."""

    retries: Mapping[str, str] = field(default_factory=dict)
    """The release that a person allowed to be tried once more, last."""
    small: Mapping[str, Colour] = field(default_factory=dict)
    """The colour that may shrink to its standby size."""
    notes: Sequence[str] = ()
    """What a person should know."""
