"""A release folder is taken whole or not at all."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from model_server.errors import ArtefactInvalidError, SettingInvalidError
from model_server.registry.card import digest_of
from model_server.registry.folder import WantedModel, find_release, load_release, parse_wanted, released_versions


@pytest.fixture
def copied(shipped, tmp_path) -> Path:
    folder = tmp_path / "tg" / "1.0.0"
    shutil.copytree(shipped / "tg" / "1.0.0", folder)
    return folder


def test_release_is_named_by_the_digest_of_its_card(copied):
    release = load_release(copied)

    assert release.digest == digest_of((copied / "card.json").read_bytes())
    assert len(release.known) == len(release.neighbours) == 10
    assert release.points[0].key


@pytest.mark.parametrize("name", ["model.onnx", "fingerprints.npy", "card.md", "known.json", "points.json"])
def test_file_that_differs_from_the_card_is_refused(copied, name):
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)

    with pytest.raises(ArtefactInvalidError, match=rf"{name}: sha256 is .*restore the folder"):
        load_release(copied)


@pytest.mark.parametrize("name", ["model.onnx", "fingerprints.npy", "card.json"])
def test_absent_file_is_refused_by_name(copied, name):
    (copied / name).unlink()

    with pytest.raises(ArtefactInvalidError, match=f"{name}: No such file"):
        load_release(copied)


def test_file_that_nobody_listed_is_refused(copied):
    (copied / "extra.py").write_text("")

    with pytest.raises(ArtefactInvalidError, match=r"extra\.py"):
        load_release(copied)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"schema": 3}, "schema", id="another schema"),
        pytest.param({"surprise": 1}, "surprise", id="unknown key"),
        pytest.param({"files": {}}, "lists files", id="no files listed"),
        pytest.param({"files": {"../../etc/passwd": "00"}}, "lists files", id="file outside the folder"),
    ],
)
def test_card_that_is_not_one_is_refused(copied, changes, complaint):
    card = json.loads((copied / "card.json").read_text())
    (copied / "card.json").write_text(json.dumps({**card, **changes}))

    with pytest.raises(ArtefactInvalidError, match=complaint):
        load_release(copied)


def test_folder_of_another_version_is_refused(copied):
    moved = copied.rename(copied.with_name("3.0.0"))

    with pytest.raises(ArtefactInvalidError, match=r"card is of tg 1\.0\.0"):
        load_release(moved)


@pytest.mark.parametrize(
    "array", [np.zeros((10, 7), np.uint8), np.zeros((10, 256), np.int32), np.zeros((0, 256), np.uint8)]
)
def test_fingerprints_of_another_shape_are_refused(copied, array):
    np.save(copied / "fingerprints.npy", array)
    card = json.loads((copied / "card.json").read_text())
    card["files"]["fingerprints.npy"] = hashlib.sha256((copied / "fingerprints.npy").read_bytes()).hexdigest()
    (copied / "card.json").write_text(json.dumps(card))

    with pytest.raises(ArtefactInvalidError, match="expected uint8"):
        _ = load_release(copied).neighbours


def test_versions_are_ordered_by_number(shipped):
    assert released_versions(shipped, "tg") == ["1.0.0", "1.1.0", "1.10.0"]
    assert find_release(shipped, WantedModel("tg")).name == "1.10.0"
    with pytest.raises(ArtefactInvalidError, match="version any is not among"):
        find_release(shipped, WantedModel("iri"))


@pytest.mark.parametrize("text", ["", "tg@", "tg@1", "TG", "../tg", "tg@1.0.0@2", "tg@01.0.0"])
def test_wanted_model_of_another_form_is_refused(text):
    with pytest.raises(SettingInvalidError):
        parse_wanted(text)
