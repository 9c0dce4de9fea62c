"""An application in two colours: a Service for each, and one route whose weights belong to the release agent alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_kubernetes import apiextensions, core, meta

from agents.runtime.names import (
    APP_PROMETHEUS,
    APP_RELEASE,
    GATEWAY_API_GROUP,
    GATEWAY_API_VERSION,
    LABEL_NAME,
    Colour,
    route_name,
    service_name,
)
from infra import network
from infra.components.slot import Attachments, ColourSlot, Container, SlotArgs
from infra.contents import describe_slots
from infra.naming import SKIP_AWAIT, Identity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.slots import App

_ALL_TRAFFIC = 100


@dataclass(frozen=True)
class GatewayRef:
    """The gateway that a route attaches to."""

    name: pulumi.Input[str]
    namespace: pulumi.Input[str]

    def parent(self) -> dict[str, Any]:
        """Return it as a route's parentRefs entry, complete, so that the server has nothing to fill in."""
        return {"group": GATEWAY_API_GROUP, "kind": "Gateway", "name": self.name, "namespace": self.namespace}


@dataclass(frozen=True)
class BlueGreenArgs:
    """One application, its images by colour and what has to be done before a colour starts."""

    identity: Identity
    app: App
    container: Container
    images: Mapping[Colour, pulumi.Input[str]]
    namespace: pulumi.Input[str]
    gateway: GatewayRef
    after: Sequence[pulumi.Resource]
    attachments: Attachments = field(default_factory=Attachments)
    small: Colour | None = None
    """The colour that has its standby size; None: both are as large as the environment says."""


class BlueGreen(pulumi.ComponentResource):
    """Both colours of an application behind one HTTPRoute."""

    def __init__(self, name: str, args: BlueGreenArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare Services and route for both colours, pods for the filled ones."""
        super().__init__("cryoprotect:app:BlueGreen", name, None, opts)
        self._args = args
        self._name = args.identity.name
        account = core.v1.ServiceAccount(
            self._name,
            metadata=self._metadata(args.identity, name=self._name),
            automount_service_account_token=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._policy()
        contents = describe_slots(args.app, args.images)
        for colour, slot in args.app.slots.filled():
            ColourSlot(
                service_name(self._name, colour),
                SlotArgs(
                    identity=args.identity.of(colour).at(slot.version),
                    app=args.app,
                    size=args.app.size_of(small=colour is args.small),
                    container=args.container,
                    image=args.images[colour],
                    content=contents[colour],
                    settings=self._settings(colour, slot.version) | args.app.settings | slot.settings,
                    attachments=args.attachments,
                    namespace=args.namespace,
                    service_account=account.metadata.name,
                    after=args.after,
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self._route([self._service(colour) for colour in Colour])
        self.register_outputs({})

    def _settings(self, colour: Colour, version: str) -> dict[str, pulumi.Input[str]]:
        return {
            **self._args.attachments.settings,
            "CRYO_BIND": f"0.0.0.0:{self._args.container.port}",
            "CRYO_COLOUR": colour.value,
            "CRYO_DRAIN_S": str(self._args.app.drain.request_timeout_s),
            "CRYO_VERSION": version,
        }

    def _service(self, colour: Colour) -> core.v1.Service:
        identity = self._args.identity.of(colour)
        port = self._args.container.port
        return core.v1.Service(
            service_name(self._name, colour),
            # Not awaited: success would need no ready pod, cost 10 s, and an empty colour has none. The release Job
            # proves readiness through this very Service before traffic moves.
            metadata=self._metadata(identity, name=service_name(self._name, colour), annotations={SKIP_AWAIT: "true"}),
            spec=core.v1.ServiceSpecArgs(
                selector=identity.selector(),
                ports=[core.v1.ServicePortArgs(name="http", port=port, target_port=port)],
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _route(self, services: Sequence[core.v1.Service]) -> None:
        active = self._args.app.active
        backends = [
            {
                "group": "",
                "kind": "Service",
                "name": service.metadata.name,
                "port": self._args.container.port,
                "weight": _ALL_TRAFFIC if colour.value == active else 0,
            }
            for colour, service in zip(Colour, services, strict=True)
        ]
        spec: dict[str, Any] = {
            "parentRefs": [self._args.gateway.parent()],
            "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": backends}],
        }
        if self._args.app.hostnames:
            spec["hostnames"] = list(self._args.app.hostnames)
        apiextensions.CustomResource(
            route_name(self._name),
            api_version=f"{GATEWAY_API_GROUP}/{GATEWAY_API_VERSION}",
            kind="HTTPRoute",
            metadata=self._metadata(self._args.identity, name=route_name(self._name)),
            spec=spec,
            # The weights above are those of the first day. From then on only the release agent writes them.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["spec.rules"]),
        )

    def _policy(self) -> None:
        callers = [
            network.whole_namespace(self._args.gateway.namespace),
            network.pods({LABEL_NAME: APP_RELEASE}),
            network.pods({LABEL_NAME: APP_PROMETHEUS}),
        ]
        ports, calls = self._args.attachments.api_server_ports, self._args.attachments.calls
        to_others = [network.egress([network.pods({LABEL_NAME: name})], port) for name, port in sorted(calls.items())]
        outgoing = [network.egress([network.nodes()], *ports)] if ports else []
        outgoing += [network.dns(), *to_others] if to_others else []
        network.policy(
            self._name,
            metadata=self._metadata(self._args.identity),
            selector={LABEL_NAME: self._name},
            rules=([network.ingress(callers, self._args.container.port)], outgoing),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _metadata(
        self, identity: Identity, *, name: str | None = None, annotations: dict[str, str] | None = None
    ) -> meta.v1.ObjectMetaArgs:
        return meta.v1.ObjectMetaArgs(
            name=name, namespace=self._args.namespace, labels=identity.labels(), annotations=annotations
        )
