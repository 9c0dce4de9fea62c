"""A small synthetic data set and a model released from it; no data file is needed to test the whole path."""

import os
from pathlib import Path

import pytest

from model_server.data.compounds import CompoundSet, merge_measurements
from model_server.data.manifest import Manifest, load_manifest
from model_server.data.table import Measurement
from model_server.export.folder import WrittenRelease
from model_server.features.molecules import parse_molecule, silence_library_log
from model_server.train.settings import TrainSettings
from model_server.train.tg import train_on

REPOSITORY = Path(__file__).resolve().parents[3]


def toy_smiles() -> list[str]:
    """Six families of ten chain lengths: two without a ring, four with one ring each, so five scaffolds."""
    families = ("C{}O", "C{}C(=O)O", "C{}C1CCCCC1", "C{}C1CCCC1", "C{}c1ccccc1", "C{}C1CCOCC1")
    return [family.format("C" * length) for family in families for length in range(1, 11)]


def toy_value(smiles: str) -> float:
    """A made-up Tg that grows with size and with oxygen, so that a forest can learn it."""
    return 80.0 + 7.0 * smiles.upper().count("C") + 25.0 * smiles.count("O")


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    return load_manifest("tg_koop")


@pytest.fixture(scope="session")
def toy_compounds(manifest: Manifest) -> CompoundSet:
    silence_library_log()
    rows = [
        Measurement(line, parse_molecule(smiles), toy_value(smiles) + shift)
        for line, smiles in enumerate(toy_smiles())
        for shift in (-1.0, 1.0)
    ]
    return merge_measurements(manifest, rows)


@pytest.fixture(scope="session")
def toy_release(toy_compounds: CompoundSet, tmp_path_factory: pytest.TempPathFactory) -> WrittenRelease:
    """One real training run, export and parity gate included, shared by every test that only reads it."""
    out = tmp_path_factory.mktemp("released")
    settings = TrainSettings(data_dir=out, out_dir=out, repeats=1, holdouts=2)
    return train_on(toy_compounds, settings, lambda _line: None)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets, where this machine has one."""
    candidates = [os.environ.get("CRYO_DATA_DIR"), REPOSITORY.parent / "shared" / "data"]
    for candidate in candidates:
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    pytest.skip("no data folder: set CRYO_DATA_DIR to run the checks on the real Tg set")
