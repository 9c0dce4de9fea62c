"""An application in two slots: what each colour runs, which one serves, and how a pod comes and goes."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from agents.runtime.names import Colour
from infra.quantities import EnvironmentName, Hostname, Image, Version, has_digest, memory_bytes
from infra.sections import Drain, Resources, Section, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

ColourName = Literal["blue", "green"]


class Slot(Section):
    """One colour's content. A release fills the idle slot, then moves `active` to it."""

    image: Image = Field(
        description='Image to run: "built:<name>" for one built from this repository, else a registry reference. '
        "Production accepts only references that end in @sha256:<digest>."
    )
    version: Version = Field(description="Version that the image holds, shown on answers, metrics and pods.")
    settings: dict[EnvironmentName, str] = Field(
        default={},
        description="Environment variables of this colour alone; they win over the application's settings. "
        "The value is text, so numbers are quoted. Never a secret.",
    )


class Slots(Section):
    """The two colours; null leaves a colour empty."""

    blue: Slot | None = Field(default=None, description="Content of the blue slot, or null.")
    green: Slot | None = Field(default=None, description="Content of the green slot, or null.")

    def filled(self) -> Iterator[tuple[Colour, Slot]]:
        """Yield the colours that hold something."""
        for colour, slot in ((Colour.BLUE, self.blue), (Colour.GREEN, self.green)):
            if slot is not None:
                yield colour, slot


class Autoscale(Section):
    """A HorizontalPodAutoscaler for each colour; it then owns the number of replicas."""

    min_replicas: int = Field(ge=1, le=1000, description="Fewest pods of one colour.")
    max_replicas: int = Field(ge=1, le=1000, description="Most pods of one colour; at least min_replicas.")
    cpu_percent: int = Field(
        ge=1, le=100, description="CPU use, as percent of the request, that the autoscaler steers to."
    )

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.max_replicas < self.min_replicas:
            message = f"{self.max_replicas} is less than min_replicas {self.min_replicas}; raise it"
            refuse("max_replicas", message)
        return self


# Derived: writing weights and record with their retries on the way back is bounded by 250 s in agents/release.
WAY_BACK_S = 250
_FULL_SHARE = 100
Percent = Annotated[int, Field(ge=1, le=_FULL_SHARE)]


