import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from model_server.errors import ArtefactInvalidError, ReleaseExistsError, SettingInvalidError
from model_server.export.page import render_page
from model_server.features.descriptors import COLUMNS
from model_server.registry.card import decode_card, digest_of, encode_card
from model_server.registry.folder import (
    WantedModel,
    check_feature_contract,
    find_release,
    load_release,
    parse_wanted,
    released_versions,
)
from model_server.train.settings import TrainSettings
from model_server.train.tg import train_on


@pytest.fixture
def copied(toy_release, tmp_path) -> Path:
    """A release that a test may damage."""
    folder = tmp_path / "tg" / "1.0.0"
    shutil.copytree(toy_release.folder, folder)
    return folder


def edit_card(folder: Path, **changes) -> None:
    card = json.loads((folder / "card.json").read_text())
    card.update(changes)
    (folder / "card.json").write_text(json.dumps(card))


def test_written_release_loads_and_carries_its_digest(toy_release):
    release = load_release(toy_release.folder)

    assert release.card == toy_release.card
    assert release.digest == toy_release.digest == digest_of((toy_release.folder / "card.json").read_bytes())
    assert release.fingerprints.shape[0] == release.card.data.compounds == 60


def test_released_folder_holds_exactly_four_files(toy_release):
    names = sorted(entry.name for entry in toy_release.folder.iterdir())

    assert names == ["card.json", "card.md", "fingerprints.npy", "model.onnx"]
    assert not [entry for entry in toy_release.folder.parent.iterdir() if entry.name.startswith(".")]


@pytest.mark.parametrize("name", ["model.onnx", "fingerprints.npy", "card.md"])
def test_file_that_differs_from_the_card_is_refused(copied, name):
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)

    with pytest.raises(ArtefactInvalidError, match=f"{name}: sha256 is .*restore the folder"):
        load_release(copied)


@pytest.mark.parametrize("name", ["model.onnx", "fingerprints.npy", "card.md", "card.json"])
def test_absent_file_is_refused_by_name(copied, name):
    (copied / name).unlink()

    with pytest.raises(ArtefactInvalidError, match=f"{name}: No such file"):
        load_release(copied)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"schema": 2}, "schema", id="another schema"),
        pytest.param({"surprise": 1}, "surprise", id="unknown key"),
        pytest.param({"files": {}}, "lists files", id="no files listed"),
        pytest.param({"files": {"../../etc/passwd": "00"}}, "lists files", id="file outside the folder"),
    ],
)
def test_card_with_another_shape_is_refused(copied, changes, complaint):
    edit_card(copied, **changes)

    with pytest.raises(ArtefactInvalidError, match=complaint):
        load_release(copied)


def test_card_that_is_no_json_is_refused(copied):
    (copied / "card.json").write_bytes(b"{")

    with pytest.raises(ArtefactInvalidError, match="restore the folder from a release"):
        load_release(copied)


def test_card_of_another_version_is_refused(copied):
    moved = copied.rename(copied.with_name("1.0.1"))

    with pytest.raises(ArtefactInvalidError, match=r"card is of tg 1\.0\.0"):
        load_release(moved)


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        pytest.param(np.zeros((3, 256), np.uint8), "expected uint8", id="another number of compounds"),
        pytest.param(np.zeros((60, 256), np.float32), "expected uint8", id="another type"),
        pytest.param(np.array([{"code": 1}], dtype=object), "allow_pickle=False", id="pickled objects"),
    ],
)
def test_fingerprints_of_another_shape_are_refused(copied, block, complaint):
    buffer = io.BytesIO()
    np.save(buffer, block, allow_pickle=True)
    (copied / "fingerprints.npy").write_bytes(buffer.getvalue())
    card = json.loads((copied / "card.json").read_text())
    card["files"]["fingerprints.npy"] = digest_of(buffer.getvalue()).removeprefix("sha256:")
    edit_card(copied, files=card["files"])

    with pytest.raises(ArtefactInvalidError, match=complaint):
        load_release(copied)


def test_version_that_is_no_version_is_refused(toy_release):
    identity = msgspec.structs.replace(toy_release.card.model, version="1.0")
    content = encode_card(msgspec.structs.replace(toy_release.card, model=identity))

    with pytest.raises(ArtefactInvalidError, match=r"'1\.0' is not of the form"):
        decode_card(content, where="card")


def test_encoding_a_card_twice_gives_the_same_bytes(toy_release):
    content = encode_card(toy_release.card)

    assert encode_card(decode_card(content, where="card")) == content


