"""The released models: what their cards claim, and that they come out of the data again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model_server.data.manifest import load_manifest
from model_server.data.samples import build_samples
from model_server.data.table import load_table
from model_server.export.graph import export_blend
from model_server.features.recipes import find_recipe
from model_server.registry.card import digest_of
from model_server.registry.comparison import compare_points
from model_server.registry.folder import WantedModel, find_release, load_release
from model_server.registry.session import open_session
from model_server.train.blend import fit_blend
from model_server.train.catalogue import PLANS
from model_server.train.settings import RELEASED_DIR

REPOSITORY = Path(__file__).resolve().parents[3]
NAMES = sorted(PLANS)


def load(name: str):
    return load_release(find_release(RELEASED_DIR, WantedModel(name)))


@pytest.fixture(scope="module", params=NAMES)
def release(request):
    return load(request.param)


def fit(name: str, data_dir: Path, seed: int):
    plan, recipe = PLANS[name], find_recipe(PLANS[name].recipe)
    samples = build_samples(load_table(load_manifest(plan.manifest), data_dir), recipe)
    x = samples.matrix(recipe)
    return x, fit_blend(x, samples.values, seed=seed, smooth=recipe.smooth, settings=plan.blend)


def test_card_fits_the_plan_and_the_recipe_of_this_code(release):
    card = release.card
    plan = PLANS[card.model.name]

    assert (card.model.family, card.model.variant, card.model.selector) == (plan.family, plan.variant, plan.selector)
    assert card.features.columns == find_recipe(card.features.recipe).columns
    assert card.intervals.holdouts >= 20


def test_verdict_follows_from_the_figures_and_is_told(release):
    found = release.card.evaluation

    beaten = [sentence.startswith("beats") for sentence in found.because]
    assert found.beats_baseline is all(beaten)
    assert found.promotable is found.beats_baseline
    page = (Path(release.where) / "card.md").read_text()
    assert ("does NOT beat" in page) is not found.beats_baseline
    assert all(("MISSED" in page) or gate.met for gate in found.gates)


def test_every_asked_figure_is_in_the_card(release):
    plan = PLANS[release.card.model.name]
    names = {gate.name for gate in release.card.evaluation.gates}

    assert {f"{wanted.figure} by {wanted.split}" for wanted in plan.wanted} <= names
    assert {"coverage at 80%", "coverage at 90%", "coverage at 95%"} <= names


def test_released_tg_reaches_what_was_asked_for():
    for name in ("tg", "tg-tm"):
        gates = {gate.name: gate for gate in load(name).card.evaluation.gates}
        assert gates["mae by compound"].met
        assert gates["width at 90%"].met
        assert gates["coverage at 90%"].met


def test_released_graph_passed_its_gate_and_is_small(release):
    parity = release.card.parity

    assert parity.random_rows == 10_000
    assert parity.prediction_difference <= parity.prediction_limit == 1e-3
    assert len(release.model) < 2_000_000


def test_warm_up_rows_give_the_answers_of_the_card(release):
    session = open_session(release.model, where=release.where)
    rows = np.array([known.features for known in release.card.warm_up], dtype=np.float32)

    prediction, scale = session.run(rows)

    assert prediction == pytest.approx([known.prediction for known in release.card.warm_up], abs=0.01)
    assert scale == pytest.approx([known.scale for known in release.card.warm_up], abs=0.05)


def test_released_model_compared_with_itself_is_no_better(release):
    points = json.loads((Path(release.where) / "points.json").read_bytes())

    assert len(points) == release.card.data.compounds
    assert compare_points(release.points, release.points, seed=1).verdict == "no difference shown"


def test_no_value_of_the_copyleft_set_is_tied_to_a_structure():
    """It should hold hashes and answers only, because the licence of the set is not that of this repository."""
    for name in ("iri-amino", "iri-glyco2"):
        folder = Path(load(name).where)
        known = json.loads((folder / "known.json").read_bytes())
        assert all(len(key) == 27 and key.count("-") == 2 for key in known)
        assert set(json.loads((folder / "points.json").read_bytes())[0]) == {
            "key", "actual", "predicted", "scale", "in_domain",
        }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_training_on_the_real_set_gives_the_released_graph_again(name, data_dir):
    """Only the final fit and the export. It should be the same numbers rather than the same bytes, because linear
    algebra rounds differently from one kind of processor to the next."""
    release = load(name)

    x, fitted = fit(name, data_dir, release.card.training.seed)

    content = export_blend(fitted, features=len(release.card.features.columns))
    again = np.stack(open_session(content, where="again").run(x))
    released = np.stack(open_session(release.model, where=release.where).run(x))
    assert len(content) == len(release.model)
    assert np.abs(again - released).max() <= 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_released_graph_agrees_with_its_model_on_the_real_set(name, data_dir):
    release = load(name)
    x, fitted = fit(name, data_dir, release.card.training.seed)

    prediction, scale = open_session(release.model, where=release.where).run(x)

    point, spread = fitted.predict(x)
    assert prediction == pytest.approx(point, abs=1e-3)
    assert scale == pytest.approx(spread, abs=1e-2)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_trainings_with_different_hash_seeds_give_the_released_folder(data_dir, tmp_path):
    release = load("iri-amino")
    found = []
    for hash_seed in ("1", "2"):
        out = tmp_path / hash_seed
        subprocess.run(
            [sys.executable, "-m", "model_server.train", "iri-amino", "--data-dir", data_dir, "--out", out],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
        )
        (folder,) = (out / "iri-amino").iterdir()
        found.append({entry.name: digest_of(entry.read_bytes()) for entry in folder.iterdir()})

    first, second = found
    assert first == second
    assert first.keys() == release.files.keys() | {"card.json"}
