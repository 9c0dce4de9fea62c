"""The Job that brings the schema to the state that the next colour needs, before that colour starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import core, meta

from agents.runtime.names import (
    APP_MIGRATE,
    APP_POSTGRES,
    LABEL_NAME,
    PORT_POSTGRES,
    SERVICE_ACCOUNT_MIGRATE,
)
from infra import network
from infra.agent_job import AgentJob, SecretFile, agent_job
from infra.components.database import DATABASE, PASSWORD_FOLDER, SUPERUSER
from infra.components.secrets import PASSWORD_KEY
from infra.naming import Identity

if TYPE_CHECKING:
    from infra.config import Agents


@dataclass(frozen=True)
class MigrationsArgs:
    """Which image migrates which database."""

    agents: Agents
    image: pulumi.Input[str]
    namespace: pulumi.Input[str]
    password_secret: pulumi.Input[str]
    environment: str


class Migrations(pulumi.ComponentResource):
    """ServiceAccount without rights, and the Job `migrate`."""

    def __init__(self, name: str, args: MigrationsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the Job; the migrations are in the image, so a new image is a new Job."""
        super().__init__("cryoprotect:data:Migrations", name, None, opts)
        identity = Identity(name=APP_MIGRATE, component="migrations", environment=args.environment)
        child = pulumi.ResourceOptions(parent=self)
        account = core.v1.ServiceAccount(
            "migrate",
            metadata=meta.v1.ObjectMetaArgs(
                name=SERVICE_ACCOUNT_MIGRATE, namespace=args.namespace, labels=identity.labels()
            ),
            automount_service_account_token=False,
            opts=child,
        )
        policy = network.policy(
            "migrate",
            metadata=meta.v1.ObjectMetaArgs(namespace=args.namespace, labels=identity.labels()),
            selector=identity.selector(),
            rules=((), [network.dns(), network.egress([network.pods({LABEL_NAME: APP_POSTGRES})], PORT_POSTGRES)]),
            opts=child,
        )
        job = AgentJob(
            identity=identity.at(args.agents.version),
            namespace=args.namespace,
            image=args.image,
            arguments=["-m", "agents.migrate", "apply"],
            service_account=account.metadata.name,
            resources=args.agents.resources,
            deadline_s=args.agents.migrations.deadline_s,
            environment=connect_as_owner() | {"CRYO_VERSION": args.agents.version},
            secrets=[SecretFile(secret=args.password_secret, path=PASSWORD_FOLDER)],
        )
        agent_job("migrate", job, opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]))
        self.register_outputs({})


def connect_as_owner() -> dict[str, str]:
    """Return the settings of a Job that connects as the owner of the schema."""
    return {
        "CRYO_DB_HOST": APP_POSTGRES,
        "CRYO_DB_PORT": str(PORT_POSTGRES),
        "CRYO_DB_NAME": DATABASE,
        "CRYO_DB_USER": SUPERUSER,
        "CRYO_DB_PASSWORD_FILE": f"{PASSWORD_FOLDER}/{PASSWORD_KEY}",
    }
