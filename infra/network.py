"""NetworkPolicies: everything is closed by the namespace, each component opens what it needs.

A gateway on the node's own network is not a pod to a NetworkPolicy: its traffic arrives from the node, which network
plugins let through, and pods reach it by address. That is why `nodes()` exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes import meta, networking

from infra.naming import NAMESPACE_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi

    Peer = networking.v1.NetworkPolicyPeerArgs
    Ingress = networking.v1.NetworkPolicyIngressRuleArgs
    Egress = networking.v1.NetworkPolicyEgressRuleArgs

_DNS_NAMESPACE = "kube-system"
_DNS_PORT = 53


def pods(labels: Mapping[str, str], *, namespace: pulumi.Input[str] | None = None) -> Peer:
    """Return the pods with these labels, in this namespace unless another is named."""
    return networking.v1.NetworkPolicyPeerArgs(
        pod_selector=meta.v1.LabelSelectorArgs(match_labels=dict(labels)),
        namespace_selector=None if namespace is None else _namespace(namespace),
    )


def whole_namespace(namespace: pulumi.Input[str]) -> Peer:
    """Return every pod of a namespace."""
    return networking.v1.NetworkPolicyPeerArgs(namespace_selector=_namespace(namespace))


def nodes() -> Peer:
    """Return any address: for the API server and host-network pods, which no selector can name."""
    return networking.v1.NetworkPolicyPeerArgs(ip_block=networking.v1.IPBlockArgs(cidr="0.0.0.0/0"))


def ingress(peers: Sequence[Peer], *ports: int) -> Ingress:
    """Let these peers connect to these TCP ports."""
    return networking.v1.NetworkPolicyIngressRuleArgs(from_=list(peers), ports=_tcp(ports))


def egress(peers: Sequence[Peer], *ports: int) -> Egress:
    """Let the pods connect to these peers on these TCP ports."""
    return networking.v1.NetworkPolicyEgressRuleArgs(to=list(peers), ports=_tcp(ports))


def dns() -> Egress:
    """Let the pods resolve names."""
    both = [networking.v1.NetworkPolicyPortArgs(protocol=protocol, port=_DNS_PORT) for protocol in ("UDP", "TCP")]
    return networking.v1.NetworkPolicyEgressRuleArgs(to=[whole_namespace(_DNS_NAMESPACE)], ports=both)


def policy(
    name: str,
    *,
    metadata: meta.v1.ObjectMetaArgs,
    selector: Mapping[str, str],
    rules: tuple[Sequence[Ingress], Sequence[Egress]],
    opts: pulumi.ResourceOptions,
) -> networking.v1.NetworkPolicy:
    """Close the selected pods in both directions, except for the (ingress, egress) rules."""
    incoming, outgoing = rules
    return networking.v1.NetworkPolicy(
        name,
        metadata=metadata,
        spec=networking.v1.NetworkPolicySpecArgs(
            pod_selector=meta.v1.LabelSelectorArgs(match_labels=dict(selector)),
            policy_types=["Ingress", "Egress"],
            ingress=list(incoming) or None,
            egress=list(outgoing) or None,
        ),
        opts=opts,
    )


def _namespace(name: pulumi.Input[str]) -> meta.v1.LabelSelectorArgs:
    return meta.v1.LabelSelectorArgs(match_labels={NAMESPACE_LABEL: name})


def _tcp(ports: Sequence[int]) -> list[networking.v1.NetworkPolicyPortArgs]:
    return [networking.v1.NetworkPolicyPortArgs(protocol="TCP", port=port) for port in ports]
