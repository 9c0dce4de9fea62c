"""The flags service, which answers OFREP from memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.runtime.names import APP_FLAGS, APP_MODEL_SERVER, APP_PROMETHEUS, LABEL_NAME, PORT_HTTP, ROLE_FLAGS
from infra import network
from infra.agent_service import AgentService, AgentServiceComponent
from infra.components.slot import Attachments

if TYPE_CHECKING:
    import pulumi

    from infra.agent_service import Site
    from infra.config import Flags as Settings

_OFREP = "/ofrep"


class Flags(AgentServiceComponent):
    """Job `flags-login`, then Deployment, Service and HTTPRoute `flags`."""

    def __init__(self, settings: Settings, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the service."""
        super().__init__("cryoprotect:app:Flags", APP_FLAGS, "feature-flags", site, opts)
        self.declare(
            AgentService(
                role=ROLE_FLAGS,
                password=site.secrets.flags,
                resources=settings.resources,
                path=_OFREP,
                callers=[network.pods({LABEL_NAME: app}) for app in (APP_PROMETHEUS, APP_MODEL_SERVER)],
            )
        )

    @staticmethod
    def attach() -> Attachments:
        """Return what an application needs to ask the service."""
        return Attachments(settings={"CRYO_FLAGS_URL": f"http://{APP_FLAGS}:{PORT_HTTP}"}, calls={APP_FLAGS: PORT_HTTP})
