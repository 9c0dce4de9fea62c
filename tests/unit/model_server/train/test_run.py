"""Training on synthetic compounds; the real sets are trained in tests/integration/model_server."""

import hashlib
import json
import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest

from model_server.data import samples
from model_server.data.manifest import load_manifest
from model_server.data.samples import composition_entry, merge_entries, molecule_entry
from model_server.data.table import Table
from model_server.errors import (
    DatasetInvalidError,
    DatasetMissingError,
    SettingInvalidError,
    TrainingCancelledError,
)
from model_server.features.molecules import parse_molecule
from model_server.features.recipes import find_recipe
from model_server.train import run
from model_server.train.blend import BlendSettings, blend_learner
from model_server.train.catalogue import PLANS, find_plan
from model_server.train.command import main
from model_server.train.forest import ForestSettings
from model_server.train.progress import print_json, stop_on_sigterm
from model_server.train.run import prepare, train_model, train_on
from model_server.train.search import nested_predictions, search_settings
from model_server.train.settings import TrainSettings


def test_card_holds_what_a_reader_needs(toy_release):
    card = toy_release.card

    assert (card.model.name, card.model.family, card.model.unit) == ("tg", "tg", "K")
    assert card.data.compounds == 60
    assert card.data.measurements == 120
    assert card.data.repeat_range_mean == 2.0
    assert card.features.library == "rdkit"
    assert set(card.training.libraries) >= {"rdkit", "scikit-learn", "skl2onnx", "onnxruntime", "numpy"}
    assert [level.level for level in card.intervals.levels] == [0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    assert [split.name for split in card.evaluation.splits] == ["compound", "scaffold"]
    assert card.evaluation.primary.name == "compound"
    assert card.evaluation.beats_baseline
    assert card.evaluation.promotable
    assert len(card.drift) == len(card.features.columns) + 1


def test_quantiles_grow_with_the_level_and_outside_the_domain(toy_release):
    levels = toy_release.card.intervals.levels

    assert [level.quantile for level in levels] == sorted(level.quantile for level in levels)
    assert all(level.quantile_outside >= level.quantile > 0 for level in levels)


def test_warm_up_rows_are_the_exact_rows_of_the_recipe(toy_release):
    recipe = find_recipe(toy_release.card.features.recipe)

    assert all(len(known.features) == len(recipe.columns) for known in toy_release.card.warm_up)


def test_model_that_learned_nothing_says_so_and_is_not_promotable(toy_plan, toy_samples, tmp_path):
    shuffled = replace(toy_samples, values=np.random.default_rng(0).permutation(toy_samples.values))

    written = train_on(toy_plan, shuffled, TrainSettings(tmp_path, tmp_path, repeats=1, holdouts=1))

    assert not written.card.evaluation.beats_baseline
    assert not written.card.evaluation.promotable
    assert "does NOT beat" in (written.folder / "card.md").read_text()


def test_compositions_are_trained_with_a_nearest_row_domain(tmp_path):
    rng = np.random.default_rng(1)
    entries = [
        composition_entry({"dmso": float(d), "sucrose": float(s)}, 20.0 + 40.0 * d + 30.0 * s, f"day {n % 5}")
        for n, (d, s) in enumerate(rng.random((60, 2)))
    ]
    plan = PLANS["viability-wetlab"]
    plan = replace(plan, blend=replace(plan.blend, forest=ForestSettings(10, 2, 2, 0.5)))
    samples = merge_entries(load_manifest("viability_wetlab"), entries)

    written = train_on(plan, samples, TrainSettings(tmp_path, tmp_path, repeats=1, holdouts=2))

    domain = written.card.domain
    assert domain.kind == "knn"
    assert len(domain.axes) == len(domain.centre) == len(domain.spread)
    assert {entry.name for entry in written.folder.iterdir()} >= {"reference.npy", "known.json"}
    # Every day is held out once, though fewer holdouts were asked for.
    assert written.card.evaluation.primary.folds == 5
    assert written.card.model.upper_bound == 100.0


def test_progress_is_told_step_by_step_to_programs(toy_plan, toy_samples, tmp_path):
    lines: list[str] = []

    train_on(toy_plan, toy_samples, TrainSettings(tmp_path, tmp_path, repeats=1, holdouts=1), print_json(lines.append))

    steps = [json.loads(line) for line in lines]
    assert [step["step"] for step in steps] == [
        "settings", "accuracy", "splits", "intervals", "importance", "export", "write",
    ]  # fmt: skip
    assert [step["done"] for step in steps] == list(range(7))
    assert {step["of"] for step in steps} == {7}


def test_cancelled_training_writes_nothing(toy_plan, toy_samples, tmp_path):
    asked: list[int] = []

    def third_time() -> bool:
        asked.append(1)
        return len(asked) == 3

    with pytest.raises(TrainingCancelledError, match="nothing was written"):
        train_on(
            toy_plan,
            toy_samples,
            TrainSettings(tmp_path, tmp_path / "out", repeats=1, holdouts=1),
            cancelled=third_time,
        )

    assert not (tmp_path / "out").exists()


def test_sigterm_stops_the_run_with_a_permanent_error():
    before = signal.getsignal(signal.SIGTERM)
    try:
        stop_on_sigterm()
        with pytest.raises(TrainingCancelledError, match="nothing was written"):
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_search_returns_settings_and_the_nested_score_pays_for_it(toy_plan, toy_samples):
    prepared = prepare(toy_plan, toy_samples)
    start = BlendSettings(share=1.0, scale_floor=10.0, forest=ForestSettings(trees=5))
    given = {"smooth": 18, "start": start, "trials": 2, "seed": 3}
    split = toy_samples.primary

    found = search_settings(prepared.x, toy_samples.values, folds=list(split.folds(1)), **given)
    outcome = nested_predictions(prepared.x, toy_samples.values, split=toy_samples.splits[1], **given)

    assert found.share == 1.0
    assert 1 <= found.forest.min_samples_leaf <= 8
    assert np.isfinite(outcome.point).all()


def test_same_seed_predicts_the_same(toy_plan, toy_samples):
    x = prepare(toy_plan, toy_samples).x
    learner = blend_learner(toy_plan.blend, 18)

    first, again, other = (learner(x, toy_samples.values, seed).predict(x)[0] for seed in (4, 4, 5))

    assert (first == again).all()
    assert (first != other).any()


def test_every_plan_has_a_manifest_a_recipe_and_gates_on_its_own_splits():
    for plan in PLANS.values():
        manifest, recipe = load_manifest(plan.manifest), find_recipe(plan.recipe)
        splits = {rule.name for rule in manifest.splits}
        assert {wanted.split for wanted in plan.wanted} <= splits
        assert {name for name, _ in plan.probe_conditions} <= {condition.name for condition in recipe.conditions}


def test_unknown_model_is_refused_with_the_known_ones():
    with pytest.raises(SettingInvalidError, match="iri-amino"):
        find_plan("unobtainium")


def test_absent_data_set_stops_training_before_anything_is_written(tmp_path):
    with pytest.raises(DatasetMissingError):
        train_model("tg", TrainSettings(data_dir=tmp_path, out_dir=tmp_path / "out"))

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(["tg"], "pass --data-dir or set CRYO_DATA_DIR", id="no data folder"),
        pytest.param(["iri-amino", "--data-dir", "."], "is absent", id="set not in the folder"),
        pytest.param(["tg", "--data-dir", ".", "--version", "x"], "--version", id="bad version"),
        pytest.param(["tg", "--data-dir", ".", "--trials", "51"], "--trials", id="too long a search"),
    ],
)
def test_command_ends_with_one_message_and_the_permanent_code(arguments, complaint, monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("CRYO_DATA_DIR", raising=False)
    monkeypatch.chdir(tmp_path)

    assert main(arguments) == 70

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert complaint in lines[0]


def test_unknown_model_on_the_command_line_is_a_usage_error(capsys):
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


def write_experiments(path, *rows):
    given = {
        "measured_on": "2026-03-01",
        "property_name": "glass_transition_temperature",
        "unit": "K",
        "components": [{"smiles": "CCCCCCCCCCCCO", "amount": 1.0, "unit": "mole fraction"}],
    }
    path.write_text(json.dumps({"rows": [{"experiment_id": f"e{n}", **given, **row} for n, row in enumerate(rows)]}))
    return path


def test_experiments_are_learnt_from_beside_the_data_set_and_the_card_says_so(
    toy_plan, toy_samples, manifest, tmp_path, monkeypatch
):
    """The table is stood in for by the toy rows; everything after it is the real path."""
    entries = [
        molecule_entry(parse_molecule(key), value)
        for key, value in zip(toy_samples.keys, toy_samples.values, strict=True)
    ]
    monkeypatch.setattr(run, "find_plan", lambda _name: toy_plan)
    monkeypatch.setattr(samples, "_read_entry", lambda _manifest, row, _recipe: row)
    monkeypatch.setattr(run, "load_table", lambda _manifest, _folder: Table(manifest, tuple(entries), ()))
    molal = [{"smiles": "CO", "amount": 1.0, "unit": "mol/kg"}]
    path = write_experiments(
        tmp_path / "rows.json", {"value": 189.0}, {"value": 191.0}, {"value": 150.0, "components": molal}
    )

    written = train_model("tg", TrainSettings(tmp_path, tmp_path / "out", repeats=1, holdouts=1, experiments=path))

    data = written.card.data
    assert (data.compounds, data.measurements) == (61, 62)
    assert data.experiments.measurements == 2
    assert data.experiments.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "e2" in data.excluded[-1]
    assert "2 of the measurements are experiments" in (written.folder / "card.md").read_text()


def test_card_without_experiments_is_the_bytes_it_was(toy_release):
    assert b'"experiments"' not in (toy_release.folder / "card.json").read_bytes()


@pytest.mark.parametrize(
    ("content", "error", "reason"),
    [
        (None, DatasetMissingError, "No such file"),
        ("{", DatasetInvalidError, "truncated"),
        ('{"rows": [{"experiment_id": "e"}]}', DatasetInvalidError, "measured_on"),
        ('{"rows": []}', DatasetInvalidError, "none measures"),
    ],
)
def test_experiments_that_cannot_be_used_end_the_training_before_it_begins(tmp_path, content, error, reason):
    path = tmp_path / "rows.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(error, match=reason):
        train_model("tg", TrainSettings(tmp_path, tmp_path / "out", experiments=path))
    assert not (tmp_path / "out").exists()
