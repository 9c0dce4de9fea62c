"""The section `monitoring` of an environment file: where alerts go."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import Field, model_validator

from infra.quantities import DnsLabel, Hostname, Image
from infra.sections import Resources, Section, Storage, refuse

Address = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+:\d{1,5}$")]
MailAddress = Annotated[str, Field(pattern=r"^[^@\s<>,]+@[^@\s<>,]+$")]


class Mail(Section):
    """Alerts by e-mail."""

    smarthost: Address = Field(description="SMTP server and port.")
    sender: MailAddress = Field(description="From whom.")
    recipients: Annotated[tuple[MailAddress, ...], Field(strict=False, min_length=1)] = Field(description="To whom.")
    username: str | None = Field(
        default=None, description="Account; its password is the entry smtp-password of `secret`. Null: none is needed."
    )
    require_tls: bool = Field(default=True, description="Refuse to send without STARTTLS; false for a relay beside it.")


class Slack(Section):
    """Alerts in a chat that takes Slack's incoming webhooks; the URL is the entry slack-url of `secret`."""

    channel: Annotated[str, Field(pattern=r"^[#@]\S+$")] = Field(description="Channel, such as #alerts.")


class Alertmanager(Section):
    """Alertmanager, one instance with a volume for silences and for what was sent already."""

    image: Image = Field(description="Alertmanager image of this repository.")
    storage: Storage = Field(description="Volume that holds its state.")
    resources: Resources = Field(description="CPU and memory of the server.")
    hostname: Hostname | None = Field(
        default=None, description="Host name under which the gateway shows it, for silences; null keeps it inside."
    )


class Monitoring(Section):
    """Where alerts go. Prometheus has a section of its own, because releases ask it too."""

    mode: Literal["embedded", "external"] = Field(
        description="`embedded` runs Alertmanager; `external` sends alerts to those that `addresses` names."
    )
    addresses: Annotated[tuple[Address, ...], Field(strict=False)] = Field(
        description="Alertmanagers outside, with mode external."
    )
    alertmanager: Alertmanager = Field(description="Alertmanager, with mode embedded.")
    secret: DnsLabel | None = Field(
        description="Secret in the namespace of the applications: slack-url, smtp-password, heartbeat-url, as needed."
    )
    mail: Mail | None = Field(description="E-mail; null for none.")
    slack: Slack | None = Field(description="Slack or what speaks like it; null for none.")
    oncall: bool = Field(
        description="Tell the on-call agent, the Service `oncall`, of all that pages and of the Watchdog."
    )
    heartbeat: bool = Field(
        description="Send the Watchdog every 30 s to heartbeat-url of `secret`, whose silence pages from outside."
    )
    ports: Annotated[tuple[Annotated[int, Field(ge=1, le=65535)], ...], Field(strict=False)] = Field(
        description="Ports outside the cluster that Alertmanager may connect to besides that of the SMTP server."
    )
    time_zone: str = Field(description="Where the working hours are, outside which warnings wait.")
    runbooks: str = Field(
        pattern=r"^https?://\S+/$", description="What the path of a runbook, alerts/runbooks/X.md, is appended to."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.mode == "external" and not self.addresses:
            refuse("addresses", "no Alertmanager is named; name one, or set mode to embedded")
        needs = [key for key in ("slack", "heartbeat") if getattr(self, key)]
        needs += ["mail.username"] if self.mail is not None and self.mail.username else []
        if needs and self.secret is None:
            refuse("secret", f"{', '.join(needs)} need an entry of a Secret; name the Secret, or leave them out")
        if self.time_zone not in available_timezones():
            refuse("time_zone", f"{self.time_zone} is no time zone; use a name such as Europe/Berlin or UTC")
        return self

    @property
    def reaches_somebody(self) -> bool:
        """Whether an alert leaves the cluster."""
        return self.mode == "external" or self.mail is not None or self.slack is not None
