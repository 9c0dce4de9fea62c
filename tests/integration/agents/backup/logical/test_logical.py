import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from agents.backup import encryption, signature
from agents.backup.contents import Limits, read_contents, snapshot
from agents.backup.differences import compare
from agents.backup.engine import BackupKind, RestoreRequest, ToTime, no_progress
from agents.backup.errors import (
    BackupBusyError,
    ClusterForeignError,
    EngineFailedError,
    FolderNotEmptyError,
    KeyWrongError,
    RepositoryUnavailableError,
    RoleInsufficientError,
    SetDamagedError,
    SetUnknownError,
    TargetUnreachableError,
)
from agents.backup.instance import create_data, private_folder, running
from agents.backup.programs import find_programs
from agents.runtime.clock import SystemClock


def contents_of(conn):
    with snapshot(conn, Limits()):
        return read_contents(conn)


def test_a_dump_restores_to_exactly_what_was_there(protected, workshop) -> None:
    taken = protected.back_up()
    manifest = protected.engine.sets.open(taken.label)

    assert [each.label for each in protected.engine.list_sets()] == [taken.label]
    assert protected.engine.find_damage() == []
    with private_folder(workshop.scratch) as folder:
        used = protected.engine.restore(RestoreRequest(folder / "data"), progress=no_progress)
        with (
            running(folder, find_programs(manifest.contents.source.major), workshop) as instance,
            instance.connect(manifest.contents.source.database) as conn,
        ):
            restored = contents_of(conn)

    assert used == taken
    assert compare(manifest.contents, restored) == ()
    assert restored.rows == 5 + 400 + 400
    assert "policy public.molecules.molecules_select" in restored.schema_facts


def test_a_server_that_was_restored_can_be_backed_up_and_restored_again(protected, workshop) -> None:
    taken = protected.back_up()
    database = protected.engine.sets.open(taken.label).contents.source.database
    programs = find_programs()
    with private_folder(workshop.scratch) as folder, private_folder(workshop.scratch) as again:
        protected.engine.restore(RestoreRequest(folder / "data"), progress=no_progress)
        with running(folder, programs, workshop) as instance:
            settings = dataclasses.replace(
                protected.engine.settings, name="second", database=instance.settings(database)
            )
            second = protected.make(settings=settings)
            manifest = second.sets.open(second.back_up(BackupKind.LOGICAL, annotations={}, progress=no_progress).label)
        second.restore(RestoreRequest(again / "data"), progress=no_progress)
        with running(again, programs, workshop) as instance, instance.connect(database) as conn:
            assert compare(manifest.contents, contents_of(conn)) == ()


def test_nothing_readable_lies_in_the_repository(protected) -> None:
    taken = protected.back_up()

    stored = [path for path in (protected.folder / taken.label).rglob("*") if path.is_file()]

    assert {path.name for path in stored} >= {"manifest.json", "globals.sql.zst.age", "toc.dat.zst.age"}
    for path in stored:
        if path.name != "manifest.json":
            assert path.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert b"molecule 7" not in b"".join(path.read_bytes() for path in stored)


def test_the_dump_is_of_the_moment_of_its_manifest_while_others_write(protected, workshop, database) -> None:
    done = threading.Event()

    def write() -> None:
        with database.connect() as conn:
            while not done.is_set():
                conn.execute("insert into public.teams (name) values (gen_random_uuid()::text)")

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.5)
    taken = protected.back_up()
    done.set()
    writer.join()
    manifest = protected.engine.sets.open(taken.label)
    with private_folder(workshop.scratch) as folder:
        protected.engine.restore(RestoreRequest(folder / "data"), progress=no_progress)
        programs = find_programs(manifest.contents.source.major)
        with running(folder, programs, workshop) as instance, instance.connect(database.name) as conn:
            restored = contents_of(conn)

    # A sequence is outside of transactions: pg_dump reads it a moment after the snapshot.
    told = compare(manifest.contents, restored, ignoring=["public.teams_id_seq"])
    assert told == ()


