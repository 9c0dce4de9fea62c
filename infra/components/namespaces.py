"""The two namespaces, closed: Pod Security enforced and no traffic unless a component opens it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import core, meta

from infra import network
from infra.naming import Identity
from infra.pods import PRIVILEGED, RESTRICTED

if TYPE_CHECKING:
    from infra.config import Namespaces as Names

# Cited: Kubernetes, "Pod Security Admission labels".
_ENFORCE = "pod-security.kubernetes.io/enforce"
_WARN = "pod-security.kubernetes.io/warn"
_AUDIT = "pod-security.kubernetes.io/audit"


@dataclass(frozen=True)
class NamespacesArgs:
    """What the namespaces are called and how strictly they are kept."""

    names: Names
    environment: str
    gateway_on_host: bool
    protect: bool


class Namespaces(pulumi.ComponentResource):
    """Namespace of the applications and namespace of the gateway."""

    apps: pulumi.Output[str]
    gateway: pulumi.Output[str]

    def __init__(self, name: str, args: NamespacesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare both namespaces and their default-deny policies."""
        super().__init__("cryoprotect:cluster:Namespaces", name, None, opts)
        self._args = args
        self.apps = self._namespace("apps", args.names.apps, level=RESTRICTED)
        # The host's network is outside of `restricted` and `baseline`, so only then, and only there, more is allowed.
        self.gateway = self._namespace(
            "gateway", args.names.gateway, level=PRIVILEGED if args.gateway_on_host else RESTRICTED
        )
        self.register_outputs({"apps": self.apps, "gateway": self.gateway})

    def _namespace(self, role: str, name: str, *, level: str) -> pulumi.Output[str]:
        identity = Identity(name=name, component="namespace", environment=self._args.environment)
        labels = identity.labels() | {_ENFORCE: level, _WARN: RESTRICTED, _AUDIT: RESTRICTED}
        namespace = core.v1.Namespace(
            role,
            metadata=meta.v1.ObjectMetaArgs(name=name, labels=labels),
            # Deleting the namespace deletes the volumes in it.
            opts=pulumi.ResourceOptions(parent=self, protect=self._args.protect and role == "apps"),
        )
        network.policy(
            f"{role}-default-deny",
            metadata=meta.v1.ObjectMetaArgs(namespace=namespace.metadata.name, labels=identity.labels()),
            selector={},
            rules=((), ()),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return namespace.metadata.name
