"""Writes are complete or absent: killed at any call, and raced by threads."""

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from model_server.errors import RegistryBusyError, SettingInvalidError
from model_server.registry.store import FolderStore, StoreKeyError, tag_of


class KilledError(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


@pytest.fixture
def store(tmp_path) -> FolderStore:
    return FolderStore(tmp_path / "registry")


def test_what_was_written_is_read_with_its_tag(store):
    store.replace("models/tg.json", b"one", expected=None)

    assert store.read("models/tg.json") == (b"one", tag_of(b"one"))
    assert store.keys("models/") == ["models/tg.json"]
    assert store.read("models/none.json") is None


def test_write_over_something_unseen_is_refused(store):
    store.replace("models/tg.json", b"one", expected=None)

    with pytest.raises(RegistryBusyError, match="changed by somebody else"):
        store.replace("models/tg.json", b"two", expected=None)
    store.replace("models/tg.json", b"two", expected=tag_of(b"one"))
    assert store.read("models/tg.json").content == b"two"


def test_content_of_a_created_key_never_changes(store):
    store.create("artefacts/ab/card.json", b"one")
    store.create("artefacts/ab/card.json", b"one")

    with pytest.raises(StoreKeyError, match="other content"):
        store.create("artefacts/ab/card.json", b"two")


def test_every_write_changes_the_cheap_tag(store):
    tags = []
    for n in range(5):
        before = store.read("models/tg.json")
        store.replace("models/tg.json", b"same size %d" % n, expected=before.tag if before else None)
        tags.append(store.tag("models/tg.json"))

    assert len(set(tags)) == 5
    assert store.tag("models/none.json") is None


@pytest.mark.parametrize(
    "key", ["../etc/passwd", "/etc/passwd", "models/../x", "models/.lock", "", "a//b", "models/x\n"]
)
def test_key_that_leaves_the_folder_is_refused(store, key):
    with pytest.raises(StoreKeyError):
        store.read(key)


CALLS = [("os", "open"), ("os", "fsync"), ("os", "close"), ("Path", "replace"), ("Path", "mkdir"), ("fcntl", "flock")]


@pytest.mark.parametrize("nth", range(1, 5))
@pytest.mark.parametrize("call", CALLS, ids="-".join)
def test_process_killed_at_any_call_leaves_the_old_content_or_the_new(store, monkeypatch, call, nth):
    store.replace("models/tg.json", b"old", expected=None)
    where = {"os": os, "Path": Path, "fcntl": fcntl}[call[0]]
    honest, calls = getattr(where, call[1]), []

    def killed(*arguments, **named):
        calls.append(call)
        if len(calls) == nth:
            raise KilledError
        return honest(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(where, call[1], killed)
        try:
            store.replace("models/tg.json", b"new", expected=tag_of(b"old"))
        except KilledError:
            pass
        else:
            assert len(calls) < nth

    content = FolderStore(Path(str(store))).read("models/tg.json").content
    assert content in (b"old", b"new")
    store.replace("models/tg.json", b"after", expected=tag_of(content))
    assert store.keys("models/") == ["models/tg.json"]
    assert [path.name for path in (Path(str(store)) / "models").iterdir() if path.name.startswith(".draft")] == []


def test_process_killed_after_opening_and_before_writing_leaves_the_old_content(store, monkeypatch):
    store.replace("models/tg.json", b"old", expected=None)
    honest = Path.open

    def killed(self, mode="r", **named):
        stream = honest(self, mode, **named)
        if mode == "wb":
            stream.close()
            raise KilledError
        return stream

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", killed)
        with pytest.raises(KilledError):
            store.replace("models/tg.json", b"new", expected=tag_of(b"old"))

    assert store.read("models/tg.json").content == b"old"
    assert store.keys("models/") == ["models/tg.json"]


def test_of_racing_writers_exactly_one_wins_each_round(store):
    store.replace("models/tg.json", b"0", expected=None)

    def write(n: int) -> bool:
        try:
            store.replace("models/tg.json", b"%d" % n, expected=tag_of(b"0"))
        except RegistryBusyError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, range(1, 17)))

    assert won.count(True) == 1


def test_folder_that_cannot_be_written_names_the_setting(tmp_path, monkeypatch):
    def refuse(*_arguments, **_named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)

    with pytest.raises(SettingInvalidError, match="CRYO_REGISTRY_DIR"):
        FolderStore(tmp_path).create("artefacts/ab/card.json", b"x")
