import hashlib
import math
import os

import msgspec
import pytest

from model_server.data.manifest import Defect, Manifest
from model_server.data.table import load_table, parse_table, resolve_data_dir
from model_server.errors import DatasetInvalidError, DatasetMissingError

HEADER = "Species,SMILES,Tg (K),Tm_exp (K)\n"
GOOD = HEADER + "glycerol,OCC(O)CO,190,291\nethanol,CCO,96,\n"


@pytest.fixture
def toy(manifest: Manifest) -> Manifest:
    digest = hashlib.sha256(GOOD.encode()).hexdigest()
    return msgspec.structs.replace(manifest, path="toy.csv", rows=2, sha256=digest, defects=())


def with_defects(toy: Manifest, *defects: Defect) -> Manifest:
    return msgspec.structs.replace(toy, defects=defects)


def test_good_rows_are_read_with_their_line_molecule_and_value(toy):
    rows = parse_table(toy, GOOD).rows

    assert [(row.line, row.molecule("SMILES").canonical) for row in rows] == [(2, "OCC(O)CO"), (3, "CCO")]
    assert [row.number("Tg (K)") for row in rows] == [190.0, 96.0]
    assert math.isnan(rows[1].number("Tm_exp (K)"))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        pytest.param("Tg (K)", "Tg (C)", r"misses \['Tg \(K\)'\], has unexpected \['Tg \(C\)'\]", id="unit in header"),
        pytest.param("ethanol,CCO,96,\n", "", "1 rows, the manifest says 2", id="row missing"),
        pytest.param("OCC(O)CO", "OCC(O", "toy.csv.*line 2: SMILES: 'OCC\\(O' is not a valid", id="not a molecule"),
        pytest.param(",96,", ",-177,", "toy.csv.*line 3: Tg \\(K\\): -177.0 is outside 20.0 to 1000.0 K", id="celsius"),
        pytest.param(",96,", ",warm,", "'warm' is not a number", id="text for a number"),
        pytest.param(",96,", ",,", "'' is not a number", id="target empty"),
        pytest.param(",96,", ",nan,", "outside", id="target NaN"),
        pytest.param(",96,\n", ",96\n", "3 cells, expected 4", id="cell missing"),
        pytest.param(",291", ",9000", "Tm_exp", id="melting point out of range"),
    ],
)
def test_bad_table_is_refused_with_file_line_column_and_reason(toy, old, new, complaint):
    with pytest.raises(DatasetInvalidError, match=complaint):
        parse_table(toy, GOOD.replace(old, new))


def test_known_bad_row_is_dropped_with_its_reason(toy):
    told = with_defects(toy, Defect("Species", "no carbon", values=("ethanol",)))

    table = parse_table(told, GOOD)

    assert [row.text("Species") for row in table.rows] == ["glycerol"]
    assert table.excluded == ("1 rows, dropped: no carbon",)


def test_cell_that_contradicts_another_is_blanked(toy):
    told = with_defects(toy, Defect("Tm_exp (K)", "hydrate", below="Tg (K)", action="blank"))

    table = parse_table(told, GOOD.replace("291", "150"))

    assert math.isnan(table.rows[0].number("Tm_exp (K)"))
    assert table.excluded == ("1 rows, cell blanked: hydrate",)


def test_misread_unit_is_corrected_below_its_limit_only(toy):
    told = with_defects(toy, Defect("Tg (K)", "kK", under=100.0, action="multiply", factor=2.0))

    values = [row.number("Tg (K)") for row in parse_table(told, GOOD).rows]

    assert values == [190.0, 192.0]


def test_dropped_row_counts_once_and_is_not_repaired(toy):
    told = with_defects(
        toy,
        Defect("Tg (K)", "kK", under=100.0, action="multiply", factor=2.0),
        Defect("Species", "first", values=("ethanol",)),
        Defect("SMILES", "second", values=("CCO",)),
    )

    assert parse_table(told, GOOD).excluded == ("1 rows, dropped: first",)


def test_file_with_another_checksum_is_refused(toy, tmp_path):
    (tmp_path / "toy.csv").write_text(GOOD.replace("190", "191"))

    with pytest.raises(DatasetInvalidError, match="sha256"):
        load_table(toy, tmp_path)


def test_absent_file_names_where_to_get_it(toy, tmp_path):
    with pytest.raises(DatasetMissingError, match=r"cryo data fetch.*U0M0Z/tgpipe") as caught:
        load_table(toy, tmp_path)

    assert caught.value.exit_code == 70


@pytest.mark.parametrize("environment", [{}, {"CRYO_DATA_DIR": ""}], ids=["unset", "empty"])
def test_no_data_folder_names_both_ways_to_give_one(environment):
    with pytest.raises(DatasetMissingError, match="--data-dir or set CRYO_DATA_DIR"):
        resolve_data_dir(None, environment)


def test_argument_wins_over_environment(tmp_path):
    assert resolve_data_dir(tmp_path, {"CRYO_DATA_DIR": os.sep}) == tmp_path


def test_data_folder_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(DatasetMissingError, match="is not a folder"):
        resolve_data_dir(tmp_path / "absent", {})