def test_a_role_that_would_miss_rows_is_refused_before_anything_is_written(protected, database, settings_of, tmp_path):
    password = tmp_path / "password"
    password.write_text("reader-of-tests\n", encoding="utf-8")
    with database.connect() as conn:
        conn.execute("create role cryo_tests_dumper login password 'reader-of-tests' in role pg_read_all_data")
        try:
            settings = dataclasses.replace(
                protected.engine._settings,
                database=dataclasses.replace(settings_of(database), user="cryo_tests_dumper", password_file=password),
            )
            with pytest.raises(RoleInsufficientError, match=r"cryo_tests_dumper.*bypassrls"):
                protected.make(settings=settings).back_up(BackupKind.LOGICAL, annotations={}, progress=no_progress)
        finally:
            conn.execute("drop role cryo_tests_dumper")
    assert not protected.folder.exists()


def test_two_backups_of_one_database_at_a_time_are_refused(protected, database) -> None:
    with database.connect() as conn:
        conn.execute("select pg_advisory_lock(hashtextextended('cryoprotect logical backup', 0))")

        with pytest.raises(BackupBusyError):
            protected.back_up()


def test_a_half_upload_is_never_listed_and_the_next_backup_removes_it(protected) -> None:
    first = protected.back_up()
    (protected.folder / first.label / "manifest.json").unlink()

    assert protected.engine.list_sets() == []
    (damage,) = protected.engine.find_damage()
    assert (damage.object, damage.label) == (f"main/{first.label}/manifest.json", first.label)
    time.sleep(1.1)  # a label has the second that it began in
    second = protected.back_up()

    assert [path.name for path in protected.folder.iterdir()] == [second.label]


def test_expiry_deletes_one_set_and_an_unknown_one_is_refused(protected) -> None:
    taken = protected.back_up()

    protected.engine.expire(taken.label, repository=1)

    assert protected.engine.list_sets() == []
    with pytest.raises(SetUnknownError, match=taken.label):
        protected.engine.expire(taken.label, repository=1)


def test_restore_into_an_empty_database_is_all_or_nothing(protected, database, settings_of) -> None:
    taken = protected.back_up()
    manifest = protected.engine.sets.open(taken.label)
    target = settings_of(database, name=f"{database.name}_copy")
    restore = protected.engine.restorer.into_database
    with database.connect() as conn:
        conn.execute(f"create database {target.name} template template0")
    try:
        with database.cluster.connect(target.name) as conn:
            conn.execute("create table public.mine ()")
            with pytest.raises(FolderNotEmptyError, match=r"public\.mine"):
                restore(manifest, target, no_progress)
            conn.execute("drop table public.mine")
            restore(manifest, target, no_progress)
            restored = contents_of(conn)

        assert compare(manifest.contents, restored) == ()
    finally:
        with database.connect() as conn:
            conn.execute(f"drop database {target.name} with (force)")


def test_a_restore_that_fails_leaves_the_database_empty(protected, database, settings_of) -> None:
    taken = protected.back_up()
    manifest = protected.engine.sets.open(taken.label)
    target = settings_of(database, name=f"{database.name}_copy")
    with database.connect() as conn:
        conn.execute(f"create database {target.name} template template0")
    try:
        with database.cluster.connect(target.name) as conn:
            conn.execute(
                "create function public.refuse() returns event_trigger language plpgsql as $$ begin "
                "raise exception 'not here'; end $$"
            )
            conn.execute(
                "create event trigger refuse on ddl_command_end when tag in ('CREATE POLICY') "
                "execute function public.refuse()"
            )
            with pytest.raises(EngineFailedError, match="not here"):
                protected.engine.restorer.into_database(manifest, target, no_progress)

            assert contents_of(conn).tables == {}
    finally:
        with database.connect() as conn:
            conn.execute(f"drop database {target.name} with (force)")


def test_a_missing_role_is_named_before_anything_is_restored(protected, database, settings_of, workshop) -> None:
    taken = protected.back_up()
    manifest = protected.engine.sets.open(taken.label)
    with private_folder(workshop.scratch) as folder:
        create_data(folder / "data", find_programs())
        with running(folder, find_programs(), workshop) as instance:
            with instance.connect() as conn:
                conn.execute("create database target")
            with pytest.raises(ClusterForeignError, match="cryo_tests_reader"):
                protected.engine.restorer.into_database(manifest, instance.settings("target"), no_progress)


