"""The whole program, in the order of a release: data, migrations, gateway, both colours, then the traffic."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes

from infra.agent_service import Site
from infra.backups import declare_backups
from infra.cluster import Target, choose_target
from infra.components.database import Database, DatabaseArgs
from infra.components.flags import Flags
from infra.components.gateway import SERVICE_PORT, Gateway, GatewayArgs
from infra.components.migrations import Migrations, MigrationsArgs
from infra.components.model_server import ModelServer, ModelServerArgs, attach_operator_token
from infra.components.namespaces import Namespaces, NamespacesArgs
from infra.components.oncall import Oncall
from infra.components.registry import Registry, RegistryArgs
from infra.components.release import GatewayAddress, Release, ReleaseArgs
from infra.components.secrets import Secrets, SecretsArgs
from infra.components.slot import Attachments
from infra.components.training import Training, TrainingArgs
from infra.environment_files import load_environment
from infra.images import ImageSource, choose_source, resolve
from infra.monitoring import declare_monitoring
from infra.roster import read_roster
from infra.seen import Seen
from infra.traefik import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agents.runtime.names import Colour
    from infra.config import Environment
    from infra.slots import App

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / "environments"


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before the first object is declared."""

    stack: str
    environment: Environment
    target: Target
    images: ImageSource
    roster: str
    """Text of the on-call roster; empty without the on-call agent."""


def environments_folder(variables: Mapping[str, str]) -> Path:
    """Return the folder of environment files: CRYO_ENVIRONMENTS for a trial elsewhere, or the repository's own."""
    return Path(variables.get("CRYO_ENVIRONMENTS") or ENVIRONMENTS)


def make_plan(stack: str, *, variables: Mapping[str, str], folder: Path | None = None) -> Plan:
    """Read and check everything.

    Raises:
        InfraError: an environment file, the kubeconfig or the image index refuses; nothing was declared.
    """
    environment = load_environment(folder or environments_folder(variables), stack)
    return Plan(
        stack=stack,
        environment=environment,
        target=choose_target(environment, stack, variables=variables),
        images=choose_source(environment, root=ROOT, variables=variables),
        roster=read_roster(environment.oncall, ROOT),
    )


