"""What every Kubernetes object of ours carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes import meta

if TYPE_CHECKING:
    import pulumi

    from infra.naming import Identity


def object_metadata(
    identity: Identity,
    namespace: pulumi.Input[str],
    *,
    name: str | None = None,
    annotations: dict[str, str] | None = None,
) -> meta.v1.ObjectMetaArgs:
    """Return the metadata of one object.

    Args:
        identity: whose labels it gets.
        namespace: where it lies.
        name: only where others look for it by name; otherwise Pulumi names it, so that it can be replaced.
        annotations: for Pulumi and for people.
    """
    return meta.v1.ObjectMetaArgs(name=name, namespace=namespace, labels=identity.labels(), annotations=annotations)
