"""One environment as a typed, frozen value: what environments/base.yaml and environments/<stack>.yaml may say.

Durations are whole seconds and end in `_s`. A rule over several keys names the key to change, so that the reader of the
error never has to search. Defaults live in environments/base.yaml and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from agents.runtime.names import APP_MODEL_SERVER
from infra.backup_sections import Backup
from infra.monitoring_sections import Monitoring
from infra.oncall_section import Oncall
from infra.quantities import DnsLabel, EnvironmentName, Hostname, Image, Memory, Version, has_digest
from infra.sections import Drain, Resources, Section, Storage, refuse
from infra.slots import App

if TYPE_CHECKING:
    from collections.abc import Iterator

# Cited: below 1024 a port needs CAP_NET_BIND_SERVICE, which the restricted pods do not have.
UnprivilegedPort = Annotated[int, Field(ge=1024, le=65535)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Apps(Section):
    """The applications that are released in two colours."""

    model_server: App = Field(
        alias="model-server", description="Answers predictions: /api/v1/predictions, one ONNX model at first."
    )

    def items(self) -> Iterator[tuple[str, App]]:
        """Yield each application under the name it has in the file and in the cluster."""
        yield APP_MODEL_SERVER, self.model_server


class Migrations(Section):
    """Limits of the Job that changes the schema before a new colour starts."""

    deadline_s: int = Field(
        ge=10,
        le=86400,
        description="Seconds after which the Job is stopped. Until then it is tried again after a temporary failure "
        "(exit code 75); any other failure ends it at once.",
    )


class Agents(Section):
    """The Jobs that migrate and release."""

    image: Image = Field(description="Image of all agents; it contains the migrations.")
    version: Version = Field(description="Version that the image holds.")
    resources: Resources = Field(description="CPU and memory of each Job's pod.")
    migrations: Migrations = Field(description="Limits of the migration Job.")


class Flags(Section):
    """The service that says which feature flags are on for whom, at /ofrep of the applications' hosts."""

    enabled: bool = Field(
        description="Deploy it. Without it `cryo flags` still works; front ends get the defaults in their code, and "
        "no model can be switched off."
    )
    resources: Resources = Field(description="CPU and memory of its pod.")


class RegistryVolume(Section):
    """The volume of the model registry: aliases, trained versions, data sets and jobs, shared by both colours."""

    storage: Storage = Field(description="Volume that holds it.")
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"] = Field(
        description="ReadWriteOnce where every pod of the model server and every training runs on one node; "
        "ReadWriteMany elsewhere, from a StorageClass whose files can be locked (NFS 4 can)."
    )


class Training(Section):
    """Trainings ordered through the model server, each a Kubernetes Job."""

    enabled: bool = Field(description="Let the model server create Jobs of the trainer image; needs `registry`.")
    image: Image = Field(description="Trainer image; its model code has to be that of the slots.")
    resources: Resources = Field(description="CPU and memory of each training.")
    deadline_s: int = Field(ge=60, le=86400, description="Seconds after which a training is stopped.")
    parallel: int = Field(ge=1, le=16, description="Trainings at a time; of one model never more than one.")


class Database(Section):
    """PostgreSQL, one instance with a volume."""

    image: Image = Field(description="PostgreSQL image of this repository.")
    storage: Storage = Field(description="Volume that holds the data.")
    shared_memory: Memory = Field(description="Size of /dev/shm, which parallel queries use; counts as memory.")
    resources: Resources = Field(description="CPU and memory of the server.")
    startup_s: int = Field(ge=10, le=86400, description="Seconds for start, first initialisation or crash recovery.")
    grace_s: int = Field(ge=10, le=3600, description="Seconds for a fast shutdown with its checkpoint.")


