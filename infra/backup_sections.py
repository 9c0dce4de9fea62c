"""The section `backup` of an environment file."""

from __future__ import annotations

from typing import Annotated, Self
from zoneinfo import available_timezones

from pydantic import Field, model_validator

from infra.quantities import DnsLabel, Image, Memory
from infra.sections import Resources, Section, Storage, refuse

# Cited: Kubernetes CronJob accepts the five fields of cron(5); names of days and months are left out on purpose.
Schedule = Annotated[str, Field(pattern=r"^[0-9*/,-]+( [0-9*/,-]+){4}$")]


class S3(Section):
    """A bucket of any S3-compatible store, reached over TLS."""

    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = Field(description="The bucket.")
    endpoint: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+(:\d{1,5})?$")] = Field(
        description="Host, with its port if that is not 443. No https:// and no path."
    )
    region: str = Field(min_length=1, description="Region; stores without regions take any.")
    path: Annotated[str, Field(pattern=r"^/")] = Field(description="Folder in the bucket.")
    path_style: bool = Field(description="Bucket in the path instead of in the host name; true for most stores.")
    keys_secret: DnsLabel = Field(description="Secret in the namespace of the applications: key-id, key, ca.crt.")
    port: int = Field(ge=1, le=65535, description="Port of the endpoint, which the network policies open.")


class EmbeddedStore(Section):
    """An S3 server of this repository's own, for a cluster that has no object storage."""

    image: Image = Field(description="Image of the S3 server (rclone).")
    storage: Storage = Field(description="Volume that holds the backups.")
    resources: Resources = Field(description="CPU and memory of the server.")


class Repository(Section):
    """Where backups and WAL are stored; one of the three."""

    embedded: EmbeddedStore | None = Field(default=None, description="Run an S3 server in the cluster.")
    s3: S3 | None = Field(default=None, description="Use a bucket that exists.")
    volume: Storage | None = Field(default=None, description="Use a volume of the cluster.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        given = [key for key in ("embedded", "s3", "volume") if getattr(self, key) is not None]
        if len(given) != 1:
            told = " and ".join(given) or "none"
            refuse("volume", f"{told} of embedded, s3 and volume is set; set exactly one and the others to null")
        return self


class Schedules(Section):
    """When backups run, in cron(5)'s five fields and in time_zone; null leaves one out."""

    full: Schedule | None = Field(description="Everything.")
    diff: Schedule | None = Field(description="What changed since the last full one.")
    incr: Schedule | None = Field(description="What changed since the last one of any kind.")
    verify: Schedule | None = Field(description="Read every stored byte, then delete what retention lets go.")
    drill: Schedule | None = Field(description="Restore the newest one into a server of its own and look at it.")


class Retention(Section):
    """What is kept: a set stays when any rule keeps it, with everything that it builds on."""

    hourly: int = Field(ge=0, le=1000, description="Hours of which the first set stays.")
    daily: int = Field(ge=0, le=1000, description="Days of which the first set stays.")
    weekly: int = Field(ge=0, le=1000, description="Weeks of which the first set stays.")
    monthly: int = Field(ge=0, le=1000, description="Months of which the first set stays.")
    yearly: int = Field(ge=0, le=1000, description="Years of which the first set stays.")
    window_days: int = Field(ge=1, le=3650, description="Days in which every second can be had back.")
    min_fulls: int = Field(ge=1, le=1000, description="Proven full sets that stay however old they are.")


class Backup(Section):
    """Physical backups with continuous WAL archiving, by pgBackRest."""

    enabled: bool = Field(description="Archive WAL and run backups. Turning it on or off restarts the database.")
    image: Image = Field(description="Image of the backup agent: PostgreSQL, pgBackRest and the agents.")
    resources: Resources = Field(description="CPU and memory of each backup Job and of the repository host.")
    repository: Repository = Field(description="Where backups and WAL are stored.")
    scratch: Memory = Field(description="Room for restore drills on the node's own disk; more than the database.")
    archive_timeout_s: int = Field(ge=10, le=3600, description="Seconds after which WAL is archived if it is not full.")
    queue_max: Memory = Field(
        description="WAL that may wait for a dead archive; beyond it WAL is dropped and the database goes on."
    )
    time_zone: str = Field(description="Time zone of the schedules and of retention, such as Europe/Berlin.")
    schedules: Schedules = Field(description="When backups run.")
    start_deadline_s: int = Field(
        ge=10, le=86400, description="Seconds by which a run may start late; later it is left out."
    )
    deadline_s: int = Field(ge=60, le=604800, description="Seconds after which a run is stopped.")
    history: int = Field(
        ge=1, le=100, description="Finished, and failed, Jobs of each schedule that are kept to look at."
    )
    retention: Retention = Field(description="What is kept.")

    @model_validator(mode="after")
    def _zone_is_known(self) -> Self:
        if self.time_zone not in available_timezones():
            refuse("time_zone", f'"{self.time_zone}" is not known; use a name such as Europe/Berlin or UTC')
        return self
