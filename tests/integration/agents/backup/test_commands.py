"""The verbs of `cryo backup` on a real server and repository: holds, expiry, verification and a restore into place."""

import secrets
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from agents.backup import commands
from agents.backup.commands import Command
from agents.backup.engine import BackupKind, RestoreRequest, ToLatest, ToTime, no_progress
from agents.backup.errors import (
    ConfirmationMissingError,
    FolderNotEmptyError,
    SetHeldError,
    SettingsInvalidError,
    TargetUnreachableError,
)
from agents.backup.repositories import PosixStore
from agents.backup.settings import BackupSettings, RetentionSettings, StoreSettings
from agents.runtime.clock import SystemClock
from agents.runtime.settings import Identity

KEEP_NEWEST = RetentionSettings(
    hourly=0, daily=0, weekly=0, monthly=0, yearly=0, window_days=0, min_fulls=1, time_zone="UTC"
)
COUNT = "select count(*) from public.events"


@pytest.fixture
def protected(root, protect):
    found = protect(root, PosixStore(root.folder(f"repo-{secrets.token_hex(4)}")))
    with found.server.connect() as conn:
        conn.execute("create table public.events (id bigint generated always as identity)")
        conn.execute("insert into public.events select from generate_series(1, 500)")
    yield found
    if found.server.process.poll() is None:
        found.server.stop()


@pytest.fixture
def command(protected):
    engine = protected.engine.settings
    near = engine.repositories.near
    settings = BackupSettings(
        stanza="main",
        folder=str(engine.folder),
        data=str(engine.database.data),
        socket=str(engine.database.socket),
        near=StoreSettings(path=str(near.store.path), cipher_key_file=str(near.cipher_key_file), key_id="test-1"),
        retention=KEEP_NEWEST,
    )
    identity = Identity(colour=None, version="1.2.3", git_sha="abc1234")
    log = structlog.get_logger()
    return Command(settings, identity, log, SystemClock(), no_progress, program=protected.engine.program)


def take(command, kind=BackupKind.FULL):
    return commands.run(command, kind, dry_run=False).data["backup"]["label"]


def test_a_dry_run_takes_nothing(command):
    commands.run(command, BackupKind.FULL, dry_run=True)

    assert commands.list_sets(command).data["backups"] == []


def test_a_set_says_who_took_it(command):
    label = take(command)

    assert commands.show(command, label).data["backup"]["annotations"] == {"git": "abc1234", "version": "1.2.3"}


def test_expiry_tells_first_and_deletes_only_when_asked(command):
    old, new = take(command), take(command)

    told = commands.expire(command, apply=False)

    assert [f"delete {old}: outside the recovery window of 0 d"] == [line for line in told.lines if old in line]
    assert len(commands.list_sets(command).data["backups"]) == 2
    commands.expire(command, apply=True)
    assert [new] == [backup["label"] for backup in commands.list_sets(command).data["backups"]]


def test_a_hold_keeps_a_set_until_it_is_ended(command):
    old, _ = take(command), take(command)
    commands.hold(command, old, "audit 7", until=None, end=False)

    commands.expire(command, apply=True)

    assert commands.show(command, old).data["backup"]["annotations"]["hold"] == "audit 7"
    commands.hold(command, old, "", until=None, end=True)
    commands.expire(command, apply=True)
    assert old not in [backup["label"] for backup in commands.list_sets(command).data["backups"]]


def test_a_hold_without_a_reason_is_refused(command):
    label = take(command)

    with pytest.raises(SetHeldError, match="--reason"):
        commands.hold(command, label, "", until=None, end=False)


