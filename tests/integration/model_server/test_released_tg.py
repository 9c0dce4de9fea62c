"""The released Tg model: what its card claims, and that it comes out of the data again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model_server.data.compounds import merge_measurements
from model_server.data.manifest import load_manifest
from model_server.data.table import load_measurements
from model_server.export.graph import export_forest
from model_server.features.descriptors import COLUMNS, describe_molecules
from model_server.features.fingerprints import pack_fingerprints
from model_server.registry.card import digest_of
from model_server.registry.folder import WantedModel, find_release, load_release
from model_server.registry.session import open_session
from model_server.train.forest import ForestSettings, fit_forest
from model_server.train.settings import RELEASED_DIR

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def release():
    return load_release(find_release(RELEASED_DIR, WantedModel("tg")))


@pytest.fixture(scope="module")
def compounds(data_dir):
    manifest = load_manifest("tg_koop")
    return merge_measurements(manifest, load_measurements(manifest, data_dir))


def test_released_model_beats_the_median_and_says_by_how_much(release):
    found = release.card.evaluation

    assert found.beats_baseline
    assert found.by_compound.mae.high < 18.3, "the published XGBoost model on the same data errs by 18.3 K"
    assert found.by_compound_median.mae.low > 70.0


@pytest.mark.parametrize("index", range(3))
def test_released_intervals_keep_their_promise(release, index):
    level = release.card.intervals.levels[index]

    assert level.level - 0.03 <= level.coverage <= level.level + 0.05
    assert release.card.intervals.holdouts >= 20


def test_ninety_percent_interval_is_at_most_70_kelvin_wide(release):
    assert release.card.intervals.levels[1].width <= 70.0


def test_domain_flag_earns_its_name(release):
    domain = release.card.domain

    assert domain.mae_outside >= 1.5 * domain.mae_inside


def test_released_graph_is_small(release):
    assert len(release.model) < 1_500_000


def test_released_graph_passed_its_gate(release):
    parity = release.card.parity

    assert parity.random_rows == 10_000
    assert parity.prediction_difference <= 1e-3


def test_no_released_file_holds_data_rows(release):
    folder = Path(release.where)

    assert {entry.name for entry in folder.iterdir()} == {"card.json", "card.md", "fingerprints.npy", "model.onnx"}
    known = {warm.smiles for warm in release.card.warm_up}
    assert len(known) <= 10


def test_training_on_the_real_set_gives_the_released_graph_again(release, compounds):
    """Only the final fit and the export: what decides the bytes of model.onnx."""
    x = describe_molecules(compounds.molecules)

    fitted = fit_forest(x, compounds.values, seed=release.card.training.seed, settings=ForestSettings())

    assert digest_of(export_forest(fitted, features=len(COLUMNS))) == digest_of(release.model)
    assert np.array_equal(pack_fingerprints(compounds.molecules), release.fingerprints)


def test_released_graph_agrees_with_scikit_learn_on_the_real_set(release, compounds):
    x = describe_molecules(compounds.molecules)
    fitted = fit_forest(x, compounds.values, seed=release.card.training.seed, settings=ForestSettings())

    prediction, scale = open_session(release.model, where=release.where).run(x)

    point, spread = fitted.predict(x)
    assert prediction == pytest.approx(point, abs=1e-3)
    assert scale == pytest.approx(spread, abs=1e-2)


@pytest.mark.slow
def test_two_trainings_with_different_hash_seeds_give_the_released_folder(release, data_dir, tmp_path):
    digests = []
    for hash_seed in ("1", "2"):
        out = tmp_path / hash_seed
        subprocess.run(
            [sys.executable, "-m", "model_server.train", "tg", "--data-dir", data_dir, "--out", out],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
        )
        digests.append({entry.name: digest_of(entry.read_bytes()) for entry in (out / "tg" / "1.0.0").iterdir()})

    first, second = digests
    assert first == second
    assert json.loads((tmp_path / "1" / "tg" / "1.0.0" / "card.json").read_text())["model"]["name"] == "tg"
    assert first["model.onnx"] == digest_of(release.model)
