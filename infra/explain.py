"""Says of one setting what it means, what it is, and which line of which file says so."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.environment_files import BASE, read_document
from infra.errors import ConfigError
from infra.schema import list_settings

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Explanation:
    """One setting.

    Attributes:
        key: its path with dots.
        kind: what values it takes.
        meaning: what it does.
        places: `file:line: value` from base.yaml to the stack's own file; the last one counts.
    """

    key: str
    kind: str
    meaning: str
    places: tuple[str, ...]

    def __str__(self) -> str:
        """Lines for people."""
        places = self.places or ("set nowhere; what counts is the default that its meaning names",)
        return "\n".join([self.key, f"  {self.meaning}", f"  type: {self.kind}", *(f"  {place}" for place in places)])


def explain_settings(folder: Path, stack: str, key: str) -> tuple[Explanation, ...]:
    """Explain a setting, or every setting below a section.

    Raises:
        ConfigError: there is no such setting, or a file cannot be read.
    """
    settings = list(list_settings())
    chosen = [row for row in settings if row[0] == key or row[0].startswith(f"{key}.")]
    if not chosen:
        near = difflib.get_close_matches(key, [row[0] for row in settings], n=3, cutoff=0.4)
        message = f"{key}: no such setting; near it: {', '.join(near) or 'nothing'} (docs/environments.md has them all)"
        raise ConfigError(message)
    documents = [read_document(folder / name) for name in (BASE, f"{stack}.yaml")]
    explained = []
    for path, kind, meaning in chosen:
        parts = tuple(path.split("."))
        places = [
            f"{document.label}:{document.lines[parts]}: {json.dumps(_value(document.data, parts))}"
            for document in documents
            if parts in document.lines
        ]
        explained.append(Explanation(path, kind, meaning, tuple(places)))
    return tuple(explained)


def _value(data: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - whatever YAML can hold
    for part in path:
        data = data[part]
    return data
