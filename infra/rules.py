"""The rule files that Prometheus reads, as they are committed in alerts/rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).resolve().parent.parent / "alerts" / "rules"


def rule_files(folder: Path = FOLDER) -> Mapping[str, str]:
    """Return the content of every rule file by its name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yml"))}