class Gateway(Section):
    """Traefik, which routes by Gateway API."""

    image: Image = Field(description="Gateway image of this repository (Traefik 3.7).")
    exposure: Literal["host", "ClusterIP", "NodePort", "LoadBalancer"] = Field(
        description="How users reach it: `host` listens on 127.0.0.1 of the node itself (one-node clusters); "
        "anything else is the type of the gateway's Service."
    )
    host_port: UnprivilegedPort = Field(description="Port on 127.0.0.1 with exposure `host`; unused otherwise.")
    internal_port: UnprivilegedPort = Field(
        description="Port on the node's own address where pods reach the gateway with exposure `host`, because a pod "
        "cannot reach 127.0.0.1 of its node; the listener inside the pod otherwise."
    )
    metrics_port: UnprivilegedPort = Field(description="Port of /metrics and /ping.")
    replicas: int = Field(ge=1, le=100, description="Gateway pods; exactly 1 with exposure `host`.")
    resources: Resources = Field(description="CPU and memory of each gateway pod.")
    drain: Drain = Field(
        description="How a gateway pod leaves: it accepts for prestop_s more, then waits request_timeout_s."
    )

    @model_validator(mode="after")
    def _host_ports_free(self) -> Self:
        if self.exposure == "host" and self.replicas != 1:
            message = f"{self.replicas} pods cannot share one address of the node; exposure host needs 1"
            refuse("replicas", message)
        if len({self.host_port, self.internal_port, self.metrics_port}) < len(("host", "internal", "metrics")):
            message = "host_port, internal_port and metrics_port have to differ, the gateway finds listeners by port"
            refuse("internal_port", message)
        return self


class Kubelet(Section):
    """The agent of Kubernetes on each node, which knows disks, memory and containers."""

    port: Port = Field(description="Where it serves metrics, which the network policy opens.")
    verify_certificate: bool = Field(
        description="Check its certificate against the cluster's CA; false where kubelets sign their own."
    )


class Prometheus(Section):
    """Prometheus, which scrapes both colours and the gateway."""

    image: Image = Field(description="Prometheus image of this repository.")
    storage: Storage = Field(description="Volume that holds the time series.")
    retention_days: int = Field(ge=1, le=3650, description="Days that samples are kept.")
    scrape_interval_s: int = Field(
        ge=1, le=300, description="Seconds between two scrapes; release gates see a bad colour after about two."
    )
    resources: Resources = Field(description="CPU and memory of the server.")
    kubelet: Kubelet = Field(description="How the nodes are scraped.")
    hostname: Hostname | None = Field(
        default=None, description="Host name under which the gateway shows Prometheus; null keeps it inside."
    )


class DockerBuild(Section):
    """Build the `built:` images with a Docker engine instead of taking them from the image index."""

    host: str | None = Field(
        default=None, description="Docker engine, such as unix:///run/docker.sock; null: DOCKER_HOST."
    )
    repository: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9./:_-]*[a-z0-9]$")] = Field(
        description="Registry and path that image names are appended to."
    )
    push: bool = Field(description="Push what was built. Needed unless the cluster uses the same engine.")
    context: str = Field(description="Build context, relative to the repository; {name} stands for the image.")
    containerfile: str = Field(description="Path of a Containerfile; {name} stands for the image.")
    arguments: dict[EnvironmentName, str] = Field(
        default={}, description="Build arguments, such as BASE_IMAGE with a digest. Never a secret."
    )


class Images(Section):
    """Where `built:` images come from."""

    docker: DockerBuild | None = Field(
        default=None, description="Build with Docker; null takes the index that `cryo images build` wrote."
    )


class Cluster(Section):
    """The one cluster that belongs to this environment."""

    context: str = Field(
        min_length=1, description="Context in the kubeconfig. CRYO_KUBE_CONTEXT may choose another outside production."
    )
    identifier: DnsLabel = Field(
        description="Name of the cluster in the state. As long as it stays, new addresses or certificates update the "
        "provider; changing it replaces every object."
    )
    server: str | None = Field(
        default=None,
        pattern=r"^https://[^\s/]+$",
        description="API server that the context has to point to; required in production, null elsewhere skips it.",
    )
    api_server_ports: Annotated[tuple[Port, ...], Field(strict=False, min_length=1)] = Field(
        description="Ports of the API server that agents, Prometheus and the gateway may connect to."
    )


