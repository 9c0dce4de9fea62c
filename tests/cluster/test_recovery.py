"""Whatever is killed, `cryo up` brings it back and no row is lost."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from toolchain.cluster.lock import exclusive

HOME = Path(os.environ.get("CRYO_HOME", "/var/lib/cryoprotect"))
CRYO = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "cryo"
PROCESSES = (
    "etcd",
    "kube-apiserver",
    "containerd",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "local-path",
)


@pytest.fixture
def row(platform):
    """A row that must be there afterwards."""
    platform.sql("CREATE TABLE IF NOT EXISTS public.kept (n integer)")
    platform.sql("TRUNCATE public.kept")
    platform.sql("INSERT INTO public.kept VALUES (7)")
    yield
    platform.sql("DROP TABLE public.kept")


def processes(platform) -> dict[str, int]:
    status = json.loads(platform.cryo("status", "--json", check=False).stdout)
    return {process["name"]: process["pid"] for process in status["processes"] if process["pid"]}


def wait_until_well(platform, limit_s: float = 120) -> dict:
    deadline = time.monotonic() + limit_s
    while True:
        done = platform.cryo("status", "--json", check=False)
        if done.returncode == 0:
            return json.loads(done.stdout)
        assert time.monotonic() < deadline, done.stdout
        time.sleep(2)


@pytest.mark.parametrize("name", PROCESSES)
def test_killed_process_comes_back_with_up(platform, row, name):
    pid = processes(platform)[name]
    os.kill(pid, signal.SIGKILL)
    assert platform.cryo("status", "--json", check=False).returncode == 75

    platform.cryo("up", "--skip-deploy")

    wait_until_well(platform)
    assert processes(platform)[name] != pid
    assert platform.sql("SELECT n FROM public.kept") == "7"


def test_all_processes_killed_at_once_is_like_a_reboot(platform, row):
    for pid in processes(platform).values():
        os.kill(pid, signal.SIGKILL)

    platform.cryo("up", "--skip-deploy")

    wait_until_well(platform)
    assert platform.sql("SELECT n FROM public.kept") == "7"


def test_killed_database_pod_comes_back_with_its_rows(platform, row):
    platform.kubectl("-n", "cryoprotect", "delete", "pod", "postgres-0", "--grace-period=0", "--force")

    platform.kubectl("-n", "cryoprotect", "rollout", "status", "statefulset/postgres", "--timeout=120s")
    wait_until_well(platform)
    assert platform.sql("SELECT n FROM public.kept") == "7"


@pytest.mark.parametrize("killed_after_s", [1.0, 2.5, 5.0])
def test_up_killed_half_way_is_finished_by_the_next_one(platform, row, killed_after_s):
    platform.cryo("down")
    with subprocess.Popen([CRYO, "up", "--skip-deploy"], stderr=subprocess.DEVNULL) as starting:
        time.sleep(killed_after_s)
        starting.kill()

    platform.cryo("up", "--skip-deploy")

    wait_until_well(platform)
    assert platform.sql("SELECT n FROM public.kept") == "7"


def test_second_command_at_the_same_time_is_told_to_try_again(platform):
    with exclusive(HOME / "cryo.lock"):
        second = platform.cryo("up", "--skip-deploy", check=False)

    assert second.returncode == 75
    assert "another cryo command is at work" in second.stderr


def test_down_and_up_keep_the_data_and_need_no_deploy(platform, row):
    platform.cryo("down")
    assert processes(platform) == {}

    platform.cryo("up", "--skip-deploy")

    wait_until_well(platform)
    assert platform.sql("SELECT n FROM public.kept") == "7"
    platform.pulumi("preview", "--expect-no-changes")
