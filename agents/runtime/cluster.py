"""What the agents see of a cluster: a few kinds of object and a door; the door itself is in `kube`.

Apart from the client, so that modules that decide can speak of routes without importing anything that acts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

JsonObject = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """The part of an HTTPRoute that a release reads and writes."""

    namespace: str
    name: str
    resource_version: str
    rules: tuple[JsonObject, ...]


@dataclass(frozen=True, slots=True)
class ConfigMap:
    """A ConfigMap; without a resource version it does not exist yet."""

    namespace: str
    name: str
    data: Mapping[str, str]
    labels: Mapping[str, str]
    resource_version: str | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """How many pods a Deployment wants, whoever set the number, and how many of them are ready."""

    name: str
    wanted: int
    ready: int
    version: str = ""
    """Label of its pods; empty without one."""
    content: str = ""
    """What its slot was filled with, as the infra program says it; empty without the annotation."""


@dataclass(frozen=True, slots=True)
class ClusterEvent:
    """Something that happened to a route."""

    namespace: str
    name: str
    route: str
    """The HTTPRoute that it is about."""
    reason: str
    """One word in CamelCase."""
    message: str
    is_warning: bool
    at: str
    """RFC 3339."""


class Kube(Protocol):
    """What the agents ask of a cluster; tests give them a small one in memory."""

    def get_http_route(self, namespace: str, name: str) -> HttpRoute:
        """Return the route; a missing one is a ClusterRefusedError."""

    def apply_http_route(self, route: HttpRoute, *, field_manager: str) -> HttpRoute:
        """Write spec.rules and take their ownership; the route must be unchanged since it was read."""

    def get_config_map(self, namespace: str, name: str) -> ConfigMap | None:
        """Return the ConfigMap, or None when there is none."""

    def apply_config_map(self, config_map: ConfigMap, *, field_manager: str) -> ConfigMap:
        """Create it, or write it when it is unchanged since it was read."""

    def list_deployments(self, namespace: str, labels: Mapping[str, str]) -> list[Deployment]:
        """Return the Deployments with all of these labels."""

    def get_pod_phase(self, namespace: str, name: str) -> str | None:
        """Return the pod's phase, such as Running, or None when there is no such pod."""

    def get_namespace_labels(self, name: str) -> Mapping[str, str] | None:
        """Return the namespace's labels, or None when there is no such namespace."""

    def create_event(self, event: ClusterEvent) -> None:
        """Write an Event; one of that name is a ClusterConflictError."""