class Namespaces(Section):
    """Where things live."""

    apps: DnsLabel = Field(description="Namespace of the applications, the database and Prometheus.")
    gateway: DnsLabel = Field(description="Namespace of the gateway, apart because exposure `host` needs more rights.")

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.apps == self.gateway:
            refuse("gateway", f"{self.gateway} is namespaces.apps too; the gateway needs a namespace of its own")
        return self


class Environment(Section):
    """Everything that one stack deploys."""

    production: bool = Field(
        description="Real users: images need digests, the cluster's address is checked, data is protected."
    )
    protect_data: bool = Field(
        description="Refuse to delete the database, its password and its namespace, also by `pulumi destroy`. "
        "Has to be true in production."
    )
    cluster: Cluster = Field(description="The cluster that belongs to this environment.")
    namespaces: Namespaces = Field(description="Where things live.")
    images: Images = Field(description="Where `built:` images come from.")
    agents: Agents = Field(description="The Jobs that migrate and release.")
    database: Database = Field(description="PostgreSQL.")
    backup: Backup = Field(description="Physical backups with continuous WAL archiving, by pgBackRest.")
    flags: Flags = Field(description="The feature flag service, in the image of the agents.")
    oncall: Oncall = Field(description="Brings alerts to a person, step by step, until somebody acknowledges.")
    registry: RegistryVolume | None = Field(
        description="Writable model registry; null: aliases and versions are those of the image and cannot be changed."
    )
    training: Training = Field(description="Trainings ordered through the model server, each a Kubernetes Job.")
    apps: Apps = Field(description="The applications that are released in two colours.")
    gateway: Gateway = Field(description="Traefik, which routes by Gateway API.")
    prometheus: Prometheus = Field(description="Prometheus, which scrapes both colours and the gateway.")
    monitoring: Monitoring = Field(description="Where alerts go.")

    @model_validator(mode="after")
    def _somebody_is_told(self) -> Self:
        if self.production and not self.monitoring.reaches_somebody:
            refuse("monitoring.mail", "no alert would reach anybody; set monitoring.mail or monitoring.slack")
        return self

    def image_references(self) -> Iterator[tuple[str, str]]:
        """Yield every image with the key path it stands at."""
        yield "agents.image", self.agents.image
        yield "database.image", self.database.image
        if self.backup.enabled:
            yield "backup.image", self.backup.image
            if self.backup.repository.embedded is not None:
                yield "backup.repository.embedded.image", self.backup.repository.embedded.image
        yield "gateway.image", self.gateway.image
        yield "prometheus.image", self.prometheus.image
        if self.training.enabled:
            yield "training.image", self.training.image
        for name, app in self.apps.items():
            for colour, slot in app.slots.filled():
                yield f"apps.{name}.slots.{colour.value}.image", slot.image

    @model_validator(mode="after")
    def _training_has_a_registry(self) -> Self:
        if self.training.enabled and self.registry is None:
            refuse("training.enabled", "is true and registry is null, so a trained model has no place; fill registry")
        return self

    @model_validator(mode="after")
    def _production_is_pinned(self) -> Self:
        if not self.production:
            return self
        for key, reference in self.image_references():
            if not has_digest(reference):
                message = f'"{reference}" has no digest; production needs <registry>/<name>@sha256:<64 hex digits>'
                refuse(key, message)
        if self.cluster.server is None:
            refuse("cluster.server", "is required in production; write the https address of the API server")
        if not self.protect_data:
            refuse("protect_data", "has to be true in production, or one command deletes the data; set it")
        return self
