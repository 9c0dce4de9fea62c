import hashlib

import pytest

from model_server.data.manifest import load_manifest, manifest_names, parse_manifest
from model_server.data.table import load_table
from model_server.errors import DatasetInvalidError

VALID = """
schema = 2
name = "toy"
title = "Toy"
path = "toy/toy.csv"
sha256 = "00"
rows = 2
columns = [
  { header = "SMILES", role = "molecule", kind = "smiles" },
  { header = "Tg (K)", role = "target", kind = "number", unit = "K" },
]
[source]
origin = "here"
commit = "c0ffee"
licence = "CC0"
cite = []
[[splits]]
name = "compound"
by = "structure"
folds = 10
reason = "repeats"
"""
DEFECT = '[[defects]]\ncolumn = "Tg (K)"\nreason = "odd"\n'


@pytest.mark.parametrize("name", manifest_names())
def test_shipped_manifest_states_origin_licence_citation_and_units(name):
    manifest = load_manifest(name)

    assert manifest.source.origin
    assert manifest.source.licence
    assert manifest.source.cite
    assert len(manifest.sha256) == len(hashlib.sha256().hexdigest())
    assert all(column.unit for column in manifest.columns if column.kind == "number")


@pytest.mark.parametrize("name", manifest_names())
def test_shipped_set_agrees_with_its_manifest(name, data_dir):
    table = load_table(load_manifest(name), data_dir)

    assert table.rows


@pytest.mark.parametrize("name", ["tg_koop", "iri_amino", "iri_glyco2", "viability_wetlab", "viability_literature"])
def test_direction_of_the_target_is_what_a_scientist_looks_for(name):
    wanted = {"tg": "none", "iri": "lower_is_better", "viability": "higher_is_better"}

    assert load_manifest(name).column("target").direction == wanted[name.partition("_")[0]]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param(("schema = 2", "schema = 1"), "schema", id="another schema"),
        pytest.param(("rows = 2", "rows = 2\ncolour = 'red'"), "colour", id="unknown key"),
        pytest.param(('sha256 = "00"\n', ""), "sha256", id="missing key"),
        pytest.param(('"toy/toy.csv"', '"../toy.csv"'), "leaves the data folder", id="path upwards"),
        pytest.param(('"toy/toy.csv"', '"/etc/passwd"'), "leaves the data folder", id="absolute path"),
        pytest.param((', unit = "K"', ""), "has no unit", id="number without unit"),
        pytest.param(('header = "SMILES", ', ""), "has not one of header", id="column without header"),
        pytest.param(("schema = 2", "schema = "), "correct the manifest", id="not TOML"),
        pytest.param(('by = "structure"', 'by = "column"'), "none has role 'group'", id="split without column"),
        pytest.param(("[[splits]]", DEFECT + "[[splits]]"), "needs one of", id="defect without test"),
        pytest.param(
            ("[[splits]]", DEFECT.replace("Tg (K)", "Tm") + 'values = ["1"]\n[[splits]]'), "not all there", id="defect"
        ),
    ],
)
def test_broken_manifest_is_refused_by_name_of_the_fault(change, complaint):
    with pytest.raises(DatasetInvalidError, match=complaint):
        parse_manifest(VALID.replace(*change), where="toy.toml")


def test_valid_manifest_is_accepted():
    assert parse_manifest(VALID, where="toy.toml").name == "toy"


def test_asking_for_an_absent_role_names_it():
    with pytest.raises(DatasetInvalidError, match="'auxiliary'"):
        parse_manifest(VALID, where="toy.toml").column("auxiliary")
