"""Finds and clears what containers leave on the host: processes, mounts, sockets and control groups.

Everything is found by something that is the cluster's alone (the containerd socket a shim was started with, a path
below its folders, a kubepods group), so that another container runtime on the same host is never touched.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

from toolchain.cluster import processes
from toolchain.cluster.host import CGROUP_ROOT
from toolchain.cluster.layout import CONTAINERD_NAMESPACE, Layout
from toolchain.errors import TemporaryToolchainError
from toolchain.process import Command, run_command

SHIM_PROGRAM = "containerd-shim-runc-v2"
# PostgreSQL's shutdown needs a checkpoint; measured below 2 s, 10 s is for a slow disk. The gateway would drain longer,
# but a stop of the whole platform has nobody to drain for.
CONTAINER_GRACE_S = 10.0
LOG_LINKS = Path("/var/log/containers")
"""Where the kubelet links every container's log; the place is fixed in its code."""
CGROUP_NAMES = ("kubepods", CONTAINERD_NAMESPACE)


def shims(layout: Layout) -> tuple[psutil.Process, ...]:
    """The processes that hold this cluster's containers."""
    address = str(layout.containerd_socket)
    found = []
    for process in psutil.process_iter(["cmdline"]):
        argv = process.info["cmdline"] or ()
        if argv and Path(argv[0]).name == SHIM_PROGRAM and address in argv:
            found.append(process)
    return tuple(found)


def stop_containers(layout: Layout, *, grace_s: float = CONTAINER_GRACE_S) -> int:
    """End all containers, politely first; the kubelet must be stopped already.

    Returns:
        How many processes were in containers.
    """
    holders = shims(layout)
    sockets = _sockets(holders)
    inside = [child for shim in holders for child in _children(shim)]
    processes.stop_all(inside, grace_s=grace_s)
    processes.stop_all(holders, grace_s=0)
    processes.wait_gone(holders, timeout_s=grace_s)
    for path in sockets:
        path.unlink(missing_ok=True)
    return len(inside)


def remove_log_links(layout: Layout) -> int:
    """Remove links to logs of this cluster, and their folder when nothing else is in it."""
    if not LOG_LINKS.exists():
        return 0
    ours = [link for link in LOG_LINKS.iterdir() if link.is_symlink() and link.readlink().is_relative_to(layout.logs)]
    for link in ours:
        link.unlink()
    if not any(LOG_LINKS.iterdir()):
        LOG_LINKS.rmdir()
    return len(ours)


def mounts(layout: Layout) -> tuple[Path, ...]:
    """Mount points below the cluster's folders, deepest first."""
    roots = (layout.home, layout.run)
    found = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        # The kernel writes spaces and backslashes in paths as octal escapes.
        path = Path(line.split()[1].encode().decode("unicode_escape"))
        if any(path.is_relative_to(root) for root in roots):
            found.append(path)
    return tuple(sorted(found, key=lambda path: len(path.parts), reverse=True))


def unmount_all(layout: Layout) -> int:
    """Unmount everything below the cluster's folders.

    Raises:
        TemporaryToolchainError: a mount stays; the message names it.
    """
    count = 0
    for _ in range(3):
        points = mounts(layout)
        if not points:
            return count
        for point in points:
            # Lazy: a mount that a dying process still holds disappears with that process.
            run_command(Command(("umount", "--lazy", str(point)), layout.logs / "down.log", timeout_s=30))
            count += 1
    if remaining := mounts(layout):
        message = f"{remaining[0]}: still mounted after three tries; find its user with `fuser -m` and run it again"
        raise TemporaryToolchainError(message)
    return count


def cgroups() -> tuple[Path, ...]:
    """Control groups of pods on every hierarchy, deepest first."""
    hierarchies = [CGROUP_ROOT, *(path for path in CGROUP_ROOT.iterdir() if path.is_dir() and not path.is_symlink())]
    tops = [hierarchy / name for hierarchy in hierarchies for name in CGROUP_NAMES if (hierarchy / name).is_dir()]
    found = [Path(folder) for top in tops for folder, _, _ in os.walk(top)]
    return tuple(sorted(found, key=lambda path: len(path.parts), reverse=True))


def remove_cgroups() -> int:
    """Remove the pods' control groups; those that still hold a process stay and are reported by the caller's check."""
    removed = 0
    for group in cgroups():
        try:
            group.rmdir()
        except OSError:
            # Busy: a process of it is still exiting, or a hierarchy mounted twice shows it twice.
            continue
        removed += 1
    return removed


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _sockets(holders: Iterable[psutil.Process]) -> frozenset[Path]:
    paths = set()
    for process in holders:
        try:
            connections = process.net_connections(kind="unix")
        except psutil.NoSuchProcess:
            continue
        # psutil's types call every address a pair; for Unix sockets it is a path, empty when unnamed.
        addresses = (str(connection.laddr) for connection in connections)
        paths |= {Path(address) for address in addresses if address.startswith("/")}
    return frozenset(path for path in paths if path.is_relative_to("/run/containerd/s"))
