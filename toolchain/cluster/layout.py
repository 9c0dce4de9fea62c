"""Where the embedded cluster keeps its files, and which addresses, ports and devices it takes on the host."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from toolchain.errors import PermanentToolchainError

NODE_NAME = "cryo-node"
CONTEXT = "cryo-embedded"
NODE_DEVICE = "cryo-node"
"""Bridge without ports that carries the node's address: kernels without the dummy driver have bridges."""
NFT_TABLE = "cryoprotect"
CONTAINERD_NAMESPACE = "k8s.io"


@dataclass(frozen=True, slots=True)
class Network:
    """Addresses of the embedded cluster; chosen from private ranges that few hosts use.

    Attributes:
        node: the node's address and prefix on `NODE_DEVICE`; the API server and the kubelet listen on it alone.
        pods: range from which pods get addresses.
        services: range of ClusterIPs; its first address is the API server, its tenth the DNS service.
    """

    node: ipaddress.IPv4Interface
    pods: ipaddress.IPv4Network
    services: ipaddress.IPv4Network

    @property
    def api_service(self) -> ipaddress.IPv4Address:
        """ClusterIP of the API server, by Kubernetes' rule the first address of the range."""
        return self.services[1]

    @property
    def dns_service(self) -> ipaddress.IPv4Address:
        """ClusterIP of CoreDNS; the tenth address by kubeadm's convention."""
        return self.services[10]


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports that the cluster's own processes listen on."""

    etcd_client: int = 12379
    etcd_peer: int = 12380
    api: int = 16443
    controller_manager: int = 20257
    scheduler: int = 20259
    kubelet: int = 20250
    kubelet_health: int = 20248
    proxy_health: int = 20256
    proxy_metrics: int = 20249

    def on_loopback(self) -> tuple[int, ...]:
        """Ports bound to 127.0.0.1; the defaults lie outside Kubernetes' own, so that another cluster may run."""
        return (
            self.etcd_client,
            self.etcd_peer,
            self.controller_manager,
            self.scheduler,
            self.kubelet_health,
            self.proxy_health,
            self.proxy_metrics,
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders and files of the embedded cluster below one home.

    Attributes:
        home: everything that must survive a stop.
        run: sockets, pid records and mounts that do not survive a reboot.
    """

    home: Path
    run: Path
    network: Network
    ports: Ports = field(default_factory=Ports)

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.home / "pki"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.home / "log"

    @property
    def config(self) -> Path:
        """Configuration files written at each start."""
        return self.home / "config"

    @property
    def volumes(self) -> Path:
        """One folder per PersistentVolume."""
        return self.home / "volumes"

    @property
    def etcd(self) -> Path:
        """The state of the API server."""
        return self.home / "etcd"

    @property
    def containerd_root(self) -> Path:
        """Images and snapshots."""
        return self.home / "containerd"

    @property
    def containerd_socket(self) -> Path:
        """Where the kubelet and the image loader reach containerd."""
        return self.run / "containerd.sock"

    @property
    def kubelet(self) -> Path:
        """Pod volumes and the kubelet's checkpoints."""
        return self.home / "kubelet"

    @property
    def daemons(self) -> Path:
        """One record per running process."""
        return self.run / "daemons"

    @property
    def host_state(self) -> Path:
        """What the host looked like before, so that a purge can put it back."""
        return self.home / "host-before.json"

    @property
    def admin_kubeconfig(self) -> Path:
        """Kubeconfig of the administrator."""
        return self.home / "admin.conf"

    @property
    def api_url(self) -> str:
        """Address of the API server from the host and from pods."""
        return f"https://{self.network.node.ip}:{self.ports.api}"

    def kubeconfig(self, identity: str) -> Path:
        """Kubeconfig of one component."""
        return self.config / f"{identity}.conf"

    def certificate(self, name: str) -> Path:
        """Certificate of one identity."""
        return self.pki / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Private key of one identity."""
        return self.pki / f"{name}.key"


def read_network(variables: Mapping[str, str]) -> Network:
    """Ranges from CRYO_NODE_CIDR, CRYO_PODS_CIDR and CRYO_SERVICES_CIDR, or the defaults.

    Raises:
        PermanentToolchainError: a variable is not an IPv4 range.
    """
    try:
        return Network(
            node=ipaddress.IPv4Interface(variables.get("CRYO_NODE_CIDR") or "192.168.177.1/32"),
            pods=ipaddress.IPv4Network(variables.get("CRYO_PODS_CIDR") or "10.244.0.0/24"),
            services=ipaddress.IPv4Network(variables.get("CRYO_SERVICES_CIDR") or "10.96.0.0/16"),
        )
    except ValueError as error:
        message = f"CRYO_NODE_CIDR, CRYO_PODS_CIDR or CRYO_SERVICES_CIDR: {error}; give a range such as 10.244.0.0/24"
        raise PermanentToolchainError(message) from error


def embedded_layout(cryo_home: Path, network: Network) -> Layout:
    """Layout of the embedded cluster of one platform home; sockets stay below /run, whose paths are short enough."""
    return Layout(home=cryo_home / "cluster", run=Path("/run/cryoprotect"), network=network)
