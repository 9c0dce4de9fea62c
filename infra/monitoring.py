"""Alertmanager where it is ours, and Prometheus, which tells whoever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.runtime.names import APP_ALERTMANAGER, PORT_ALERTMANAGER
from infra.components.alertmanager import Alertmanager, AlertmanagerArgs
from infra.components.prometheus import Prometheus, PrometheusArgs
from infra.scrapes import Alerting

if TYPE_CHECKING:
    from collections.abc import Callable

    import pulumi

    from infra.components.gateway import Gateway
    from infra.components.namespaces import Namespaces
    from infra.config import Environment


def declare_monitoring(  # noqa: PLR0913 - what a part of the program needs of the whole
    environment: Environment,
    stack: str,
    namespaces: Namespaces,
    gateway: Gateway,
    *,
    image_of: Callable[[str], pulumi.Input[str]],
    opts: pulumi.ResourceOptions,
) -> Prometheus:
    """Declare what watches; return Prometheus, which releases ask."""
    settings = environment.monitoring
    is_own = settings.mode == "embedded"
    if is_own:
        Alertmanager(
            "alertmanager",
            AlertmanagerArgs(
                settings=settings,
                image=image_of(settings.alertmanager.image),
                namespace=namespaces.apps,
                gateway=gateway.ref,
                gateway_namespace=namespaces.gateway,
                gateway_port=environment.gateway.host_port,
                environment=stack,
            ),
            opts=opts,
        )
    embedded = (f"{APP_ALERTMANAGER}:{PORT_ALERTMANAGER}",)
    return Prometheus(
        "prometheus",
        PrometheusArgs(
            settings=environment.prometheus,
            image=image_of(environment.prometheus.image),
            names=environment.namespaces,
            namespace=namespaces.apps,
            gateway_namespace=namespaces.gateway,
            gateway=gateway.ref,
            gateway_metrics_port=environment.gateway.metrics_port,
            gateway_port=environment.gateway.host_port,
            api_server_ports=environment.cluster.api_server_ports,
            environment=stack,
            alerting=Alerting(embedded if is_own else settings.addresses, is_own=is_own),
        ),
        opts=opts,
    )
