import hashlib
import os
from pathlib import Path

import msgspec
import pytest

from model_server.data.compounds import merge_measurements
from model_server.data.manifest import Manifest
from model_server.data.table import load_measurements, parse_measurements, resolve_data_dir
from model_server.errors import DatasetInvalidError, DatasetMissingError

HEADER = "Species,SMILES,Tg (K),Tm_exp (K)\n"
GOOD = HEADER + "glycerol,OCC(O)CO,190,291\nethanol,CCO,96,\n"


@pytest.fixture
def toy(manifest: Manifest) -> Manifest:
    digest = hashlib.sha256(GOOD.encode()).hexdigest()
    return msgspec.structs.replace(manifest, path="toy.csv", rows=2, sha256=digest)


def test_good_rows_are_read_with_their_line_and_value(toy):
    rows = parse_measurements(toy, GOOD)

    assert [(row.line, row.molecule.canonical, row.value) for row in rows] == [(2, "OCC(O)CO", 190.0), (3, "CCO", 96.0)]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        pytest.param("Tg (K)", "Tg (C)", "header", id="another unit in the header"),
        pytest.param("ethanol,CCO,96,\n", "", "1 rows, the manifest says 2", id="row missing"),
        pytest.param("OCC(O)CO", "OCC(O", "line 2: 'OCC\\(O' is not a valid SMILES", id="not a molecule"),
        pytest.param(",96,", ",-177,", "line 3: Tg \\(K\\): -177.0 is outside 20.0 to 1000.0 K", id="celsius"),
        pytest.param(",96,", ",warm,", "'warm' is not a number", id="text for a number"),
        pytest.param(",96,", ",,", "'' is not a number", id="target empty"),
        pytest.param(",96,", ",nan,", "outside", id="target NaN"),
        pytest.param(",96,\n", ",96\n", "3 cells, expected 4", id="cell missing"),
        pytest.param(",291", ",9000", "Tm_exp", id="melting point out of range"),
    ],
)
def test_bad_table_is_refused_with_line_and_reason(toy, old, new, complaint):
    with pytest.raises(DatasetInvalidError, match=complaint):
        parse_measurements(toy, GOOD.replace(old, new))


def test_file_with_another_checksum_is_refused(toy, tmp_path):
    (tmp_path / "toy.csv").write_text(GOOD.replace("190", "191"))

    with pytest.raises(DatasetInvalidError, match="sha256"):
        load_measurements(toy, tmp_path)


def test_matching_file_is_loaded(toy, tmp_path):
    (tmp_path / "toy.csv").write_text(GOOD)

    assert len(load_measurements(toy, tmp_path)) == 2


def test_absent_file_names_where_to_get_it(toy, tmp_path):
    with pytest.raises(DatasetMissingError, match="U0M0Z/tgpipe") as caught:
        load_measurements(toy, tmp_path)

    assert caught.value.exit_code == 70


@pytest.mark.parametrize("environment", [{}, {"CRYO_DATA_DIR": ""}], ids=["unset", "empty"])
def test_no_data_folder_names_both_ways_to_give_one(environment):
    with pytest.raises(DatasetMissingError, match="--data-dir or set CRYO_DATA_DIR"):
        resolve_data_dir(None, environment)


def test_argument_wins_over_environment(tmp_path):
    assert resolve_data_dir(tmp_path, {"CRYO_DATA_DIR": os.sep}) == tmp_path


def test_environment_is_used_without_argument(tmp_path):
    assert resolve_data_dir(None, {"CRYO_DATA_DIR": str(tmp_path)}) == tmp_path


def test_data_folder_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(DatasetMissingError, match="is not a folder"):
        resolve_data_dir(tmp_path / "absent", {})


def test_real_tg_set_matches_its_manifest(manifest, data_dir: Path):
    compounds = merge_measurements(manifest, load_measurements(manifest, data_dir))

    assert compounds.measurements == 415
    assert len(compounds) == 294
    assert compounds.unit == "K"
    assert compounds.values.min() == pytest.approx(48.99)
    assert compounds.values.max() == pytest.approx(433.0)
