"""A declared environment as plain values, for rules and tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROVIDER = "pulumi:providers:kubernetes::cluster"


@dataclass(frozen=True)
class Rendered:
    """One resource as the engine would receive it."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    provider: str = f"urn:pulumi:stack::project::{PROVIDER}::id"
    ignore_changes: Sequence[str] = ()
    replace_on_changes: Sequence[str] = ()
    protect: bool = False

    @property
    def kind(self) -> str:
        """Return the Kubernetes kind, or the last part of another type."""
        return str(self.inputs.get("kind") or self.type.rsplit(":", maxsplit=1)[-1])

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Return the object's metadata."""
        return self.inputs.get("metadata") or {}

    @property
    def spec(self) -> Mapping[str, Any]:
        """Return the object's specification."""
        return self.inputs.get("spec") or {}

    @property
    def pod(self) -> Mapping[str, Any]:
        """Return the pod template's specification."""
        # A CronJob holds the whole Job, and in it the pod.
        job: Mapping[str, Any] = (self.spec.get("jobTemplate") or {}).get("spec") or self.spec
        template: Mapping[str, Any] = job.get("template") or {}
        return template.get("spec") or {}

    def containers(self) -> Iterator[Mapping[str, Any]]:
        """Yield the containers of the pod template."""
        yield from self.pod.get("containers") or ()

    def __str__(self) -> str:
        """Return the object as violations name it."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Rendering:
    """Everything one environment declares."""

    resources: Sequence[Rendered]
    production: bool = False
    protect_data: bool = False

    def objects(self, *kinds: str) -> Iterator[Rendered]:
        """Yield the Kubernetes objects, of these kinds if any are named."""
        for resource in self.resources:
            if resource.type.startswith("kubernetes:") and (not kinds or resource.kind in kinds):
                yield resource
