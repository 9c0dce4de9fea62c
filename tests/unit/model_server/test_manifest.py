import pytest

from model_server.data.manifest import load_manifest, parse_manifest
from model_server.errors import DatasetInvalidError

VALID = """
schema = 1
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
[split]
group = "compound"
reason = "repeats"
"""


def test_shipped_manifest_states_origin_licence_unit_and_split():
    manifest = load_manifest("tg_koop")

    assert manifest.source.commit == "d91f443dd1d6200035c4092bd7c14b6e03b10370"
    assert manifest.source.licence.startswith("BSD-3-Clause")
    assert manifest.column("target").unit == "K"
    assert "canonical SMILES" in manifest.split.group


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param(("schema = 1", "schema = 2"), "schema", id="another schema"),
        pytest.param(("rows = 2", "rows = 2\ncolour = 'red'"), "colour", id="unknown key"),
        pytest.param(('sha256 = "00"\n', ""), "sha256", id="missing key"),
        pytest.param(('"toy/toy.csv"', '"../toy.csv"'), "leaves the data folder", id="path upwards"),
        pytest.param(('"toy/toy.csv"', '"/etc/passwd"'), "leaves the data folder", id="absolute path"),
        pytest.param((', unit = "K"', ""), "has no unit", id="number without unit"),
        pytest.param(('role = "target"', 'role = "auxiliary"'), "0 columns with role 'target'", id="no target"),
        pytest.param(("schema = 1", "schema = "), "correct the manifest", id="not TOML"),
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
