"""What Prometheus' ServiceAccount may do: find pods, Services and endpoints and read nodes' metrics."""

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
    """One Role and one RoleBinding in each scraped namespace, and a ClusterRole for the kubelets."""

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
        self._nodes(args, child)
        self.register_outputs({})

    def _nodes(self, args: PrometheusAccessArgs, opts: pulumi.ResourceOptions) -> None:
        metadata, account = meta.v1.ObjectMetaArgs(labels=args.identity.labels()), args.account.metadata
        role = rbac.v1.ClusterRole(
            "prometheus-nodes",
            metadata=metadata,
            rules=[
                rbac.v1.PolicyRuleArgs(api_groups=[""], resources=["nodes"], verbs=_READ),
                # The kubelet itself asks for this right; nodes/proxy would give every pod's shell as well.
                rbac.v1.PolicyRuleArgs(api_groups=[""], resources=["nodes/metrics"], verbs=["get"]),
            ],
            opts=opts,
        )
        rbac.v1.ClusterRoleBinding(
            "prometheus-nodes",
            metadata=metadata,
            role_ref=rbac.v1.RoleRefArgs(api_group=_RBAC_GROUP, kind="ClusterRole", name=role.metadata.name),
            subjects=[rbac.v1.SubjectArgs(kind="ServiceAccount", name=account.name, namespace=account.namespace)],
            opts=opts,
        )
