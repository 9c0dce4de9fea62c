"""The model server: what makes the two colours of `BlueGreen` answer predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from agents.runtime.names import APP_MODEL_SERVER, PORT_HTTP, Colour
from infra.components.blue_green import BlueGreen, BlueGreenArgs, GatewayRef
from infra.components.slot import Container
from infra.naming import Identity
from infra.pods import USER_APP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.slots import App

CONTAINER = Container(
    arguments=("-m", "model_server.serve"),
    port=PORT_HTTP,
    live_path="/livez",
    ready_path="/readyz",
    user=USER_APP,
)


@dataclass(frozen=True)
class ModelServerArgs:
    """The model server's part of an environment, with its images resolved."""

    app: App
    images: Mapping[Colour, pulumi.Input[str]]
    namespace: pulumi.Input[str]
    gateway: GatewayRef
    environment: str
    after: Sequence[pulumi.Resource]


class ModelServer(pulumi.ComponentResource):
    """Both colours of the model server and their route."""

    def __init__(self, name: str, args: ModelServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the model server."""
        super().__init__("cryoprotect:app:ModelServer", name, None, opts)
        BlueGreen(
            APP_MODEL_SERVER,
            BlueGreenArgs(
                identity=Identity(name=APP_MODEL_SERVER, component="predictions", environment=args.environment),
                app=args.app,
                container=CONTAINER,
                images=args.images,
                namespace=args.namespace,
                gateway=args.gateway,
                after=args.after,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