def test_verification_marks_what_is_whole_and_names_what_is_not(command, protected):
    label = take(command)
    assert commands.verify(command, None, then_expire=False).data["damage"] == []
    assert commands.show(command, label).data["backup"]["verified_level"] == 2
    folder = Path(command.settings.near.path)
    (bundle,) = folder.glob(f"backup/main/{label}/bundle/1")
    bundle.write_bytes(bundle.read_bytes()[:-50])

    found = commands.verify(command, None, then_expire=True).data["damage"]

    assert f"{label}/bundle/1" in {damage["object"] for damage in found}
    assert commands.show(command, label).data["backup"]["verified_level"] == 0
    assert f"{label}/bundle/1" in commands.show(command, label).data["backup"]["annotations"]["damaged"]


def test_a_missing_segment_and_one_damaged_manifest_copy_are_found(command, protected):
    label = take(command)
    protected.archive()
    folder = Path(command.settings.near.path)
    wal = commands.show(command, label).data["backup"]["wal_start"]
    next(folder.glob(f"archive/main/*/*/{wal}-*")).unlink()
    copy = folder / f"backup/main/{label}/backup.manifest.copy"
    copy.write_bytes(copy.read_bytes()[:-16])

    objects = {damage["object"] for damage in commands.verify(command, None, then_expire=False).data["damage"]}

    assert f"WAL {wal}" in objects
    assert f"backup/main/{label}/backup.manifest.copy" in objects


def test_a_restore_into_place_brings_the_rows_back_and_keeps_what_was_there(command, protected, start_server, root):
    take(command)
    with protected.server.connect() as conn:
        conn.execute("insert into public.events select from generate_series(1, 7)")
    protected.archive()
    data = Path(command.settings.data)
    request = RestoreRequest(data, ToLatest(), as_clone=False)
    with pytest.raises(FolderNotEmptyError, match=r"postmaster\.pid"):
        commands.restore(command, request, confirmed=True, dry_run=False)
    protected.server.stop()
    (data / "base").rename(data / "base-lost")
    with pytest.raises(ConfirmationMissingError):
        commands.restore(command, request, confirmed=False, dry_run=False)
    assert (data / "base-lost").is_dir()

    answer = commands.restore(command, request, confirmed=True, dry_run=False)

    assert (Path(answer.data["kept"]) / "base-lost").is_dir()
    auto = data / "postgresql.auto.conf"
    # The production path of the database's own configuration is not there in these tests.
    local = f"--config={command.settings.folder}/pgbackrest.conf"
    auto.write_text(auto.read_text().replace(f"--config={command.settings.host_config}", local))
    server = start_server(root, data)
    with server.connect() as conn:
        assert conn.execute(COUNT).fetchone()[0] == 507
    server.stop()


def test_a_restore_that_cannot_reach_its_target_leaves_the_data_alone(command, protected):
    take(command)
    protected.server.stop()
    data = Path(command.settings.data)
    before = sorted(path.name for path in data.parent.iterdir())
    request = RestoreRequest(data, ToTime(SystemClock().now().replace(year=2020)), as_clone=False)

    with pytest.raises(TargetUnreachableError):
        commands.restore(command, request, confirmed=True, dry_run=False)

    assert before == sorted(path.name for path in data.parent.iterdir())
    assert (data / "PG_VERSION").exists()


def test_what_a_killed_restore_left_is_cleared_by_the_next(command, protected):
    take(command)
    protected.server.stop()
    data = Path(command.settings.data)
    left = data.with_name(data.name + ".restoring")
    left.mkdir()
    (left / "half").write_text("half")

    commands.restore(command, RestoreRequest(data, as_clone=False), confirmed=True, dry_run=False)

    assert not (data / "half").exists()
    assert not left.exists()
    shutil.rmtree(data)


def test_retention_that_is_not_known_is_refused(command):
    wrong = RetentionSettings(
        hourly=0, daily=0, weekly=0, monthly=0, yearly=0, window_days=1, min_fulls=1, time_zone="Mars/Olympus"
    )
    settings = BackupSettings(**{name: getattr(command.settings, name) for name in command.settings.__struct_fields__}
                              | {"retention": wrong})  # fmt: skip

    with pytest.raises(SettingsInvalidError, match="Mars/Olympus"):
        commands.expire(replace(command, settings=settings), apply=False)
