"""The on-call agent: what it reads, whom it reaches, and the one path of it that the gateway shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes import core

from agents.runtime.names import APP_ALERTMANAGER, APP_ONCALL, APP_PROMETHEUS, LABEL_NAME, ROLE_ONCALL
from infra import network, pods
from infra.agent_service import AgentService, AgentServiceComponent, Mount
from infra.components.secrets import PASSWORD_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi

    from infra.agent_service import Site
    from infra.oncall_section import Oncall as Settings

# Only the links are shown outside: whoever reached the webhook could page people or end an incident.
_LINKS = "/oncall/act"
_KEY_FOLDER = "/run/secrets/oncall-links"
_CHANNELS_FOLDER = "/run/secrets/channels"
_ROSTER_FOLDER, _ROSTER_FILE = "/etc/oncall", "roster.yaml"
_HTTPS = 443


class Oncall(AgentServiceComponent):
    """Job `oncall-login`, then Deployment, Service and HTTPRoute `oncall`, and the roster as a ConfigMap."""

    def __init__(self, settings: Settings, roster: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the agent; another roster is another ConfigMap, and so another pod."""
        super().__init__("cryoprotect:monitoring:Oncall", APP_ONCALL, "monitoring", site, opts)
        kept = core.v1.ConfigMap("oncall", metadata=self.metadata(), data={_ROSTER_FILE: roster}, opts=self.child)
        mail_ports = [settings.mail.port] if settings.mail is not None else []
        outside = sorted({*mail_ports, *([_HTTPS] if settings.slack else [])})
        self.declare(
            AgentService(
                role=ROLE_ONCALL,
                password=site.secrets.oncall,
                resources=settings.resources,
                path=_LINKS,
                callers=[network.pods({LABEL_NAME: app}) for app in (APP_ALERTMANAGER, APP_PROMETHEUS)],
                variables=_variables(settings),
                mounts=_mounts(settings, kept.metadata.name, site.secrets.oncall_links),
                reaches=[network.egress([network.nodes()], *outside)] if outside else [],
            )
        )


def _mounts(settings: Settings, roster: pulumi.Input[str], key: pulumi.Input[str]) -> Sequence[Mount]:
    source = core.v1.ConfigMapVolumeSourceArgs(name=roster)
    found = [
        Mount(_ROSTER_FOLDER, core.v1.VolumeArgs(name="roster", config_map=source)),
        Mount(_KEY_FOLDER, pods.secret_volume("links", key)),
    ]
    if settings.secret is not None:
        found.append(Mount(_CHANNELS_FOLDER, pods.secret_volume("channels", settings.secret)))
    return found


def _variables(settings: Settings) -> Mapping[str, str]:
    variables = {
        "CRYO_ONCALL_HEARTBEAT_S": str(settings.heartbeat_s),
        "CRYO_ONCALL_LINK_KEY_FILE": f"{_KEY_FOLDER}/{PASSWORD_KEY}",
        "CRYO_ONCALL_ROSTER": f"{_ROSTER_FOLDER}/{_ROSTER_FILE}",
    }
    if settings.public_url is not None:
        variables["CRYO_ONCALL_PUBLIC_URL"] = settings.public_url
    if settings.slack:
        variables["CRYO_ONCALL_SLACK_URL_FILE"] = f"{_CHANNELS_FOLDER}/slack-url"
    if settings.mail is None:
        return variables
    variables |= {
        "CRYO_ONCALL_SMTP_ENCRYPTION": settings.mail.encryption,
        "CRYO_ONCALL_SMTP_HOST": settings.mail.host,
        "CRYO_ONCALL_SMTP_PORT": str(settings.mail.port),
        "CRYO_ONCALL_SMTP_SENDER": settings.mail.sender,
    }
    if settings.mail.user is not None:
        variables["CRYO_ONCALL_SMTP_USER"] = settings.mail.user
        variables["CRYO_ONCALL_SMTP_PASSWORD_FILE"] = f"{_CHANNELS_FOLDER}/smtp-password"
    return variables
