"""Prepares the host's network for the cluster and puts it back.

The node's address sits on a bridge without ports; one nftables table masquerades what pods send out of the machine.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import psutil

from toolchain.cluster.layout import NFT_TABLE, NODE_DEVICE, Layout
from toolchain.errors import PermanentToolchainError
from toolchain.process import Command, run_command

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
KUBE_PROXY_TABLES = (("ip", "kube-proxy"), ("ip6", "kube-proxy"))


@dataclass(frozen=True, slots=True)
class HostBefore:
    """What the host had before the cluster changed it."""

    ip_forward: str


def prepare(layout: Layout) -> None:
    """Create the node's device, allow forwarding and masquerade; safe to repeat.

    Raises:
        CommandFailedError: `ip` or `nft` refused; the log holds why.
    """
    _remember(layout.host_state)
    if NODE_DEVICE not in psutil.net_if_addrs():
        _run(layout, "ip", "link", "add", NODE_DEVICE, "type", "bridge")
    _run(layout, "ip", "address", "replace", str(layout.network.node), "dev", NODE_DEVICE)
    _run(layout, "ip", "link", "set", NODE_DEVICE, "up")
    FORWARDING.write_text("1\n")
    run_command(Command(["nft", "-f", "-"], layout.logs / "network.log", stdin=masquerade_rules(layout)))


def masquerade_rules(layout: Layout) -> str:
    """The nftables script; adding and flushing first makes it repeatable."""
    pods = layout.network.pods
    return f"""table ip {NFT_TABLE}
flush table ip {NFT_TABLE}
table ip {NFT_TABLE} {{
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {pods} ip daddr != {{ {pods}, {layout.network.services}, {layout.network.node.ip} }} masquerade
  }}
}}
"""


def remove(layout: Layout) -> None:
    """Remove devices, tables and settings that the cluster made; safe to repeat."""
    for device in (NODE_DEVICE, *pod_devices(layout)):
        if device in psutil.net_if_addrs():
            _run(layout, "ip", "link", "delete", device)
    present = tables(layout)
    for family, table in (("ip", NFT_TABLE), *KUBE_PROXY_TABLES):
        if (family, table) in present:
            _run(layout, "nft", "delete", "table", family, table)
    before = _read_before(layout.host_state)
    if before is not None:
        FORWARDING.write_text(before.ip_forward + "\n")
        layout.host_state.unlink()


def pod_devices(layout: Layout) -> tuple[str, ...]:
    """Host ends of pods' links: veth devices that carry the pods' gateway address."""
    gateway = str(layout.network.pods[1])
    return tuple(
        device
        for device, addresses in psutil.net_if_addrs().items()
        if device.startswith("veth") and any(address.address == gateway for address in addresses)
    )


def tables(layout: Layout) -> frozenset[tuple[str, str]]:
    """Family and name of each nftables table on this host."""
    listing = json.loads(_run(layout, "nft", "--json", "list", "tables"))
    entries = (entry["table"] for entry in listing["nftables"] if "table" in entry)
    return frozenset((entry["family"], entry["name"]) for entry in entries)


def _remember(path: Path) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"ip_forward": FORWARDING.read_text().strip()}))


def _read_before(path: Path) -> HostBefore | None:
    if not path.exists():
        return None
    try:
        return HostBefore(ip_forward=str(json.loads(path.read_text())["ip_forward"]))
    except (ValueError, KeyError) as error:
        message = f"{path}: unreadable ({error}); set net.ipv4.ip_forward as you want it and remove the file"
        raise PermanentToolchainError(message) from error


def _run(layout: Layout, *argv: str) -> str:
    return run_command(Command(argv, layout.logs / "network.log", timeout_s=30))
