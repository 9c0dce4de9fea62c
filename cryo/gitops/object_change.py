"""Reads Pulumi's JSON plan of a preview or a refresh into one line per object; pure."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryo.errors import PermanentCryoError

_UNCHANGED = frozenset({"same", "refresh", "read"})
# The steps of one replacement; its "replace" step tells the same once.
_PARTS_OF_REPLACE = frozenset({"create-replacement", "delete-replaced", "discard-replaced", "import-replacement"})


@dataclass(frozen=True, slots=True, order=True)
class ObjectChange:
    """What happens, or happened, to one object.

    Attributes:
        kind: kind as Kubernetes names it, such as "Deployment".
        name: name in the Pulumi program, or of the live object where it is known.
        operation: create, update, replace or delete.
        properties: paths that differ, such as "spec.replicas"; values are not told, they may be secrets.
    """

    kind: str
    name: str
    operation: str
    properties: tuple[str, ...]

    def __str__(self) -> str:
        """`update Deployment/model-server-blue: spec.replicas`."""
        paths = f": {', '.join(self.properties)}" if self.properties else ""
        return f"{self.operation} {self.kind}/{self.name}{paths}"


def read_plan(printed: str) -> tuple[ObjectChange, ...]:
    """Objects that a plan changes, sorted; components and the stack itself are no objects.

    Args:
        printed: standard output of `pulumi preview --json` or `pulumi refresh --preview-only --json`.

    Raises:
        PermanentCryoError: it is not such a document.
    """
    try:
        steps = json.loads(printed)["steps"]
        changed = [step for step in steps if step["op"] not in _UNCHANGED | _PARTS_OF_REPLACE]
        return tuple(sorted(_change(step) for step in changed))
    except (ValueError, KeyError, TypeError) as error:
        message = f"pulumi's plan has a form that is not known ({error!r}); compare its version with uv.lock"
        raise PermanentCryoError(message) from error


def count_operations(changes: Iterable[ObjectChange]) -> dict[str, int]:
    """How many objects each operation touches."""
    return dict(Counter(change.operation for change in changes))


def _change(step: Mapping[str, Any]) -> ObjectChange:
    type_token, name = step["urn"].split("::")[-2:]
    kind = type_token.rsplit("$", 1)[-1].rsplit(":", 1)[-1]
    state = step.get("newState") or step.get("oldState") or {}
    metadata = (state.get("outputs") or state.get("inputs") or {}).get("metadata") or {}
    live = metadata.get("name") if isinstance(metadata, dict) else None
    paths = step.get("detailedDiff") or {}
    return ObjectChange(kind, live or name, step["op"], tuple(sorted(paths)))
