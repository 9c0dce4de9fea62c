from pathlib import Path

import pytest

from agents.backup.errors import SettingsInvalidError
from agents.backup.repositories import PosixStore, Repositories, Repository, S3Store

KEY = Path("/run/secrets/repository/key")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bucket": "B"}, "bucket 'B'"),
        ({"endpoint": "https://store:9000"}, "leave out https"),
        ({"endpoint": "store:70000"}, "store:70000"),
        ({"region": ""}, "region"),
        ({"path": "here"}, "relative"),
    ],
)
def test_a_store_that_cannot_be_is_refused(change, words):
    legal = {"bucket": "backups", "endpoint": "store:9000", "region": "x", "key_id_file": KEY, "key_file": KEY}

    with pytest.raises(SettingsInvalidError, match=words):
        S3Store(**(legal | change))


def test_a_relative_folder_is_refused():
    with pytest.raises(SettingsInvalidError, match="relative"):
        PosixStore(Path("backups"))


def test_repositories_are_numbered_from_one():
    near, far = Repository(PosixStore(Path("/near"))), Repository(PosixStore(Path("/far")))

    assert ((1, near), (2, far)) == Repositories(near, far).numbered
