from datetime import UTC, datetime

import pytest

from agents.backup import in_place
from agents.backup.in_place import swap_in, unfinished_folder

NOW = datetime(2026, 11, 24, 14, 5, tzinfo=UTC)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "pgdata"
    for path, text in ((folder, "old"), (unfinished_folder(folder), "new")):
        path.mkdir()
        (path / "told").write_text(text)
    return folder


@pytest.mark.parametrize("can_exchange", [True, False])
def test_the_restored_folder_takes_the_place_and_the_old_one_stays(data, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr(in_place, "_exchange", lambda _one, _other: False)

    kept = swap_in(data, NOW)

    assert (data / "told").read_text() == "new"
    assert (kept / "told").read_text() == "old"
    assert kept.name == "pgdata.replaced-20261124T140500Z"
    assert sorted(path.name for path in data.parent.iterdir()) == ["pgdata", kept.name]


def test_a_kill_before_the_exchange_leaves_the_old_folder_in_place(data, monkeypatch):
    def die(_one, _other):
        raise KeyboardInterrupt

    monkeypatch.setattr(in_place, "_exchange", die)

    with pytest.raises(KeyboardInterrupt):
        swap_in(data, NOW)

    assert (data / "told").read_text() == "old"
    # The next restore clears this one; nothing that anybody needs may be in it.
    assert not unfinished_folder(data).exists()


def test_a_first_restore_keeps_nothing(data):
    for path in data.iterdir():
        path.unlink()
    data.rmdir()

    assert swap_in(data, NOW) is None
    assert (data / "told").read_text() == "new"
