"""The real platform on this machine, brought up once for all cluster tests."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
CRYO = ROOT / ".venv" / "bin" / "cryo"
HOME = Path(os.environ.get("CRYO_HOME", "/var/lib/cryoprotect"))
# A cold machine builds tools (18 min) and images (4 min) first.
UP_LIMIT_S = 3000
COMMAND_LIMIT_S = 400


@dataclass(frozen=True)
class Machine:
    """What a cluster could leave behind on a host."""

    devices: frozenset[str]
    tables: frozenset[str]
    mounts: frozenset[str]
    cgroups: frozenset[str]
    programs: frozenset[str]
    forwarding: str


def look_at_machine() -> Machine:
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False).stdout
    mounts = {line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()}
    groups = {str(path) for path in Path("/sys/fs/cgroup").glob("*/*") if path.is_dir()}
    ours = (
        "kube",
        "containerd",
        "containerd-shim-runc-v2",
        "traefik",
        "postgres-17",
        "prometheus",
        "alertmanager",
        "pause",
        "coredns",
    )
    # A zombie has ended; when it vanishes is up to the machine's first process.
    alive = [p.info for p in psutil.process_iter(["name", "status"]) if p.info["status"] != psutil.STATUS_ZOMBIE]
    programs = {info["name"] for info in alive if info["name"] in ours}
    return Machine(
        devices=frozenset(psutil.net_if_addrs()),
        tables=frozenset(tables.splitlines()),
        mounts=frozenset(mounts),
        cgroups=frozenset(groups),
        programs=frozenset(programs),
        forwarding=Path("/proc/sys/net/ipv4/ip_forward").read_text(),
    )


@dataclass(frozen=True)
class Platform:
    """Runs commands the way a user does."""

    was_here: bool
    before: Machine

    def cryo(
        self, *arguments: str, environments: Path | None = None, check: bool = True, limit_s: float = COMMAND_LIMIT_S
    ) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, "NO_COLOR": "1"}
        if environments is not None:
            variables["CRYO_ENVIRONMENTS"] = str(environments)
        done = subprocess.run(
            [CRYO, *arguments], capture_output=True, text=True, check=False, env=variables, timeout=limit_s
        )
        if check:
            assert done.returncode == 0, f"cryo {' '.join(arguments)}: {done.stdout[-3000:]}\n{done.stderr[-5000:]}"
        return done

    def pulumi(self, *arguments: str, environments: Path | None = None, check: bool = True):
        return self.cryo("pulumi", *arguments, "--non-interactive", environments=environments, check=check)

    def kubectl(self, *arguments: str) -> str:
        kubectl = [str(self.program("kube", "kube")), "kubectl", f"--kubeconfig={HOME}/cluster/admin.conf"]
        done = subprocess.run([*kubectl, *arguments], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def program(self, tool: str, output: str) -> Path:
        return Path(tool_folders(self)[tool]) / "bin" / output

    def sql(self, statement: str, *, database: str = "cryoprotect") -> str:
        return self.kubectl(
            "-n", "cryoprotect", "exec", "postgres-0", "--", "sh", "-c",
            "PGPASSWORD=$(cat /run/secrets/postgres/password) exec psql -h 127.0.0.1 -U postgres "
            f'-d {database} -Atc "{statement}"',
        ).strip()  # fmt: skip


@cache
def tool_folders(platform: Platform) -> dict[str, str]:
    """Folders of the built tools, asked once: they do not change while tests run."""
    return dict(line.split(maxsplit=1) for line in platform.cryo("toolchain").stdout.splitlines())


@pytest.fixture(scope="session")
def platform():
    found = Platform(was_here=(HOME / "cluster").exists(), before=look_at_machine())
    found.cryo("up", limit_s=UP_LIMIT_S)
    return found


@pytest.fixture
def environments(tmp_path):
    """A copy of the environment files, to be changed without touching the checkout."""
    folder = tmp_path / "environments"
    shutil.copytree(ROOT / "environments", folder)
    return folder


def pytest_collection_modifyitems(items):
    """Purging comes last: it ends the platform that all others use."""
    items.sort(key=lambda item: "test_purge" in str(item.path))
    for item in items:
        item.add_marker(pytest.mark.timeout(UP_LIMIT_S + 600))


@pytest.fixture
def machine():
    return look_at_machine
