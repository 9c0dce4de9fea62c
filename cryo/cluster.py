"""Gets a cluster of the chosen kind ready for `pulumi up`: running, with our images and the Gateway API in it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryo.errors import PermanentCryoError
from cryo.packages import HOST_PACKAGES, install_packages
from cryo.settings import ClusterKind, Settings
from cryo.tools import Tools
from toolchain.cluster import embedded, existing
from toolchain.cluster.layout import embedded_layout, read_network
from toolchain.images.index import ImageIndex
from toolchain.images.load import Containerd, load_images

Report = Callable[[str], None]


class Cluster(Protocol):
    """What `cryo up` and `cryo down` need from a cluster."""

    def check(self, report: Report) -> None:
        """Refuse before anything long begins."""

    def up(self, images: ImageIndex, report: Report) -> None:
        """Have it running with the images in it."""

    def down(self, report: Report, *, purge: bool) -> None:
        """Stop it; with purge, leave nothing."""


@dataclass(frozen=True, slots=True)
class EmbeddedCluster:
    """The one-node cluster on this machine."""

    settings: Settings
    tools: Tools
    gateway_port: int

    def _plan(self) -> embedded.EmbeddedPlan:
        return embedded.EmbeddedPlan(
            layout=embedded_layout(self.settings.home, read_network(os.environ)),
            kube=self.tools.program("kube", "kube"),
            gateway_api=self.tools.folders["gateway-api"] / "gateway-api",
            gateway_port=self.gateway_port,
        )

    def check(self, report: Report) -> None:
        """Install the packages; the machine itself was checked before the tools were built."""
        install_packages(HOST_PACKAGES, self.settings.cache / "packages.log", report)

    def up(self, images: ImageIndex, report: Report) -> None:
        """Processes first, then images into containerd, then DNS and storage."""
        plan = self._plan()
        references = {name: image.ref for name, image in images.images.items()}
        embedded.start(plan, references, report)
        containerd = Containerd(socket=plan.layout.containerd_socket, log=plan.layout.logs / "images.log")
        load_images(images, containerd, report)
        embedded.finish(plan, references, report)

    def down(self, report: Report, *, purge: bool) -> None:
        """Stop everything; with purge also delete the data."""
        plan = self._plan()
        embedded.stop(plan.layout, plan.kube, report)
        if purge:
            embedded.purge(plan.layout, report)


@dataclass(frozen=True, slots=True)
class ExistingCluster:
    """A cluster made by kind, or one that somebody else keeps."""

    settings: Settings
    tools: Tools
    context: str
    kubeconfig: Path

    def check(self, report: Report) -> None:
        """Reach the cluster, making it first when it is kind's."""
        if self.settings.cluster is ClusterKind.KIND:
            existing.ensure_kind(self.kubeconfig, self.settings.cache / "kind.log", report)
        existing.check_reachable(self.kubeconfig, self.context)

    def up(self, images: ImageIndex, report: Report) -> None:
        """Bring what the cluster misses: images into kind's nodes, the Gateway API where it is absent."""
        log = self.settings.cache / "cluster.log"
        if self.settings.cluster is ClusterKind.KIND:
            existing.load_into_kind([image.archive for image in images.images.values()], log, report)
        existing.ensure_gateway_api(
            self.kubeconfig, self.context, self.tools.folders["gateway-api"] / "gateway-api", report
        )

    def down(self, report: Report, *, purge: bool) -> None:
        """Delete kind's cluster on purge; a cluster of somebody else is never stopped."""
        if self.settings.cluster is ClusterKind.KIND and purge:
            existing.delete_kind(self.settings.cache / "kind.log", report)


def open_cluster(
    settings: Settings, tools: Tools, *, context: str, gateway_port: int, variables: Mapping[str, str]
) -> Cluster:
    """The cluster of this call.

    Raises:
        PermanentCryoError: no kubeconfig where one is needed.
    """
    if settings.cluster is ClusterKind.EMBEDDED:
        return EmbeddedCluster(settings, tools, gateway_port)
    kubeconfig = Path(variables["KUBECONFIG"].split(":")[0])
    if settings.cluster is ClusterKind.CURRENT and not kubeconfig.exists():
        message = f"{kubeconfig}: no such kubeconfig; set KUBECONFIG, or leave CLUSTER empty for the embedded cluster"
        raise PermanentCryoError(message)
    return ExistingCluster(settings, tools, context, kubeconfig)
