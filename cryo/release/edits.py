"""Edits one application in the text of an environment file and leaves every other character as it was; pure.

A YAML library that writes whole documents would keep the comments and change the layout, and a release has to be read
as one or three changed lines.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from cryo.release.errors import EditRefusedError


@dataclass(frozen=True, slots=True)
class Filling:
    """What a slot gets."""

    image: str
    version: str


@dataclass(frozen=True, slots=True)
class Edit:
    """The next state of one application."""

    app: str
    active: str
    fill: Mapping[str, Filling]
    """Slots that are filled anew, by colour; their settings stay."""


def edit_text(text: str, edit: Edit, *, label: str) -> str:
    """Return the file with the application's new active colour and slots.

    Raises:
        EditRefusedError: the file does not have the application, or the result would not say what was asked for.
    """
    edited = text
    for colour, filling in edit.fill.items():
        for key, value in (("image", filling.image), ("version", filling.version)):
            edited = _set(edited, ("apps", edit.app, "slots", colour, key), value, label=label)
    edited = _set(edited, ("apps", edit.app, "active"), edit.active, label=label)
    wanted = _applied(yaml.safe_load(text), edit)
    if yaml.safe_load(edited) != wanted:
        message = f"{label}: its layout is one that this command cannot edit safely; change it by hand"
        raise EditRefusedError(message)
    return edited


def _applied(data: dict[str, Any], edit: Edit) -> dict[str, Any]:
    """Return the data as it should read; nothing is changed in place, because YAML may share sections."""
    apps = data.get("apps") or {}
    app = apps.get(edit.app) or {}
    slots = dict(app.get("slots") or {})
    for colour, filling in edit.fill.items():
        slots[colour] = {**(slots.get(colour) or {}), "image": filling.image, "version": filling.version}
    filled = {"slots": slots} if edit.fill else {}
    return {**data, "apps": {**apps, edit.app: {**app, "active": edit.active, **filled}}}


def _set(text: str, path: tuple[str, ...], value: str, *, label: str) -> str:
    """Replace the value of a key, or add the key with every missing one above it."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for depth, key in enumerate(path):
        found = _find(node, key)
        if found is None or _is_null(found):
            if depth < len(("apps", "the application")):
                message = f"{label}: has no {'.'.join(path[: depth + 1])}; add that section by hand first"
                raise EditRefusedError(message)
            return _add(text, node, found, (path[depth:], value))
        node = found
    return text[: node.start_mark.index] + _quote(value, node.style) + text[node.end_mark.index :]


def _find(node: Any, key: str) -> Any:  # noqa: ANN401 - PyYAML ships no types for nodes
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _is_null(node: Any) -> bool:  # noqa: ANN401 - PyYAML ships no types for nodes
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _add(text: str, parent: Any, null: Any, missing: tuple[tuple[str, ...], str]) -> str:  # noqa: ANN401
    """Add a key below a mapping, in the style that the mapping has; a null in its place is replaced."""
    keys, value = missing
    inner = _quote(value, '"')
    for key in reversed(keys[1:]):
        inner = f"{{{key}: {inner}}}"
    if null is not None:
        return text[: null.start_mark.index] + inner + text[null.end_mark.index :]
    if parent.flow_style:
        at = parent.end_mark.index - 1
        return text[:at] + (", " if parent.value else "") + f"{keys[0]}: {inner}" + text[at:]
    lines = text.splitlines(keepends=True)
    after = _last_line(parent)
    lines[after] = lines[after].rstrip("\n") + "\n"
    lines.insert(after + 1, f"{' ' * parent.value[0][0].start_mark.column}{keys[0]}: {inner}\n")
    return "".join(lines)


def _last_line(node: Any) -> int:  # noqa: ANN401 - PyYAML ships no types for nodes
    """Return the last line of a node's content; a block mapping's own end lies behind the comments that follow it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        return _last_line(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        return _last_line(node.value[-1])
    return int(node.end_mark.line)


def _quote(value: str, style: str | None) -> str:
    return f"{style}{value}{style}" if style in {"'", '"'} else value
