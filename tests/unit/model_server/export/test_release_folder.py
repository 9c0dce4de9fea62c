"""What is written is what the card says, and a released version is never changed."""

import json

import msgspec
import pytest

from model_server.errors import ReleaseExistsError
from model_server.registry.card import Point, decode_card
from model_server.registry.folder import load_release
from model_server.train.run import train_on
from model_server.train.settings import TrainSettings


def settings(out, **more) -> TrainSettings:
    return TrainSettings(data_dir=out, out_dir=out, **{"repeats": 1, "holdouts": 2, **more})


def test_folder_holds_the_contracted_files_and_the_loader_accepts_it(toy_release):
    names = {entry.name for entry in toy_release.folder.iterdir()}

    assert names == {"card.json", "card.md", "model.onnx", "fingerprints.npy", "known.json", "points.json"}
    assert load_release(toy_release.folder).digest == toy_release.digest


def test_points_do_not_tell_which_compound_they_are(toy_release, toy_samples):
    content = (toy_release.folder / "points.json").read_bytes()

    points = msgspec.json.decode(content, type=list[Point])
    assert len(points) == len(toy_samples)
    assert [point.key for point in points] == sorted(point.key for point in points)
    assert not any(key.encode() in content for key in toy_samples.keys if len(key) > 3)


def test_known_names_come_row_by_row_with_the_fingerprints(toy_release, toy_samples):
    assert tuple(json.loads((toy_release.folder / "known.json").read_bytes())) == toy_samples.keys


def test_same_training_again_leaves_the_folder_alone(toy_plan, toy_samples, toy_release):
    again = train_on(toy_plan, toy_samples, settings(toy_release.folder.parent.parent))

    assert again.unchanged
    assert again.digest == toy_release.digest


def test_released_version_is_not_changed_without_being_told(toy_plan, toy_samples, toy_release, tmp_path):
    first = train_on(toy_plan, toy_samples, settings(tmp_path, seed=1))

    with pytest.raises(ReleaseExistsError, match="pass a higher --version"):
        train_on(toy_plan, toy_samples, settings(tmp_path, seed=2))
    replaced = train_on(toy_plan, toy_samples, settings(tmp_path, seed=2, replace=True))

    assert replaced.digest != first.digest
    assert [entry.name for entry in (tmp_path / "tg").iterdir()] == [TrainSettings.version]


def test_page_says_what_a_reader_asks_first(toy_release):
    page = (toy_release.folder / "card.md").read_text()

    for part in ("The model beats its baselines", "## Data", "## Accuracy", "## Prediction intervals", "## Domain"):
        assert part in page
    assert "`cryo model train tg --version" in page


def test_card_survives_its_own_encoding(toy_release):
    content = (toy_release.folder / "card.json").read_bytes()

    assert decode_card(content, where="test") == toy_release.card
