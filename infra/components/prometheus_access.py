"""What Prometheus' ServiceAccount may do: find pods, Services and endpoints in two namespaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import core, meta, rbac

if TYPE_CHECKING:
    from infra.naming import Identity

_RBAC_GROUP = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]


@dataclass(frozen=True)
class PrometheusAccessArgs:
    """Who gets the rights, and in which namespaces."""

    identity: Identity
    account: core.v1.ServiceAccount
    namespaces: tuple[pulumi.Input[str], pulumi.Input[str]]


class PrometheusAccess(pulumi.ComponentResource):
    """One Role and one RoleBinding in each scraped namespace."""

    def __init__(self, name: str, args: PrometheusAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the roles and bind them."""
        super().__init__("cryoprotect:monitoring:PrometheusAccess", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        account = args.account.metadata
        for where, namespace in zip(("apps", "gateway"), args.namespaces, strict=True):
            metadata = meta.v1.ObjectMetaArgs(namespace=namespace, labels=args.identity.labels())
            role = rbac.v1.Role(
                f"prometheus-in-{where}",
                metadata=metadata,
                rules=[
                    rbac.v1.PolicyRuleArgs(api_groups=[""], resources=["pods", "services"], verbs=_READ),
                    rbac.v1.PolicyRuleArgs(api_groups=["discovery.k8s.io"], resources=["endpointslices"], verbs=_READ),
                ],
                opts=child,
            )
            rbac.v1.RoleBinding(
                f"prometheus-in-{where}",
                metadata=metadata,
                role_ref=rbac.v1.RoleRefArgs(api_group=_RBAC_GROUP, kind="Role", name=role.metadata.name),
                subjects=[rbac.v1.SubjectArgs(kind="ServiceAccount", name=account.name, namespace=account.namespace)],
                opts=child,
            )
        self.register_outputs({})