def test_other_columns_or_library_version_are_refused(toy_release):
    card = toy_release.card
    version = card.features.library_version

    check_feature_contract(card, columns=COLUMNS, library_version=version, where="here")
    with pytest.raises(ArtefactInvalidError, match="feature columns differ"):
        check_feature_contract(card, columns=COLUMNS[:-1], library_version=version, where="here")
    with pytest.raises(ArtefactInvalidError, match=r"this process has 1999\.1"):
        check_feature_contract(card, columns=COLUMNS, library_version="1999.1", where="here")


@pytest.mark.parametrize(("text", "expected"), [("tg", WantedModel("tg")), ("tg@1.10.0", WantedModel("tg", "1.10.0"))])
def test_wanted_model_is_a_name_with_or_without_version(text, expected):
    assert parse_wanted(text) == expected


@pytest.mark.parametrize("text", ["", "TG", "tg@", "tg@1", "../tg", "tg@1.0.0/..", "tg@01.0.0"])
def test_malformed_wanted_model_is_refused(text):
    with pytest.raises(SettingInvalidError, match="CRYO_MODELS"):
        parse_wanted(text)


def test_newest_version_is_chosen_by_number_not_by_text(tmp_path):
    for version in ("1.2.0", "1.10.0", "1.9.9", "notes"):
        (tmp_path / "tg" / version).mkdir(parents=True)

    assert released_versions(tmp_path, "tg") == ["1.2.0", "1.9.9", "1.10.0"]
    assert find_release(tmp_path, WantedModel("tg")).name == "1.10.0"
    assert find_release(tmp_path, WantedModel("tg", "1.2.0")).name == "1.2.0"


@pytest.mark.parametrize("wanted", [WantedModel("tg", "9.0.0"), WantedModel("iri")])
def test_unreleased_model_is_refused_with_what_there_is(tmp_path, wanted):
    (tmp_path / "tg" / "1.0.0").mkdir(parents=True)

    with pytest.raises(ArtefactInvalidError, match="cryo model train"):
        find_release(tmp_path, wanted)


def test_training_again_changes_nothing(toy_release, toy_compounds):
    out = toy_release.folder.parent.parent
    before = {entry.name: entry.stat().st_mtime_ns for entry in toy_release.folder.iterdir()}

    again = train_on(toy_compounds, TrainSettings(out, out, repeats=1, holdouts=2), lambda _line: None)

    assert again.unchanged
    assert again.digest == toy_release.digest
    assert {entry.name: entry.stat().st_mtime_ns for entry in toy_release.folder.iterdir()} == before


def test_released_version_is_not_overwritten_unless_asked(copied, toy_compounds):
    out = copied.parent.parent
    settings = TrainSettings(out, out, seed=1, repeats=1, holdouts=1)
    before = (copied / "card.json").read_bytes()

    with pytest.raises(ReleaseExistsError, match="--replace"):
        train_on(toy_compounds, settings, lambda _line: None)
    assert (copied / "card.json").read_bytes() == before

    written = train_on(toy_compounds, replace(settings, replace=True), lambda _line: None)
    assert load_release(copied).digest == written.digest != digest_of(before)


def test_failed_write_leaves_nothing_behind(copied, toy_compounds, monkeypatch):
    out = copied.parent.parent
    monkeypatch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError("disk full")))

    with pytest.raises(OSError, match="disk full"):
        train_on(toy_compounds, TrainSettings(out, out, version="2.0.0", repeats=1, holdouts=1), lambda _line: None)

    assert [entry.name for entry in copied.parent.iterdir()] == ["1.0.0"]


def test_page_tells_the_figures_of_the_card(toy_release):
    page = (toy_release.folder / "card.md").read_text()
    card = toy_release.card

    assert f"{card.evaluation.by_compound.mae.value:.1f} K" in page
    assert "The model beats this baseline." in page
    assert card.data.licence in page
    assert all(failure in page for failure in card.model.known_failures)
    assert "| 90% |" in page


def test_page_says_so_when_the_baseline_is_not_beaten(toy_release):
    worse = msgspec.structs.replace(toy_release.card.evaluation, beats_baseline=False)
    domain = msgspec.structs.replace(toy_release.card.domain, mae_outside=None, default_level_coverage_outside=None)

    page = render_page(msgspec.structs.replace(toy_release.card, evaluation=worse, domain=domain))

    assert "The model does NOT beat this baseline." in page
    assert "outside not measured" in page


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [({"version": "1"}, "--version"), ({"repeats": 0}, "at least 1"), ({"seed": -1}, "--seed")],
)
def test_training_settings_outside_their_range_are_refused(tmp_path, changes, complaint):
    with pytest.raises(SettingInvalidError, match=complaint):
        TrainSettings(tmp_path, **changes)