class Webhook(Section):
    """A service that is asked before the first step."""

    url: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.-]+(:\d{1,5})?(/\S*)?$")] = Field(
        description="Gets a POST with what is about to be released and answers a verdict; docs/release.md has both."
    )
    deadline_s: int = Field(
        ge=1, le=86400, description="Seconds within which it has to pass; without a verdict by then, refused."
    )

    @property
    def port(self) -> int:
        """The port of its address."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)


class Standby(Section):
    """How small the colour that no longer serves becomes, and when."""

    after_s: int = Field(
        ge=0,
        le=2_592_000,
        description="Seconds after a release settled in which the old colour stays at full size, as the way back. The "
        "first `pulumi up` after that makes it small, if the serving colour is whole.",
    )
    replicas: int = Field(ge=1, le=1000, description="Its pods then, the fewest with an autoscaler.")


class Limit(Section):
    """One question to Prometheus about the new colour, and the highest answer that passes."""

    name: str = Field(min_length=1, description="What is asked, as reasons and the record name it.")
    query: str = Field(
        min_length=1,
        description="PromQL; $app, $colour, $stable and $memory_limit_bytes stand for the application, the new colour, "
        "the other one, and the memory limit of a pod.",
    )
    at_most: float = Field(strict=False, description="Highest value that passes; no value and NaN never do.")


class ReleaseGate(Section):
    """Steps, gates and limits of the Job that moves traffic."""

    deadline_s: int = Field(
        ge=5, le=3600, description="Seconds within which the new colour has to pass its smoke check, else refused."
    )
    job_deadline_s: int = Field(
        ge=10,
        le=86400,
        description="Seconds after which the whole Job is stopped; at least what all its waits can take together, so "
        "that it is never stopped half-way back. Until then it is tried again after a temporary failure (exit code "
        "75); any other failure ends it at once.",
    )
    steps: Annotated[tuple[Percent, ...], Field(strict=False, min_length=1)] = Field(
        description="Shares of traffic that the new colour gets one after the other, in percent, rising to 100. "
        "[100] moves all at once after the checks, without a comparison."
    )
    step_deadline_s: int = Field(
        ge=10,
        le=86400,
        description="Seconds within which the comparison of one step has to pass; without a verdict by then the "
        "traffic goes back.",
    )
    soak_s: int = Field(
        ge=0,
        le=86400,
        description="Seconds after the last step in which a failing comparison or a burning error budget still takes "
        "the traffic back; `pulumi up` waits for it.",
    )
    minimum_requests: int = Field(
        ge=100,
        le=1_000_000,
        description="Requests of the gate to each colour before a step may pass. With 1500, errors that jump from 1 % "
        "to 5 % are caught in 95 of 100 releases; docs/release.md has the table.",
    )
    load_per_s: int = Field(
        ge=1, le=1000, description="Requests a second that the gate itself sends to each colour while it compares."
    )
    parity_tolerance: float | None = Field(
        default=None,
        ge=0,
        strict=False,
        description="Largest difference of a reference prediction between the colours, in the target's unit; null "
        "accepts a changed model.",
    )
    approval_s: int | None = Field(
        default=None,
        ge=10,
        le=86400,
        description="Seconds that a release waits for `cryo release approve` before its first step; null: no approval.",
    )
    backup_hours: int | None = Field(
        default=None,
        ge=1,
        le=720,
        description="Refuse to begin without a backup of the last so many hours that was proven to restore; null: off.",
    )

    standby: Standby | None = Field(
        default=None, description="What becomes of the colour that no longer serves; null: it stays at full size."
    )
    webhook: Webhook | None = Field(
        default=None, description="A service that is asked before the first step; only a clear pass lets it go on."
    )
    limits: Annotated[tuple[Limit, ...], Field(strict=False)] = Field(
        default=(),
        description="Questions to Prometheus about the new colour, asked at every look: name, query and at_most. $app, "
        "$colour, $stable and $memory_limit_bytes are filled in.",
    )

    @model_validator(mode="after")
    def _steps_rise_to_all(self) -> Self:
        rising = all(one < other for one, other in zip(self.steps, self.steps[1:], strict=False))
        if self.steps[-1] != _FULL_SHARE or not rising:
            refuse("steps", f"{list(self.steps)} has to rise and to end with {_FULL_SHARE}")
        return self

    @model_validator(mode="after")
    def _job_outlives_gate(self) -> Self:
        watched_s = (len(self.steps) - 1) * self.step_deadline_s + self.soak_s + (self.approval_s or 0)
        watched_s += self.webhook.deadline_s if self.webhook else 0
        needed_s = (len(self.steps) + 2) * self.deadline_s + watched_s + WAY_BACK_S
        if self.job_deadline_s < needed_s:
            reason = f"is less than all its waits and {WAY_BACK_S} s for the way back"
            message = f"{self.job_deadline_s} {reason}; raise it to {needed_s}"
            refuse("job_deadline_s", message)
        return self

    def policy(self, *, prometheus_url: str, scrape_interval_s: int, memory_limit: str) -> dict[str, object]:
        """Return what the agent is told, in the words of agents/release/policy.py."""
        words = {"memory_limit_bytes": str(memory_bytes(memory_limit))}
        limits = [
            {"name": each.name, "query": Template(each.query).safe_substitute(words), "at_most": each.at_most}
            for each in self.limits
        ]
        asked = {"webhook_url": self.webhook.url, "webhook_deadline_s": self.webhook.deadline_s} if self.webhook else {}
        return {
            "steps": list(self.steps),
            "soak_s": self.soak_s,
            "step_deadline_s": self.step_deadline_s,
            "capacity": True,
            "openapi": True,
            "parity_tolerance": self.parity_tolerance,
            "approval_deadline_s": self.approval_s,
            "backup_max_age_s": self.backup_hours * 3600 if self.backup_hours else None,
            "prometheus_url": prometheus_url,
            "scrape_interval_s": scrape_interval_s,
            "minimum_requests": self.minimum_requests,
            "load_per_s": self.load_per_s,
            "limits": limits,
            **asked,
        }


class App(Section):
    """One application in two colours behind one route."""

    active: ColourName = Field(
        description="Colour that receives traffic. Changing this one line and running `pulumi up` is a release; "
        "reverting the commit is a rollback."
    )
    slots: Slots = Field(description="What each colour runs.")
    replicas: int = Field(ge=1, le=1000, description="Pods of each filled colour while autoscale is null.")
    autoscale: Autoscale | None = Field(
        default=None, description="Let an autoscaler own the size of each colour (needs metrics-server); null: fixed."
    )
    resources: Resources = Field(description="CPU and memory of each pod.")
    drain: Drain = Field(description="How a pod leaves.")
    startup_s: int = Field(ge=1, le=3600, description="Seconds within which a new pod has to answer /livez.")
    progress_deadline_s: int = Field(
        ge=10, le=86400, description="Seconds without progress after which a colour's rollout has failed; > startup_s."
    )
    settings: dict[EnvironmentName, str] = Field(
        default={}, description="Environment variables of both colours. The value is text. Never a secret."
    )
    hostnames: Annotated[tuple[Hostname, ...], Field(strict=False)] = Field(
        default=(), description="Host names that the route answers to; an empty list answers to every name."
    )
    release: ReleaseGate = Field(description="Limits of the Job that moves traffic to `active`.")

    def size_of(self, *, small: bool) -> int:
        """Return the pods of a colour: those of its standby when it may be small, never more than it had."""
        full = self.replicas if self.autoscale is None else self.autoscale.min_replicas
        return min(full, self.release.standby.replicas) if small and self.release.standby else full

    @model_validator(mode="after")
    def _slots_can_serve(self) -> Self:
        slots = dict(self.slots.filled())
        if not slots:
            refuse("slots", "both slots are empty, so there is nothing to deploy; fill blue or green")
        if Colour(self.active) not in slots:
            other = Colour(self.active).other.value
            message = f"{self.active} is an empty slot; fill slots.{self.active} or set active to {other}"
            refuse("active", message)
        if self.progress_deadline_s <= self.startup_s:
            message = f"{self.progress_deadline_s} is not longer than startup_s {self.startup_s}; raise it"
            refuse("progress_deadline_s", message)
        return self

    @model_validator(mode="after")
    def _versions_name_images(self) -> Self:
        blue, green = self.slots.blue, self.slots.green
        if blue is None or green is None:
            return self
        if blue.version == green.version and blue.image != green.image:
            message = f"both slots say version {blue.version} but hold different images; give each its own version"
            refuse("slots.green.version", message)
        if blue.image == green.image and has_digest(blue.image):
            message = "is the image of slots.blue too, so a release would change nothing; empty one slot or fill it"
            refuse("slots.green.image", message)
        return self