def test_bad_requests_are_refused_before_anything_is_touched(protected, scratch) -> None:
    taken = protected.back_up()
    full = scratch / "full"
    full.mkdir()
    (full / "file").touch()
    empty = RestoreRequest(scratch / "new")
    other_secret, _ = encryption.new_key_pair()
    (protected.keys / "other").write_text(other_secret, encoding="utf-8")
    wrong = protected.make(identities=encryption.read_identities(protected.keys / "other"))
    none = protected.make(identities=None)

    for engine, request_, error, told in [
        (protected.engine, RestoreRequest(full), FolderNotEmptyError, "not empty"),
        (
            protected.engine,
            RestoreRequest(scratch / "new", ToTime(SystemClock().now())),
            TargetUnreachableError,
            taken.label,
        ),
        (protected.engine, RestoreRequest(scratch / "new", label="none"), SetUnknownError, "none"),
        (wrong, empty, KeyWrongError, "the key file has age1"),
        (none, empty, KeyWrongError, "name the file"),
    ]:
        with pytest.raises(error, match=told):
            engine.restore(request_, progress=no_progress)

    assert not (scratch / "new").exists()
    assert [damage.object for damage in wrong.find_damage()] != []


def test_a_repository_that_is_not_mounted_is_not_taken_for_an_empty_one(protected) -> None:
    protected.repository.rmdir()

    with pytest.raises(RepositoryUnavailableError, match="mount the volume"):
        protected.back_up()
    with pytest.raises(RepositoryUnavailableError, match="mount the volume"):
        protected.engine.list_sets()


def test_an_object_damaged_after_it_was_listed_stops_the_restore(protected, scratch) -> None:
    taken = protected.back_up()
    path = max((protected.folder / taken.label / "dump").iterdir(), key=lambda each: each.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(SetDamagedError, match=path.name):
        protected.engine.restore(RestoreRequest(scratch / "new"), progress=no_progress)
    assert not (scratch / "new").exists()


def test_the_signing_key_alone_decides_who_is_believed(protected) -> None:
    taken = protected.back_up()
    _, public = signature.new_key_pair()
    (protected.keys / "stranger").write_bytes(public)
    stranger = protected.make(verifier=signature.read_verifier(protected.keys / "stranger"))

    assert stranger.list_sets() == []
    (damage,) = stranger.find_damage(taken.label)
    assert "signed with key" in damage.problem


BACK_UP = """
import sys
from pathlib import Path
import structlog
from agents.backup import encryption, signature
from agents.backup.engine import BackupKind, no_progress
from agents.backup.instance import Workshop
from agents.backup.logical import Keys, LogicalEngine, LogicalSettings
from agents.backup.object_store import FolderStore
from agents.runtime.clock import SystemClock
from agents.runtime.settings import DatabaseSettings, Identity
port, name, password, keys, repository, scratch = sys.argv[1:]
keys = Path(keys)
database = DatabaseSettings("127.0.0.1", int(port), name, "postgres", Path(password), "prefer")
engine = LogicalEngine(
    LogicalSettings("main", database, Identity(None, "1", "")), FolderStore(Path(repository)),
    Keys(signature.read_verifier(keys / "trust"), encryption.read_recipients(keys / "to"),
         signature.read_signer(keys / "sign")),
    Workshop(Path(scratch), SystemClock(), structlog.get_logger()),
)
print("go", flush=True)
engine.back_up(BackupKind.LOGICAL, annotations={}, progress=no_progress)
"""


@pytest.mark.parametrize("delay_s", [0.05, 0.2, 0.35, 0.5])
def test_a_killed_backup_leaves_nothing_that_is_listed_and_the_next_one_converges(
    protected, database, scratch, repository, delay_s
) -> None:
    arguments = [str(database.cluster.port), database.name, str(database.cluster.password_file)]
    folders = [str(protected.keys), str(protected.repository), str(scratch)]
    process = subprocess.Popen(
        [sys.executable, "-c", BACK_UP, *arguments, *folders], cwd=repository, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    time.sleep(delay_s)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    listed = protected.engine.list_sets()
    assert all(protected.engine.find_damage(each.label) == [] for each in listed)
    time.sleep(1.1)

    taken = protected.back_up()

    assert protected.engine.list_sets()[-1] == taken
    assert protected.engine.find_damage() == []
    assert list(scratch.iterdir()) == []
