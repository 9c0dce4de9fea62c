"""A small synthetic data set and a model released from it; no data file is needed to test the whole path."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from model_server.data.manifest import Manifest, load_manifest
from model_server.data.samples import Samples, merge_entries, molecule_entry
from model_server.export.folder import WrittenRelease
from model_server.features.molecules import parse_molecule, silence_library_log
from model_server.train.catalogue import PLANS, ModelPlan
from model_server.train.forest import ForestSettings
from model_server.train.run import train_on
from model_server.train.settings import TrainSettings

REPOSITORY = Path(__file__).resolve().parents[3]


def toy_smiles() -> list[str]:
    """Six families of ten chain lengths: two without a ring, four with one ring each, so five scaffolds."""
    families = ("C{}O", "C{}C(=O)O", "C{}C1CCCCC1", "C{}C1CCCC1", "C{}c1ccccc1", "C{}C1CCOCC1")
    return [family.format("C" * length) for family in families for length in range(1, 11)]


def toy_value(smiles: str) -> float:
    """A made-up Tg that grows with size and with oxygen, so that a model can learn it."""
    return 80.0 + 7.0 * smiles.upper().count("C") + 25.0 * smiles.count("O")


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    return load_manifest("tg_koop")


@pytest.fixture(scope="session")
def toy_samples(manifest: Manifest) -> Samples:
    silence_library_log()
    entries = [
        molecule_entry(parse_molecule(smiles), toy_value(smiles) + shift)
        for smiles in toy_smiles()
        for shift in (-1.0, 1.0)
    ]
    return merge_entries(manifest, entries)


@pytest.fixture(scope="session")
def toy_plan() -> ModelPlan:
    """The Tg plan with small forests: what is tested is the path, not the accuracy."""
    tg = PLANS["tg"]
    return replace(tg, blend=replace(tg.blend, forest=ForestSettings(trees=10)), wanted=tg.wanted[:1])


@pytest.fixture(scope="session")
def toy_release(toy_plan: ModelPlan, toy_samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> WrittenRelease:
    """One real training run, export and parity gate included, shared by every test that only reads it."""
    out = tmp_path_factory.mktemp("released")
    return train_on(toy_plan, toy_samples, TrainSettings(data_dir=out, out_dir=out, repeats=1, holdouts=2))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets, where this machine has one."""
    candidates = [os.environ.get("CRYO_DATA_DIR"), REPOSITORY.parent / "shared" / "data"]
    for candidate in candidates:
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    pytest.skip("no data folder: set CRYO_DATA_DIR to run the checks on the real sets")
