"""What every section of an environment file shares: closed, frozen, typed, and errors that point to one key."""

from __future__ import annotations

from typing import NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from infra.quantities import Cpu, DnsLabel, Memory, cpu_cores, memory_bytes

AT_KEY = "at_key"


def refuse(key: str, message: str) -> NoReturn:
    """Raise an error that points to a key below the section where a rule over several keys is checked."""
    raise PydanticCustomError(AT_KEY, "{message}", {"key": key, "message": message})


class Section(BaseModel):
    """A part of an environment file: frozen, typed without conversions, and closed against unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Amounts(Section):
    """CPU and memory of one container."""

    cpu: Cpu = Field(description='CPU: millicores such as "250m" or whole cores such as "2".')
    memory: Memory = Field(description='Memory: a whole number with Ki, Mi, Gi or Ti, such as "256Mi".')


class Resources(Section):
    """What a container is promised and what it may use at most."""

    requests: Amounts = Field(description="What the scheduler reserves on a node; never more than the limits.")
    limits: Amounts = Field(description="Above the CPU limit a container is slowed, above the memory limit killed.")

    @model_validator(mode="after")
    def _requests_fit_limits(self) -> Self:
        if cpu_cores(self.requests.cpu) > cpu_cores(self.limits.cpu):
            refuse("requests.cpu", f"{self.requests.cpu} is more than limits.cpu {self.limits.cpu}; lower it")
        if memory_bytes(self.requests.memory) > memory_bytes(self.limits.memory):
            message = f"{self.requests.memory} is more than limits.memory {self.limits.memory}; lower it"
            refuse("requests.memory", message)
        return self


class Drain(Section):
    """How a pod leaves without cutting a request."""

    prestop_s: int = Field(
        ge=0,
        le=600,
        description="Seconds that a leaving pod goes on serving before it is told to stop, so that every gateway and "
        "kube-proxy has forgotten it. Default 5: endpoint changes were seen to arrive within 1 s on one node.",
    )
    request_timeout_s: int = Field(
        ge=1, le=3600, description="Seconds that the longest legal request may take; running ones may end in it."
    )
    grace_s: int = Field(
        ge=1,
        le=7200,
        description="Seconds from the first notice until the pod is killed; at least prestop_s + request_timeout_s.",
    )

    @model_validator(mode="after")
    def _grace_covers_drain(self) -> Self:
        needed = self.prestop_s + self.request_timeout_s
        if self.grace_s < needed:
            message = (
                f"{self.grace_s} is shorter than prestop_s {self.prestop_s} + request_timeout_s "
                f"{self.request_timeout_s}, so running requests would be cut; set it to {needed} or more"
            )
            refuse("grace_s", message)
        return self


class Storage(Section):
    """A volume that outlives its pod."""

    size: Memory = Field(description='Size of the volume, such as "2Gi". A size can only grow, by hand, later.')
    storage_class: DnsLabel | None = Field(
        description="StorageClass that provides the volume; null takes the cluster's default class."
    )
