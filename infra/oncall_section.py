"""Settings of the on-call agent in an environment file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from infra.quantities import DnsLabel, Hostname
from infra.sections import Resources, Section, refuse

_Port = Annotated[int, Field(ge=1, le=65535)]


class Mail(Section):
    """Where the agent hands in mail."""

    host: Hostname = Field(description="SMTP server.")
    port: _Port = Field(description="Port of the SMTP server: 587 with starttls, 465 with tls, as a rule.")
    encryption: Literal["starttls", "tls"] = Field(description="How the connection is encrypted.")
    sender: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] = Field(description="Address that mail comes from.")
    user: str | None = Field(description="Login name, whose password is smtp-password of `secret`; null for no login.")


class Oncall(Section):
    """The agent that brings alerts to a person, step by step, until somebody acknowledges."""

    enabled: bool = Field(description="Deploy it. Without it `cryo oncall who` and `schedule` still work.")
    roster: str = Field(
        min_length=1,
        description="File with people, schedules, policies and routes, relative to the repository; docs/oncall.md "
        "explains it.",
    )
    mail: Mail | None = Field(description="E-mail; null for none.")
    slack: bool = Field(description="Post to the incoming webhook whose address is slack-url of `secret`.")
    secret: DnsLabel | None = Field(
        description="Secret in the namespace of the applications with smtp-password and slack-url, as needed."
    )
    public_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+$")] | None = Field(
        description="Where people's browsers reach the gateway, for the links in pages; null: pages name commands only."
    )
    heartbeat_s: int = Field(
        ge=0, le=86400, description="Silence of Alertmanager's Watchdog that pages; 0: not watched."
    )
    resources: Resources = Field(description="CPU and memory of its pod.")

    @model_validator(mode="after")
    def _secrets_have_a_place(self) -> Self:
        needs = [
            name for name, needed in (("slack", self.slack), ("mail.user", self.mail and self.mail.user)) if needed
        ]
        if needs and self.secret is None:
            refuse("secret", f"is null, and {' and '.join(needs)} need an entry of it; name the Secret")
        return self
