import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from agents.backup.errors import InstanceFailedError
from agents.backup.instance import PREFIX, clear_leftovers, create_data, private_folder, running
from agents.backup.programs import find_programs

HOLD = """
import sys, time
from pathlib import Path
import structlog
from agents.backup.instance import Workshop, create_data, private_folder, running
from agents.backup.programs import find_programs
from agents.runtime.clock import SystemClock
programs = find_programs()
workshop = Workshop(Path(sys.argv[1]), SystemClock(), structlog.get_logger())
with private_folder(workshop.scratch) as folder:
    create_data(folder / "data", programs)
    with running(folder, programs, workshop):
        print("up", flush=True)
        time.sleep(300)
"""


def servers_below(folder: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cwd", "name"])
        if process.info["name"] == "postgres" and str(process.info["cwd"]).startswith(str(folder))
    ]


def test_a_throw_away_server_archives_nothing_and_listens_nowhere(scratch, workshop) -> None:
    programs = find_programs()
    with private_folder(scratch) as folder:
        create_data(folder / "data", programs)
        with running(folder, programs, workshop) as instance, instance.connect() as conn:
            shown = {
                name: conn.execute("select current_setting(%s)", (name,)).fetchone()[0]  # type: ignore[index]
                for name in ("listen_addresses", "archive_mode", "cluster_name", "data_checksums")
            }
        assert servers_below(scratch) == []

    assert shown == {
        "listen_addresses": "",
        "archive_mode": "off",
        "cluster_name": folder.name,
        "data_checksums": "on",
    }
    assert list(scratch.iterdir()) == []


def test_what_a_killed_run_left_is_removed_by_the_next_and_nobody_elses(scratch, repository) -> None:
    killed, living = (
        subprocess.Popen([sys.executable, "-c", HOLD, str(scratch)], cwd=repository, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    )
    try:
        for process in (killed, living):
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert len(list(scratch.glob(f"{PREFIX}*"))) == 2
        before = len(servers_below(scratch))

        removed = clear_leftovers(scratch)

        assert len(removed) == 1
        assert 0 < len(servers_below(scratch)) < before
        assert [path.exists() for path in removed] == [False]
        living.terminate()
    finally:
        for process in (killed, living):
            process.kill()
            process.communicate()
    time.sleep(0.2)
    clear_leftovers(scratch)
    assert servers_below(scratch) == []


def test_a_server_that_cannot_start_says_why(scratch, workshop) -> None:
    programs = find_programs()
    with private_folder(scratch) as folder:
        create_data(folder / "data", programs)
        (folder / "data" / "global" / "pg_control").write_bytes(b"damaged")

        with (
            pytest.raises(InstanceFailedError, match=r"its log ends: .*pg_control"),
            running(folder, programs, workshop),
        ):
            pass


def test_a_path_too_long_for_a_socket_is_refused_with_the_remedy(tmp_path, workshop) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    with (
        private_folder(deep) as folder,
        pytest.raises(InstanceFailedError, match="shorter scratch folder"),
        running(folder, find_programs(), workshop),
    ):
        pass
