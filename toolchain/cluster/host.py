"""What this machine offers: facts are read once here, so that the decisions made from them stay pure."""

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from toolchain.errors import PermanentToolchainError

# Linux capability number of CAP_SYS_RESOURCE, include/uapi/linux/capability.h.
CAP_SYS_RESOURCE = 24
SYSTEMD_RESOLVED = Path("/run/systemd/resolve/resolv.conf")
CGROUP_ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class HostFacts:
    """One reading of the machine.

    Attributes:
        is_root: effective user id is 0.
        system: kernel name and machine, such as "Linux x86_64".
        os_release: ID and VERSION_ID of /etc/os-release, such as ("debian", "12").
        may_raise_oom_score: CAP_SYS_RESOURCE is held; without it containers cannot get a lower score.
        cgroup_v2: the unified hierarchy alone is mounted.
        resolv_conf: the file whose nameservers pods can reach; a loopback resolver is not one.
        nameservers: usable nameservers in it.
        free_bytes: space left where the state goes.
        memory_bytes: memory of the machine.
    """

    is_root: bool
    system: str
    os_release: tuple[str, str]
    may_raise_oom_score: bool
    cgroup_v2: bool
    resolv_conf: Path
    nameservers: tuple[str, ...]
    free_bytes: int
    memory_bytes: int


def read_host(state_folder: Path) -> HostFacts:
    """Read the facts of this machine.

    Args:
        state_folder: where state will go; need not exist yet.
    """
    existing = next(path for path in (state_folder, *state_folder.parents) if path.exists())
    resolv_conf, nameservers = _resolver()
    return HostFacts(
        is_root=os.geteuid() == 0,
        system=f"{platform.system()} {platform.machine()}",
        os_release=_os_release(Path("/etc/os-release")),
        may_raise_oom_score=_has_capability(CAP_SYS_RESOURCE),
        cgroup_v2=(CGROUP_ROOT / "cgroup.controllers").exists(),
        resolv_conf=resolv_conf,
        nameservers=nameservers,
        free_bytes=shutil.disk_usage(existing).free,
        memory_bytes=psutil.virtual_memory().total,
    )


def parse_nameservers(text: str) -> tuple[str, ...]:
    """Nameservers of a resolv.conf that a pod can reach: those that are not on loopback."""
    entries = [line.split() for line in text.splitlines()]
    servers = [entry[1] for entry in entries if len(entry) > 1 and entry[0] == "nameserver"]
    return tuple(server for server in servers if not server.startswith(("127.", "::1")))


def _resolver() -> tuple[Path, tuple[str, ...]]:
    system = Path("/etc/resolv.conf")
    for path in (system, SYSTEMD_RESOLVED):
        if path.exists() and (servers := parse_nameservers(path.read_text())):
            return path, servers
    return system, ()


def _os_release(path: Path) -> tuple[str, str]:
    if not path.exists():
        return ("unknown", "")
    fields = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return (fields.get("ID", "unknown").strip('"'), fields.get("VERSION_ID", "").strip('"'))


def _has_capability(number: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    message = "/proc/self/status has no CapEff line; this kernel is not supported"
    raise PermanentToolchainError(message)
