"""Brings the embedded one-node cluster up and down; every step may be repeated after a crash at any point."""

import datetime as dt
import secrets
import shutil
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from toolchain.cluster import addons, certificates, leftovers, network, preflight, processes
from toolchain.cluster.components import Daemon, config_files, daemons
from toolchain.cluster.health import is_healthy, wait_healthy
from toolchain.cluster.host import read_host
from toolchain.cluster.layout import NODE_NAME, Layout
from toolchain.errors import PermanentToolchainError
from toolchain.private_file import write_private

Report = Callable[[str], None]

# Measured on 2 cores: etcd 1 s, API server 6 s, the others below 1 s. Ten times that is for a machine under load.
HEALTH_TIMEOUT_S = 60.0
NODE_TIMEOUT_S = 60
ENCRYPTION_KEY_BYTES = 32
MARKER = ".cryoprotect-cluster"


@dataclass(frozen=True, slots=True)
class EmbeddedPlan:
    """What an embedded cluster is made from.

    Attributes:
        layout: folders, addresses and ports.
        kube: the binary that holds all Kubernetes components.
        gateway_api: folder with the Gateway API definitions.
        gateway_port: port on 127.0.0.1 that the gateway will take.
    """

    layout: Layout
    kube: Path
    gateway_api: Path
    gateway_port: int

    @property
    def kubectl(self) -> tuple[str, ...]:
        """Program and arguments of a client with the administrator's rights."""
        return (str(self.kube), "kubectl", f"--kubeconfig={self.layout.admin_kubeconfig}")


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """State of one process of the cluster."""

    name: str
    pid: int | None
    healthy: bool
    log: Path


def check(layout: Layout, gateway_port: int) -> tuple[preflight.Problem, ...]:
    """Every reason why the cluster could not start here; empty when it can.

    Args:
        layout: folders, addresses and ports that it would take.
        gateway_port: port on 127.0.0.1 that the gateway would take.
    """
    problems = preflight.check_host(read_host(layout.home))
    if problems:
        return problems
    return (
        *preflight.check_network(layout.network, preflight.held_ranges()),
        *preflight.check_ports(layout, gateway_port, preflight.listening(_own_pids(layout))),
    )


def start(plan: EmbeddedPlan, images: Mapping[str, str], report: Report) -> None:
    """Start what does not run: network, certificates, processes. Pods come up in `finish`.

    Args:
        plan: what the cluster is made from.
        images: reference of the images `pause` and `coredns`.
        report: told each step.

    Raises:
        PermanentToolchainError: the host cannot run it; all reasons in one message.
        TemporaryToolchainError: a process did not become healthy; the message names its log.
    """
    problems = check(plan.layout, plan.gateway_port)
    if problems:
        raise PermanentToolchainError("cannot start the embedded cluster:\n" + "\n".join(f"  {p}" for p in problems))
    layout = plan.layout
    layout.home.mkdir(parents=True, exist_ok=True, mode=0o755)
    (layout.home / MARKER).touch()
    network.prepare(layout)
    issued = certificates.issue_all(layout, now=dt.datetime.now(dt.UTC))
    report(f"certificates: issued {len(issued)}" if issued else "certificates: in place")
    _write_configs(plan, images["pause"])
    for daemon in daemons(layout, plan.kube):
        _start_one(layout, daemon, report)


def finish(plan: EmbeddedPlan, images: Mapping[str, str], report: Report) -> None:
    """Apply DNS, storage and the Gateway API and wait for the node; the images must be loaded by now.

    Raises:
        TemporaryToolchainError: the node is not ready in time.
    """
    layout, log = plan.layout, plan.layout.logs / "addons.log"
    facts = read_host(layout.home)
    addons.apply(plan.kubectl, addons.system_manifest(layout, facts, images["coredns"]), log=log)
    addons.apply(plan.kubectl, addons.gateway_api_manifests(plan.gateway_api), log=log)
    addons.wait_for(plan.kubectl, "node", "condition=Ready", log=log, timeout_s=NODE_TIMEOUT_S)
    report(f"node {NODE_NAME}: ready")


def stop(layout: Layout, kube: Path, report: Report) -> None:
    """Stop pods and processes and give the network back; data stays. Like a reboot, so `start` repairs the rest."""
    processes.stop(layout.daemons, "kubelet")
    report(f"pods: stopped {leftovers.stop_containers(layout)} processes")
    for daemon in reversed(daemons(layout, kube)):
        if processes.stop(layout.daemons, daemon.name):
            report(f"{daemon.name}: stopped")
    leftovers.unmount_all(layout)
    network.remove(layout)
    leftovers.remove_cgroups()
    leftovers.remove_log_links(layout)
    if layout.run.exists():
        shutil.rmtree(layout.run)


def purge(layout: Layout, report: Report) -> None:
    """Delete the data of a stopped cluster.

    Raises:
        PermanentToolchainError: the folder is not one that this program made.
    """
    if not layout.home.exists():
        return
    if not (layout.home / MARKER).exists():
        message = f"{layout.home}: holds no {MARKER}, so it was not made by cryo; delete it by hand if it should go"
        raise PermanentToolchainError(message)
    shutil.rmtree(layout.home)
    report(f"{layout.home}: deleted")


def status(layout: Layout, kube: Path) -> tuple[DaemonStatus, ...]:
    """State of each process, asked now."""
    found = []
    for daemon in daemons(layout, kube):
        process = processes.running(layout.daemons, daemon.name)
        healthy = process is not None and is_healthy(layout, daemon)
        log = layout.logs / f"{daemon.name}.log"
        found.append(DaemonStatus(daemon.name, process.pid if process else None, healthy, log))
    return tuple(found)


def _start_one(layout: Layout, daemon: Daemon, report: Report) -> None:
    began_at = time.monotonic()
    started = processes.start(layout.daemons, layout.logs, daemon)
    wait_healthy(
        layout,
        daemon,
        timeout_s=HEALTH_TIMEOUT_S,
        alive=lambda: processes.running(layout.daemons, daemon.name) is not None,
        clock=time.monotonic,
    )
    took_s = time.monotonic() - began_at
    report(f"{daemon.name}: {f'started in {took_s:.1f} s' if started else 'running'}")


def _write_configs(plan: EmbeddedPlan, pause_image: str) -> None:
    layout = plan.layout
    key_file = layout.pki / "etcd-encryption.key"
    if not key_file.exists():
        write_private(key_file, b64encode(secrets.token_bytes(ENCRYPTION_KEY_BYTES)))
    files = config_files(
        layout, read_host(layout.home), pause_image=pause_image, encryption_key=key_file.read_text().strip()
    )
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, text.encode())


def _own_pids(layout: Layout) -> frozenset[int]:
    """Processes of the cluster and of its pods, whose ports are not in anybody's way."""
    own: set[int] = set()
    if layout.daemons.exists():
        for record in layout.daemons.glob("*.json"):
            process = processes.running(layout.daemons, record.stem)
            if process is not None:
                own.add(process.pid)
    for shim in leftovers.shims(layout):
        try:
            own |= {child.pid for child in shim.children(recursive=True)}
        except psutil.NoSuchProcess:
            continue
    return frozenset(own)
