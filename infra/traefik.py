"""What Traefik is started with, and the listeners that match it.

Traefik finds the entry point of a Gateway listener by port number alone, so every listener has a port of its own. A
pod on the node's network listens twice: on 127.0.0.1 for users of the machine and on the node's address for pods,
because 127.0.0.1 inside a pod is the pod.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.naming import NAMESPACE_LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.config import Gateway

BINARY = "/usr/local/bin/traefik"
CONTROLLER = "traefik.io/gateway-controller"
HOST = "host"
HOST_IP_VARIABLE = "HOST_IP"
METRICS = "metrics"
_LOOPBACK = "127.0.0.1"
_NODE_ADDRESS = f"$({HOST_IP_VARIABLE})"
# Measured with Traefik 3.7 and this throttle: a weight change is live in 0.02-0.21 s. Its default of 2 s would be the
# longest part of a release.
_THROTTLE = "100ms"


@dataclass(frozen=True)
class EntryPoint:
    """One address that Traefik listens on."""

    name: str
    address: str
    port: int


def entry_points(settings: Gateway) -> list[EntryPoint]:
    """Return the addresses for traffic; metrics and ping have their own."""
    if settings.exposure == HOST:
        return [
            EntryPoint("web", _LOOPBACK, settings.host_port),
            EntryPoint("internal", _NODE_ADDRESS, settings.internal_port),
        ]
    return [EntryPoint("web", "", settings.internal_port)]


def listeners(settings: Gateway, *, routes_from: str) -> list[dict[str, Any]]:
    """Return the Gateway's listeners; only routes of one namespace may attach."""
    allowed = {"namespaces": {"from": "Selector", "selector": {"matchLabels": {NAMESPACE_LABEL: routes_from}}}}
    return [
        {"name": point.name, "port": point.port, "protocol": "HTTP", "allowedRoutes": allowed}
        for point in entry_points(settings)
    ]


def arguments(settings: Gateway, *, watched: Sequence[str]) -> list[str]:
    """Return Traefik's command line."""
    metrics_address = _NODE_ADDRESS if settings.exposure == HOST else ""
    points = [*entry_points(settings), EntryPoint(METRICS, metrics_address, settings.metrics_port)]
    return [
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
        "--log.format=json",
        "--log.level=INFO",
        "--providers.kubernetesGateway=true",
        f"--providers.kubernetesGateway.namespaces={','.join(watched)}",
        f"--providers.providersThrottleDuration={_THROTTLE}",
        "--ping=true",
        f"--ping.entryPoint={METRICS}",
        "--metrics.prometheus=true",
        f"--metrics.prometheus.entryPoint={METRICS}",
        *(argument for point in points for argument in _entry_point(point, settings)),
    ]


def _entry_point(point: EntryPoint, settings: Gateway) -> list[str]:
    flag = f"--entryPoints.{point.name}"
    drain = settings.drain
    arguments = [
        f"{flag}.address={point.address}:{point.port}",
        f"{flag}.transport.lifeCycle.requestAcceptGraceTimeout={drain.prestop_s}s",
        f"{flag}.transport.lifeCycle.graceTimeOut={drain.request_timeout_s}s",
    ]
    if settings.exposure == HOST:
        # The next pod starts while this one still holds the port; both listen, and the kernel divides connections.
        arguments.append(f"{flag}.reusePort=true")
    return arguments
