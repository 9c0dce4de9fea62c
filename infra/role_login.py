"""The Job that lets the role of a service log in: the service itself never has the owner's password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import meta

from agents.runtime.names import APP_POSTGRES, LABEL_NAME, PORT_POSTGRES
from infra import network
from infra.agent_job import AgentJob, SecretFile, agent_job
from infra.components.database import PASSWORD_FOLDER
from infra.components.migrations import connect_as_owner
from infra.components.secrets import PASSWORD_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.config import Agents
    from infra.naming import Identity

# Chosen: a Job of one statement; the wait is for a database that is just restarting.
_DEADLINE_S = 180


@dataclass(frozen=True)
class RoleLogin:
    """Whose role it is, and where its password is."""

    identity: Identity
    """Of the Job, apart from the service's, or the Service would send requests to the Job's pod."""
    module: str
    """Agent that has the verb `allow-login`, such as `agents.flags`."""
    password: SecretFile
    """The role's password, as the Job's pod sees it."""
    owner: pulumi.Input[str]
    """Secret with the password of the schema's owner."""
    agents: Agents
    image: pulumi.Input[str]
    namespace: pulumi.Input[str]
    service_account: pulumi.Input[str]


def role_login_job(
    name: str, login: RoleLogin, *, after: Sequence[pulumi.Resource], opts: pulumi.ResourceOptions
) -> pulumi.Resource:
    """Declare the Job and its network policy; it runs when what `after` names is there."""
    policy = network.policy(
        name,
        metadata=meta.v1.ObjectMetaArgs(namespace=login.namespace, labels=login.identity.labels()),
        selector=login.identity.selector(),
        rules=((), [network.dns(), network.egress([network.pods({LABEL_NAME: APP_POSTGRES})], PORT_POSTGRES)]),
        opts=opts,
    )
    job = AgentJob(
        identity=login.identity.at(login.agents.version),
        namespace=login.namespace,
        image=login.image,
        arguments=["-m", login.module, "allow-login", "--password-file", f"{login.password.path}/{PASSWORD_KEY}"],
        service_account=login.service_account,
        resources=login.agents.resources,
        deadline_s=_DEADLINE_S,
        environment=connect_as_owner() | {"CRYO_VERSION": login.agents.version},
        secrets=[SecretFile(secret=login.owner, path=PASSWORD_FOLDER), login.password],
    )
    return agent_job(
        name, job, opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy, *after]))
    )
