"""Training on synthetic compounds; the real set is trained in tests/integration/model_server."""

import shutil

import pytest

from model_server.errors import DatasetMissingError
from model_server.train.__main__ import main
from model_server.train.settings import TrainSettings
from model_server.train.tg import WARM_UP_SMILES, train_on, train_tg


def test_card_holds_what_a_reader_needs(toy_release):
    card = toy_release.card

    assert card.model.unit == "K"
    assert card.data.compounds == 60
    assert card.data.measurements == 120
    assert card.data.repeat_range_mean == 2.0
    assert card.features.library == "rdkit"
    assert set(card.training.libraries) >= {"rdkit", "scikit-learn", "skl2onnx", "onnxruntime", "numpy"}
    assert [level.level for level in card.intervals.levels] == [0.8, 0.9, 0.95]
    assert [known.smiles for known in card.warm_up] == list(WARM_UP_SMILES)
    assert card.evaluation.beats_baseline


def test_quantiles_grow_with_the_level(toy_release):
    quantiles = [level.quantile for level in toy_release.card.intervals.levels]

    assert quantiles == sorted(quantiles)
    assert quantiles[0] > 0


def test_progress_is_told_step_by_step(toy_compounds, tmp_path):
    lines: list[str] = []

    train_on(toy_compounds, TrainSettings(tmp_path, tmp_path, repeats=1, holdouts=1), lines.append)

    assert [line.split(":")[0] for line in lines] == ["accuracy", "accuracy", "intervals", "export", "written"]


def test_absent_data_set_stops_training_before_anything_is_written(tmp_path):
    with pytest.raises(DatasetMissingError):
        train_tg(TrainSettings(data_dir=tmp_path, out_dir=tmp_path / "out"))

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(["tg"], "pass --data-dir or set CRYO_DATA_DIR", id="no data folder"),
        pytest.param(["tg", "--data-dir", "."], "is absent", id="set not in the folder"),
        pytest.param(["tg", "--data-dir", ".", "--version", "x"], "--version", id="bad version"),
    ],
)
def test_command_ends_with_one_message_and_the_permanent_code(arguments, complaint, monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("CRYO_DATA_DIR", raising=False)
    monkeypatch.chdir(tmp_path)

    assert main(arguments) == 70

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert complaint in lines[0]


def test_unknown_model_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["unobtainium"])

    assert caught.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def test_damaged_real_set_is_refused(data_dir, tmp_path):
    source = data_dir / "tg-koop-tgboost" / "Koop_dataset.csv"
    folder = tmp_path / "tg-koop-tgboost"
    folder.mkdir()
    shutil.copy(source, folder)
    copy = folder / source.name
    copy.chmod(0o644)
    copy.write_bytes(copy.read_bytes().replace(b"220", b"221", 1))

    assert main(["tg", "--data-dir", str(tmp_path), "--out", str(tmp_path / "out")]) == 70
    assert not (tmp_path / "out").exists()
