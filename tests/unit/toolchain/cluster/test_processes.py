"""Processes are started once, found again by pid and start time, and stopped without touching anybody else's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from toolchain.cluster.components import Daemon
from toolchain.cluster.lock import exclusive
from toolchain.cluster.processes import held_bytes, is_alive, read_record, running, start, stop
from toolchain.errors import PermanentToolchainError, TemporaryToolchainError

SLEEP = Daemon("sleeper", ("sleep", "60"))


@pytest.fixture
def folders(tmp_path):
    yield tmp_path / "run", tmp_path / "log"
    for record in (tmp_path / "run").glob("*.json"):
        stop(tmp_path / "run", record.stem)


def test_second_start_of_the_same_command_changes_nothing(folders):
    assert start(*folders, SLEEP) is True
    pid = running(folders[0], "sleeper").pid

    assert start(*folders, SLEEP) is False
    assert running(folders[0], "sleeper").pid == pid


def test_started_process_holds_no_lock_of_its_caller(folders, tmp_path):
    with (tmp_path / "lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        start(*folders, SLEEP)
        process = running(folders[0], "sleeper")

    held = [str(entry.readlink()) for entry in Path(f"/proc/{process.pid}/fd").iterdir()]
    assert str(tmp_path / "lock") not in held


def test_changed_command_replaces_the_process(folders):
    start(*folders, SLEEP)
    old = running(folders[0], "sleeper")

    assert start(*folders, Daemon("sleeper", ("sleep", "61"))) is True
    assert not is_alive(old)
    assert running(folders[0], "sleeper").pid != old.pid
    assert read_record(folders[0], "sleeper").argv == ("sleep", "61")


def test_killed_process_is_seen_and_started_again(folders):
    start(*folders, SLEEP)
    process = running(folders[0], "sleeper")
    process.kill()
    process.wait(5)

    assert start(*folders, SLEEP) is True
    assert running(folders[0], "sleeper") is not None


def test_reused_pid_is_not_taken_for_ours(folders):
    folders[0].mkdir()
    stranger = {"name": "sleeper", "pid": os.getpid(), "created_at": 1.0, "argv": ["sleep", "60"]}
    (folders[0] / "sleeper.json").write_text(json.dumps(stranger))

    assert running(folders[0], "sleeper") is None
    assert stop(folders[0], "sleeper") is False
    assert psutil.Process().is_running()


def test_stop_kills_what_ignores_a_polite_request(folders):
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    start(*folders, Daemon("stubborn", (sys.executable, "-c", stubborn)))
    process = running(folders[0], "stubborn")
    while not (folders[1] / "stubborn.log").read_text():
        pass

    assert stop(folders[0], "stubborn", grace_s=0.2) is True
    assert not is_alive(process)


def test_missing_program_is_one_error_with_a_remedy(folders):
    with pytest.raises(PermanentToolchainError, match="cryo up"):
        start(*folders, Daemon("none", ("/no/such/program",)))


def test_broken_record_is_refused_and_named(folders):
    folders[0].mkdir()
    (folders[0] / "sleeper.json").write_text("{")

    with pytest.raises(PermanentToolchainError, match=r"sleeper\.json"):
        read_record(folders[0], "sleeper")
    (folders[0] / "sleeper.json").unlink()


def test_memory_of_an_ended_process_counts_nothing(folders):
    start(*folders, SLEEP)
    process = running(folders[0], "sleeper")
    assert held_bytes([process]) > 0
    stop(folders[0], "sleeper")

    assert held_bytes([process]) == 0


def test_lock_is_refused_to_a_second_command_and_names_the_first(tmp_path):
    with (
        exclusive(tmp_path / "lock"),
        pytest.raises(TemporaryToolchainError, match=f"pid {os.getpid()}"),
        exclusive(tmp_path / "lock"),
    ):
        pass


def test_lock_of_a_killed_command_is_free_again(tmp_path):
    path = str(tmp_path / "lock")
    lines = (
        "import pathlib, time",
        "from toolchain.cluster.lock import exclusive",
        f"with exclusive(pathlib.Path({path!r})):",
        "    print('held', flush=True); time.sleep(60)",
    )
    code = "\n".join(lines)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        with pytest.raises(TemporaryToolchainError), exclusive(tmp_path / "lock"):
            pass
        holder.kill()

    with exclusive(tmp_path / "lock"):
        pass
