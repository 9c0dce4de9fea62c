"""The engine against the real pgBackRest 2.55 and PostgreSQL 17, on a volume and on an S3 server over TLS."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agents.backup.engine import (
    BackupKind,
    Lsn,
    RestoreRequest,
    ToImmediate,
    ToLatest,
    ToLsn,
    ToName,
    ToTime,
    no_progress,
)
from agents.backup.errors import (
    FolderNotEmptyError,
    KeyWrongError,
    SetHeldError,
    SetUnknownError,
    TargetUnreachableError,
)

ANNOTATIONS = {"git": "abc1234", "head": "0018"}


@pytest.fixture(scope="module")
def sets(protected):
    """A full, a differential and an incremental set with rows between them."""
    found = []
    for kind in (BackupKind.FULL, BackupKind.DIFFERENTIAL, BackupKind.INCREMENTAL):
        found.append(protected.engine.back_up(kind, annotations=ANNOTATIONS, progress=no_progress))
        with protected.server.connect() as conn:
            conn.execute("insert into public.events select from generate_series(1, 100)")
    return found


@pytest.fixture
def restored(protected, root, start_server):
    """Restore to a target and return what a query says there."""
    running = []

    def restore(target, query, *, label=None):
        folder = root.work / f"restored-{len(list(root.work.iterdir()))}"
        request = RestoreRequest(folder, target, label=label)
        protected.engine.restore(request, progress=no_progress)
        running.append(start_server(root, folder))
        with running[-1].connect() as conn:
            return conn.execute(query).fetchone()[0]

    yield restore
    for server in running:
        server.stop()
        shutil.rmtree(server.data)


def test_a_set_is_listed_as_it_was_taken(protected, sets):
    full, diff, incr = sets

    assert (None, full.label, diff.label) == (full.parent, diff.parent, incr.parent)
    assert [set_.label for set_ in protected.engine.list_sets()][:3] == [set_.label for set_ in sets]
    assert dict(full.annotations) == ANNOTATIONS
    assert full.lsn_start < full.lsn_stop <= diff.lsn_start
    assert full.size_bytes > 20e6 > full.stored_bytes > incr.stored_bytes
    assert not full.has_error
    assert full.started_at <= full.finished_at <= datetime.now(tz=UTC) + timedelta(seconds=2)


def test_a_whole_repository_has_no_damage(protected, sets):
    protected.archive()

    assert protected.engine.find_damage() == []


def test_every_target_brings_back_its_own_moment(protected, sets, restored):
    count = "select count(*) from public.events"
    with protected.server.connect() as conn:
        before = conn.execute(count).fetchone()[0]
        moment = conn.execute("select clock_timestamp()").fetchone()[0]
        conn.execute("select pg_create_restore_point('here')")
        conn.execute("insert into public.events default values")
        lsn = Lsn.parse(conn.execute("select pg_current_wal_insert_lsn()::text").fetchone()[0])
        conn.execute("insert into public.events select from generate_series(1, 10)")
    protected.archive()

    assert restored(ToTime(moment), count) == before
    assert restored(ToName("here"), count) == before
    assert restored(ToLsn(lsn), count) == before + 1
    assert restored(ToLatest(), count) == before + 11
    assert restored(ToImmediate(), count, label=sets[0].label) == 10_000


def test_a_clone_does_not_archive(protected, sets, restored):
    assert restored(ToImmediate(), "show archive_mode", label=sets[0].label) == "off"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (ToTime(datetime(2020, 1, 1, tzinfo=UTC)), "became consistent later"),
        (ToTime(datetime.now(tz=UTC) + timedelta(hours=1)), "WAL reaches"),
        (ToLsn(Lsn.parse("FF/0")), "WAL reaches"),
        (ToLatest(timeline=9), "no timeline 9"),
    ],
    ids=["past", "future", "position", "timeline"],
)
def test_a_target_out_of_reach_is_refused_before_anything_is_touched(protected, sets, root, target, words):
    folder = root.work / "untouched"

    with pytest.raises(TargetUnreachableError, match=words) as refused:
        protected.engine.restore(RestoreRequest(folder, target), progress=no_progress)

    assert "Reachable: 20" in str(refused.value)
    assert not folder.exists()


def test_a_folder_with_files_is_refused(protected, sets, root):
    folder = root.folder("full")
    (folder / "mine").write_text("precious")

    with pytest.raises(FolderNotEmptyError, match="--delta"):
        protected.engine.restore(RestoreRequest(folder), progress=no_progress)

    assert (folder / "mine").read_text() == "precious"
    shutil.rmtree(folder)


def test_an_unknown_set_is_refused(protected, sets, root):
    with pytest.raises(SetUnknownError, match="20200101"):
        protected.engine.restore(RestoreRequest(root.work / "none", label="20200101-000000F"), progress=no_progress)


def test_a_wrong_key_is_told_as_one(protected, sets, root, make_engine):
    store = protected.engine.settings.repositories.near.store
    stranger = make_engine(root, store, protected.server.data, key="wrong battery")

    with pytest.raises(KeyWrongError):
        stranger.prepare()


def test_a_set_that_others_need_is_not_expired(protected, sets):
    with pytest.raises(SetHeldError, match="needed by"):
        protected.engine.expire(sets[0].label, repository=1)


def test_expiry_takes_the_set_and_the_wal_that_nobody_needs(root, protect, s3_store):
    protected = protect(root, replace(s3_store, path="/expiry"))
    labels = []
    for _ in range(3):
        labels.append(protected.engine.back_up(BackupKind.FULL, annotations={}, progress=no_progress).label)
        protected.archive()
    protected.engine.expire(labels[0], repository=1)

    left = protected.engine.list_sets()
    protected.engine.expire_wal(left, labels[2], repository=1)

    assert [each.label for each in left] == labels[1:]
    archive = protected.engine.read_archive(1)
    assert min(archive.segments).name == left[0].wal_start
    assert protected.engine.find_damage() == []
    protected.server.stop()