class Program:
    """Declares one environment; every part gets what it needs from the parts before it."""

    def __init__(self, plan: Plan, *, seen: Seen | None = None) -> None:
        """Resolve the images and declare the provider and the namespaces.

        Args:
            plan: what to declare.
            seen: what the guard saw of what is live; None renders an empty cluster's first update.
        """
        self.plan = plan
        self._seen = seen or Seen()
        self.environment = plan.environment
        self._agents_image = self._image(plan.environment.agents.image)
        provider = pulumi_kubernetes.Provider(
            "cluster",
            kubeconfig=plan.target.kubeconfig,
            context=plan.target.context,
            cluster_identifier=plan.environment.cluster.identifier,
        )
        self.opts = pulumi.ResourceOptions(providers=[provider])
        self.namespaces = Namespaces(
            "namespaces",
            NamespacesArgs(
                names=self.environment.namespaces,
                environment=plan.stack,
                gateway_on_host=self.environment.gateway.exposure == HOST,
                protect=self.environment.protect_data,
            ),
            opts=self.opts,
        )

    def deploy(self) -> None:
        """Declare everything else and export where it can be reached."""
        secrets, migrations = self._data()
        gateway = self._gateway()
        prometheus = declare_monitoring(
            self.environment, self.plan.stack, self.namespaces, gateway, image_of=self._image, opts=self.opts
        )
        flags = self._agent_services(secrets, gateway, after=[migrations])
        app = self.environment.apps.model_server
        images = {colour: self._image(slot.image) for colour, slot in app.slots.filled()}
        attachments, training = self._registry(secrets)
        server = ModelServer(
            "model-server",
            ModelServerArgs(
                app=app,
                images=images,
                namespace=self.namespaces.apps,
                gateway=gateway.ref,
                environment=self.plan.stack,
                after=[migrations, *training],
                attachments=attachments.with_all_of(flags),
                small=self._seen.small.get("model-server"),
            ),
            opts=self.opts,
        )
        self._release(app, images, gateway, secrets, after=[migrations, server, gateway, prometheus])
        self._export(app, gateway)

    def _data(self) -> tuple[Secrets, Migrations]:
        stack, namespace, protect = self.plan.stack, self.namespaces.apps, self.environment.protect_data
        secrets = Secrets(
            "secrets", SecretsArgs(namespace=namespace, environment=stack, protect=protect), opts=self.opts
        )
        archiving = declare_backups(self.environment, stack, namespace, image_of=self._image, opts=self.opts)
        database = Database(
            "database",
            DatabaseArgs(
                settings=self.environment.database,
                image=self._image(self.environment.database.image),
                namespace=namespace,
                password_secret=secrets.postgres,
                environment=stack,
                protect=protect,
                archiving=archiving,
            ),
            opts=self.opts,
        )
        migrations = Migrations(
            "migrations",
            MigrationsArgs(
                agents=self.environment.agents,
                image=self._agents_image,
                namespace=namespace,
                password_secret=secrets.postgres,
                environment=stack,
            ),
            opts=pulumi.ResourceOptions.merge(self.opts, pulumi.ResourceOptions(depends_on=[database])),
        )
        return secrets, migrations

    def _agent_services(self, secrets: Secrets, gateway: Gateway, *, after: Sequence[pulumi.Resource]) -> Attachments:
        """Declare the services of agents; return what the model server gets of them, which waits for nothing."""
        site = Site(
            agents=self.environment.agents,
            image=self._agents_image,
            namespace=self.namespaces.apps,
            secrets=secrets,
            gateway=gateway.ref,
            hostnames=self.environment.apps.model_server.hostnames,
            environment=self.plan.stack,
            after=after,
        )
        if self.environment.oncall.enabled:
            Oncall(self.environment.oncall, self.plan.roster, site, opts=self.opts)
        if not self.environment.flags.enabled:
            return Attachments()
        return Flags(self.environment.flags, site, opts=self.opts).attach()

    def _registry(self, secrets: Secrets) -> tuple[Attachments, Sequence[pulumi.Resource]]:
        """Declare the model registry and training; return what the model server gets of them and waits for."""
        attachments, environment = attach_operator_token(secrets.operator), self.environment
        if environment.registry is None:
            return attachments, ()
        registry = Registry(
            "registry",
            RegistryArgs(
                settings=environment.registry,
                namespace=self.namespaces.apps,
                environment=self.plan.stack,
                protect=environment.protect_data,
            ),
            opts=self.opts,
        )
        attachments = attachments.with_all_of(registry.attach())
        if not environment.training.enabled:
            return attachments, ()
        training = Training(
            "training",
            TrainingArgs(
                settings=environment.training,
                image=self._image(environment.training.image),
                claim=registry.claim,
                apps_namespace=environment.namespaces.apps,
                namespace=self.namespaces.apps,
                api_server_ports=environment.cluster.api_server_ports,
                environment=self.plan.stack,
            ),
            opts=self.opts,
        )
        return attachments.with_all_of(training.attach()), [training]

    def _gateway(self) -> Gateway:
        return Gateway(
            "gateway",
            GatewayArgs(
                settings=self.environment.gateway,
                image=self._image(self.environment.gateway.image),
                names=self.environment.namespaces,
                namespace=self.namespaces.gateway,
                apps_namespace=self.namespaces.apps,
                api_server_ports=self.environment.cluster.api_server_ports,
                environment=self.plan.stack,
            ),
            opts=self.opts,
        )

    def _release(
        self,
        app: App,
        images: Mapping[Colour, pulumi.Input[str]],
        gateway: Gateway,
        secrets: Secrets,
        *,
        after: Sequence[pulumi.Resource],
    ) -> None:
        Release(
            "release",
            ReleaseArgs(
                app_name="model-server",
                app=app,
                images=images,
                agents=self.environment.agents,
                agents_image=self._agents_image,
                names=self.environment.namespaces,
                namespace=self.namespaces.apps,
                gateway=GatewayAddress(
                    url=gateway.internal_url, ports=(SERVICE_PORT, self.environment.gateway.internal_port)
                ),
                api_server_ports=self.environment.cluster.api_server_ports,
                environment=self.plan.stack,
                password_secret=secrets.postgres,
                scrape_interval_s=self.environment.prometheus.scrape_interval_s,
                retry_of=self._seen.retries.get("model-server"),
                after=after,
            ),
            opts=self.opts,
        )

    def _export(self, app: App, gateway: Gateway) -> None:
        settings = self.environment.gateway
        on_host = settings.exposure == HOST
        pulumi.export("namespace", self.namespaces.apps)
        pulumi.export("active", {"model-server": app.active})
        pulumi.export("gateway_internal_url", gateway.internal_url)
        pulumi.export("gateway_url", f"http://127.0.0.1:{settings.host_port}" if on_host else None)
        pulumi.export(
            "hostnames", {"model-server": list(app.hostnames), "prometheus": self.environment.prometheus.hostname}
        )

    def _image(self, reference: str) -> pulumi.Input[str]:
        return resolve(reference, self.plan.images)
