"""Checks before anything is started: every reason why the cluster could not run here, each with its remedy."""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from toolchain.cluster.host import HostFacts
from toolchain.cluster.layout import NODE_DEVICE, Layout, Network

# Measured: 0.9 GB resident after `up` with one replica per colour; 2 GB leaves the page cache room.
MEMORY_NEEDED_BYTES = 2_000_000_000
# Measured: images, snapshots, etcd and a fresh database take about 2.5 GB.
DISK_NEEDED_BYTES = 5_000_000_000
SUPPORTED = {"debian": ("12", "13"), "ubuntu": ("24.04", "26.04")}
"""Debian 12 is what the tests run on; the others have the same packages under the same names."""
ELSEWHERE = "or choose another cluster with CLUSTER=kind or CLUSTER=current"


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why the cluster cannot start here, and what to do."""

    what: str
    remedy: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.what}; {self.remedy}"


def check_host(facts: HostFacts) -> tuple[Problem, ...]:
    """Problems of the machine itself."""
    problems = []
    if not facts.is_root:
        problems.append(Problem("not root", f"run it as root, {ELSEWHERE}"))
    if facts.system != "Linux x86_64":
        problems.append(Problem(f"{facts.system} is not supported", f"use Linux x86_64, {ELSEWHERE}"))
    system, version = facts.os_release
    if version not in SUPPORTED.get(system, ()):
        known = ", ".join(f"{name} {number}" for name, numbers in SUPPORTED.items() for number in numbers)
        problems.append(Problem(f"{system} {version} is not supported", f"use {known}, {ELSEWHERE}"))
    if facts.free_bytes < DISK_NEEDED_BYTES:
        free, needed = facts.free_bytes / 1e9, DISK_NEEDED_BYTES / 1e9
        what = f"{free:.1f} GB free, {needed:.0f} GB needed"
        problems.append(Problem(what, "free space or set CRYO_HOME to a larger disk"))
    if facts.memory_bytes < MEMORY_NEEDED_BYTES:
        have, needed = facts.memory_bytes / 1e9, MEMORY_NEEDED_BYTES / 1e9
        problems.append(Problem(f"{have:.1f} GB of memory, {needed:.0f} GB needed", "use a larger machine"))
    return tuple(problems)


def check_network(network: Network, taken: Iterable[tuple[str, ipaddress.IPv4Network]]) -> tuple[Problem, ...]:
    """Problems of the chosen ranges.

    Args:
        network: what the cluster would take.
        taken: device and range of each address that the host holds already, the cluster's own left out.
    """
    wanted = {"pods": network.pods, "services": network.services, "node": network.node.network}
    problems = []
    for device, held in taken:
        for name, wish in wanted.items():
            if wish.overlaps(held):
                remedy = f"set CRYO_{name.upper()}_CIDR to a free range"
                problems.append(Problem(f"the {name} range {wish} overlaps {held} on {device}", remedy))
    return tuple(problems)


def check_ports(layout: Layout, gateway_port: int, busy: Iterable[tuple[str, int, str]]) -> tuple[Problem, ...]:
    """Problems of the ports.

    Args:
        layout: which ports the cluster takes.
        gateway_port: where the gateway will listen on 127.0.0.1.
        busy: address, port and owner of each listening socket that is not the cluster's own.
    """
    node = str(layout.network.node.ip)
    wanted = {("127.0.0.1", port): "a cluster process" for port in layout.ports.on_loopback()}
    wanted |= {(node, layout.ports.api): "the API server", (node, layout.ports.kubelet): "the kubelet"}
    wanted[("127.0.0.1", gateway_port)] = "the gateway"
    problems = []
    for address, port, owner in busy:
        for (wish_address, wish_port), user in wanted.items():
            if port == wish_port and address in {wish_address, "0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
                setting = " or set gateway.host_port in environments/local.yaml" if user == "the gateway" else ""
                remedy = f"stop it{setting}"
                problems.append(Problem(f"port {port}, which {user} needs, is taken by {owner}", remedy))
    return tuple(problems)


def held_ranges() -> tuple[tuple[str, ipaddress.IPv4Network], ...]:
    """Device and range of each IPv4 address on this host, without the cluster's own devices."""
    ranges = []
    for device, addresses in psutil.net_if_addrs().items():
        if device == NODE_DEVICE or device.startswith("veth"):
            continue
        for address in addresses:
            if address.family == socket.AF_INET and address.netmask and device != "lo":
                interface = ipaddress.IPv4Interface(f"{address.address}/{address.netmask}")
                ranges.append((device, interface.network))
    return tuple(ranges)


def listening(own_pids: frozenset[int]) -> tuple[tuple[str, int, str], ...]:
    """Address, port and owner of each listening TCP socket that does not belong to `own_pids`."""
    sockets = []
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status != psutil.CONN_LISTEN or connection.pid in own_pids or not connection.laddr:
            continue
        sockets.append((connection.laddr.ip, connection.laddr.port, _owner(connection.pid)))
    return tuple(sockets)


def _owner(pid: int | None) -> str:
    if pid is None:
        return "an unknown process"
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.NoSuchProcess:
        return f"pid {pid}"
