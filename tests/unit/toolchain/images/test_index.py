"""The index is replaced whole, is refused when damaged, and old archives go."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.errors import PermanentToolchainError
from toolchain.images.index import ArchiveFile, ImageIndex, IndexedImage, plan_pruning, read_index, write_index

IMAGE = IndexedImage("localhost/cryoprotect/pause:0123456789abcdef", "sha256:ab", Path("/c/pause.tar"), 7)


def test_what_is_written_is_read_back_and_has_the_shape_of_the_contract(tmp_path):
    path = tmp_path / "new" / "index.json"
    write_index(path, ImageIndex({"pause": IMAGE}))

    assert read_index(path) == ImageIndex({"pause": IMAGE})
    assert json.loads(path.read_text()) == {
        "schema": 1,
        "images": {
            "pause": {
                "ref": "localhost/cryoprotect/pause:0123456789abcdef",
                "digest": "sha256:ab",
                "archive": "/c/pause.tar",
                "size_bytes": 7,
            }
        },
    }


def test_a_missing_index_is_empty(tmp_path):
    assert read_index(tmp_path / "index.json") == ImageIndex({})


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "{}", '{"schema": 2, "images": {}}', '{"schema": 1, "images": {"pause": {"ref": "x"}}}',
        '{"schema": 1, "images": []}',
    ],
)  # fmt: skip
def test_a_damaged_index_is_refused_with_the_remedy(tmp_path, text):
    path = tmp_path / "index.json"
    path.write_text(text)

    with pytest.raises(PermanentToolchainError, match="delete it"):
        read_index(path)


def test_a_write_that_fails_leaves_the_old_index(tmp_path, monkeypatch):
    path = tmp_path / "index.json"
    write_index(path, ImageIndex({"pause": IMAGE}))

    def full_disk(_self, _target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_index(path, ImageIndex({}))

    assert read_index(path) == ImageIndex({"pause": IMAGE})


ARCHIVES = st.lists(
    st.builds(
        ArchiveFile, st.sampled_from(["agents", "pause"]), st.integers(0, 30).map("{:016x}".format), st.floats(0, 100)
    ),
    max_size=12,
    unique_by=lambda a: (a.name, a.content_hash),
)


@given(archives=ARCHIVES, keep=st.integers(1, 4), data=st.data())
def test_pruning_never_deletes_a_current_archive_and_keeps_at_most_the_limit_of_others(archives, keep, data):
    current = frozenset(data.draw(st.lists(st.sampled_from([a.content_hash for a in archives]))) if archives else [])

    doomed = plan_pruning(archives, current, keep=keep)

    assert not {a.content_hash for a in doomed} & current
    for name in ("agents", "pause"):
        left = [a for a in archives if a.name == name and a not in doomed]
        assert len([a for a in left if a.content_hash not in current]) <= keep
        assert len(left) >= min(keep, len([a for a in archives if a.name == name]))


def test_pruning_deletes_the_oldest_first():
    archives = [ArchiveFile("agents", f"{age:016x}", float(age)) for age in range(4)]

    doomed = plan_pruning(archives, frozenset({archives[0].content_hash}), keep=2)

    assert set(doomed) == {archives[1], archives[2]}
