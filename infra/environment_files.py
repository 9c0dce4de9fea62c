"""Read environments/base.yaml and environments/<stack>.yaml, lay one over the other, refuse what cannot be deployed.

Mappings are merged key by key; a list, a value or null in the stack's file replaces what base.yaml says. Every refusal
is one message that names file, line, key and remedy.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import yaml
from pydantic import BaseModel, ValidationError

from infra.config import Environment
from infra.errors import ConfigError
from infra.sections import AT_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic_core import ErrorDetails

BASE = "base.yaml"
KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """One parsed file and the line of every key in it."""

    label: str
    data: dict[str, Any]
    lines: dict[KeyPath, int]

    def depth_of(self, path: KeyPath) -> int:
        """Return how many leading parts of a key path this file contains."""
        return max((n for n in range(len(path) + 1) if path[:n] in self.lines), default=0)


def load_environment(folder: Path, stack: str) -> Environment:
    """Return the environment of a stack.

    Raises:
        ConfigError: a file is missing, is not YAML, or holds something that cannot be deployed.
    """
    base, own = read_document(folder / BASE), read_document(folder / f"{stack}.yaml")
    try:
        return Environment.model_validate(merge(base.data, own.data))
    except ValidationError as error:
        problems = [_explain(detail, base, own) for detail in error.errors(include_url=False)]
        raise ConfigError("\n".join(problems)) from None


def read_merged(folder: Path, stack: str) -> dict[str, Any]:
    """Return what base.yaml and the stack's file say together, unchecked.

    Raises:
        ConfigError: a file is missing or is not YAML.
    """
    return merge(read_document(folder / BASE).data, read_document(folder / f"{stack}.yaml").data)


def read_document(path: Path) -> Document:
    """Parse one file; repeated keys are refused, because YAML would silently keep the last one.

    Raises:
        ConfigError: the file is missing, unreadable or not a YAML mapping.
    """
    label = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml") if p.name != BASE)) or "none"
        message = f"{label}: no such file; the stack has to be named after one of the environments here: {known}"
        raise ConfigError(message) from None
    except (OSError, UnicodeDecodeError) as error:
        message = f"{label}: cannot be read ({error}); check the file"
        raise ConfigError(message) from None
    except yaml.YAMLError as error:
        raise ConfigError(_explain_yaml(label, error)) from None
    if not isinstance(node, yaml.MappingNode) or not isinstance(data, dict):
        message = f"{label}: has to be a mapping of settings; see docs/environments.md"
        raise ConfigError(message)
    lines: dict[KeyPath, int] = {(): 1, **dict(_walk(node, (), label))}
    return Document(label=label, data=cast("dict[str, Any]", data), lines=lines)


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Lay one mapping over another; neither is changed."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _walk(node: yaml.MappingNode, path: KeyPath, label: str) -> Iterator[tuple[KeyPath, int]]:
    seen: set[str] = set()
    for key, value in node.value:
        name = str(key.value)
        line = key.start_mark.line + 1
        if name in seen:
            message = f"{label}:{line}: {'.'.join((*path, name))}: is written twice; delete one of the two"
            raise ConfigError(message)
        seen.add(name)
        yield (*path, name), line
        if isinstance(value, yaml.MappingNode):
            yield from _walk(value, (*path, name), label)


def _explain_yaml(label: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"{label}:{mark.line + 1}" if mark is not None else label
    return f"{place}: is not YAML ({getattr(error, 'problem', None) or error}); correct the line"


def _explain(detail: ErrorDetails, base: Document, own: Document) -> str:
    path = tuple(str(part) for part in detail["loc"])
    if detail["type"] == AT_KEY:
        path = (*path, *detail["ctx"]["key"].split("."))
    # The stack's file wins, also where neither has the key: that is where a value for this stack belongs.
    document = base if base.depth_of(path) > own.depth_of(path) else own
    depth = document.depth_of(path)
    place = f"{document.label}:{document.lines[path[:depth]]}" if depth else document.label
    return f"{place}: {'.'.join(path)}: {_remedy(detail, path)}"


def _remedy(detail: ErrorDetails, path: KeyPath) -> str:
    given = detail["input"]
    match detail["type"]:
        case "at_key":
            remedy = str(detail["ctx"]["message"])
        case "value_error":
            remedy = str(detail["ctx"]["error"])
        case "extra_forbidden":
            remedy = _unknown(path)
        case "missing":
            remedy = "is required; add it (docs/environments.md says what it means)"
        case "int_type":
            unit = " of seconds without a unit" if path[-1].endswith("_s") else ""
            remedy = f"has to be a whole number{unit}, not {given!r}"
        case "string_type":
            remedy = f'has to be text, not {given!r}; put it in quotes: "{given}"'
        case _:
            remedy = f"{detail['msg'][0].lower()}{detail['msg'][1:]}, not {given!r}"
    return remedy


def _unknown(path: KeyPath) -> str:
    known = sorted(_known_keys(path[:-1]))
    near = difflib.get_close_matches(path[-1], known, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(known)}"
    return f"is an unknown setting; {hint}"


def _known_keys(path: KeyPath) -> Iterator[str]:
    section: type[BaseModel] | None = Environment
    for part in path:
        section = _section_of(section, part) if section is not None else None
    if section is not None:
        yield from (field.alias or name for name, field in section.model_fields.items())


def _section_of(section: type[BaseModel], key: str) -> type[BaseModel] | None:
    for name, field in section.model_fields.items():
        if key == (field.alias or name):
            for candidate in (field.annotation, *getattr(field.annotation, "__args__", ())):
                if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                    return candidate
    return None
