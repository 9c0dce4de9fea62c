"""What the gateway's ServiceAccount may do: read routes and endpoints in two namespaces, report their status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import core, meta, rbac

from agents.runtime.names import GATEWAY_API_GROUP

if TYPE_CHECKING:
    from infra.naming import Identity

_RBAC_GROUP = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]
# Cited: what Traefik 3.7's kubernetesGateway provider watches; it does not start when one of these is refused. Secrets
# are on its list for TLS, therefore the roles are per namespace and never reach another one.
_ROUTES = [
    "backendtlspolicies",
    "gateways",
    "grpcroutes",
    "httproutes",
    "listenersets",
    "referencegrants",
    "tlsroutes",
]


@dataclass(frozen=True)
class GatewayAccessArgs:
    """Who gets the rights, and in which namespaces."""

    identity: Identity
    account: core.v1.ServiceAccount
    namespaces: tuple[pulumi.Input[str], pulumi.Input[str]]


class GatewayAccess(pulumi.ComponentResource):
    """One ClusterRole for what has no namespace, one Role in each served namespace."""

    def __init__(self, name: str, args: GatewayAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the roles and bind them."""
        super().__init__("cryoprotect:gateway:GatewayAccess", name, None, opts)
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._cluster_wide()
        for role, namespace in zip(("apps", "gateway"), args.namespaces, strict=True):
            self._namespaced(role, namespace)
        self.register_outputs({})

    def _cluster_wide(self) -> None:
        role = rbac.v1.ClusterRole(
            "gateway",
            metadata=self._metadata(),
            rules=[
                rbac.v1.PolicyRuleArgs(api_groups=[""], resources=["namespaces"], verbs=_READ),
                rbac.v1.PolicyRuleArgs(api_groups=[GATEWAY_API_GROUP], resources=["gatewayclasses"], verbs=_READ),
                rbac.v1.PolicyRuleArgs(
                    api_groups=[GATEWAY_API_GROUP], resources=["gatewayclasses/status"], verbs=["update"]
                ),
            ],
            opts=self._child,
        )
        rbac.v1.ClusterRoleBinding(
            "gateway",
            metadata=self._metadata(),
            role_ref=rbac.v1.RoleRefArgs(api_group=_RBAC_GROUP, kind="ClusterRole", name=role.metadata.name),
            subjects=[self._subject()],
            opts=self._child,
        )

    def _namespaced(self, name: str, namespace: pulumi.Input[str]) -> None:
        role = rbac.v1.Role(
            f"gateway-in-{name}",
            metadata=self._metadata(namespace),
            rules=[
                rbac.v1.PolicyRuleArgs(api_groups=[""], resources=["services", "secrets", "configmaps"], verbs=_READ),
                rbac.v1.PolicyRuleArgs(api_groups=["discovery.k8s.io"], resources=["endpointslices"], verbs=_READ),
                rbac.v1.PolicyRuleArgs(api_groups=[GATEWAY_API_GROUP], resources=_ROUTES, verbs=_READ),
                rbac.v1.PolicyRuleArgs(
                    api_groups=[GATEWAY_API_GROUP],
                    resources=[f"{kind}/status" for kind in _ROUTES if kind != "referencegrants"],
                    verbs=["update"],
                ),
            ],
            opts=self._child,
        )
        rbac.v1.RoleBinding(
            f"gateway-in-{name}",
            metadata=self._metadata(namespace),
            role_ref=rbac.v1.RoleRefArgs(api_group=_RBAC_GROUP, kind="Role", name=role.metadata.name),
            subjects=[self._subject()],
            opts=self._child,
        )

    def _subject(self) -> rbac.v1.SubjectArgs:
        metadata = self._args.account.metadata
        return rbac.v1.SubjectArgs(kind="ServiceAccount", name=metadata.name, namespace=metadata.namespace)

    def _metadata(self, namespace: pulumi.Input[str] | None = None) -> meta.v1.ObjectMetaArgs:
        return meta.v1.ObjectMetaArgs(namespace=namespace, labels=self._args.identity.labels())
