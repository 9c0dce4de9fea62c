"""How pgbackrest's exit codes and words become errors, and its lines progress; the program here is a shell."""

from pathlib import Path

import pytest
import structlog

from agents.backup.engine import Done
from agents.backup.errors import (
    BackupBusyError,
    BackupError,
    BackupUnavailableError,
    ClusterForeignError,
    DeadlineExceededError,
    EngineFailedError,
    KeyWrongError,
    RepositoryUnavailableError,
    ToolMissingError,
)
from agents.backup.pgbackrest.program import Program, explain

CONFIG = Path("/none")


@pytest.mark.parametrize(
    ("code", "said", "kind"),
    [
        (50, "ERROR: [050]: unable to acquire lock", BackupBusyError),
        (51, "ERROR: [051]: PostgreSQL version 17, system-id 1 do not match stanza", ClusterForeignError),
        (39, "ERROR: [039]: HTTP request failed with 403 (Forbidden)", KeyWrongError),
        (39, "ERROR: [039]: HTTP request failed with 503 (Busy)", RepositoryUnavailableError),
        (64, "ERROR: [064]: unable to write: [28] No space left on device", RepositoryUnavailableError),
        (29, "ERROR: [029]: FormatError: key/value found outside of section at line 1", KeyWrongError),
        (25, "ERROR: [025]: assertion", EngineFailedError),
    ],
)
def test_a_failure_is_told_as_what_it_is(code, said, kind):
    error = explain("backup", code, f"2026-11-24 15:00:00.000 P00   INFO: begin\n2026-11-24 15:00:00.000 P00  {said}\n")

    assert type(error) is kind
    assert said in str(error)
    assert "begin" not in str(error)


def shell(script):
    return Program(structlog.get_logger(), ("/bin/sh", "-c", script))


def test_files_become_progress_and_are_not_kept():
    script = (
        "echo 'P01 DETAIL: backup file /data/base/1 (16MB, 25.00%) checksum x';"
        "echo 'P00   INFO: new backup label = y'; echo 'P01 DETAIL: backup file /data/base/2 (48MB, 100.00%) checksum'"
    )
    told: list[Done] = []

    said = shell(script).run(CONFIG, ["backup"], timeout_s=10, progress=told.append)

    mib = 1024**2
    assert [(16 * mib, 64 * mib), (64 * mib, 64 * mib)] == [(done.done_bytes, done.total_bytes) for done in told]
    assert said == "P00   INFO: new backup label = y\n"


def test_what_takes_too_long_is_stopped():
    with pytest.raises(DeadlineExceededError, match="backup did not end within 0 s"):
        shell("exec sleep 60").run(CONFIG, ["backup"], timeout_s=0.2)


def test_a_missing_program_is_told():
    with pytest.raises(ToolMissingError, match="image of the backup agent"):
        Program(structlog.get_logger(), ("/none/pgbackrest",)).run(CONFIG, ["info"], timeout_s=1)


def test_every_error_is_permanent_or_temporary():
    assert issubclass(EngineFailedError, BackupError)
    assert issubclass(BackupBusyError, BackupUnavailableError)
    assert (BackupError.exit_code, BackupUnavailableError.exit_code) == (70, 75)
