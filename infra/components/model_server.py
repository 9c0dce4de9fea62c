"""The model server: what makes the two colours of `BlueGreen` answer predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import core

from agents.runtime.names import APP_MODEL_SERVER, PORT_HTTP, Colour
from infra.components.blue_green import BlueGreen, BlueGreenArgs, GatewayRef
from infra.components.secrets import PASSWORD_KEY
from infra.components.slot import Attachments, Container
from infra.naming import Identity
from infra.pods import USER_APP, secret_volume

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


_TOKEN_FOLDER = "/run/secrets/operator"  # noqa: S105 - a path
_TOKEN = "operator-token"  # noqa: S105 - the name of a volume


def attach_operator_token(secret: pulumi.Input[str]) -> Attachments:
    """Return what lets whoever may read the Secret act as an operator."""
    return Attachments(
        settings={"CRYO_SERVICE_TOKEN_FILE": f"{_TOKEN_FOLDER}/{PASSWORD_KEY}"},
        volumes=[secret_volume(_TOKEN, secret)],
        mounts=[core.v1.VolumeMountArgs(name=_TOKEN, mount_path=_TOKEN_FOLDER, read_only=True)],
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
    attachments: Attachments
    small: Colour | None = None
    """The colour that has its standby size."""


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
                attachments=args.attachments,
                small=args.small,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
