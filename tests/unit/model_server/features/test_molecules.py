import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_server.errors import MoleculeInvalidError
from model_server.features.descriptors import COLUMNS, describe_molecule
from model_server.features.molecules import (
    MAX_BRANCH_DEPTH,
    MAX_HEAVY_ATOMS,
    MAX_SMILES_CHARS,
    parse_molecule,
    silence_library_log,
)


@pytest.mark.parametrize("smiles", ["OCC(O)CO", "C(O)C(O)CO", "[H]OCC(O)CO", "OC[CH](O)CO"])
def test_every_spelling_of_glycerol_has_one_canonical_form(smiles):
    assert parse_molecule(smiles).canonical == "OCC(O)CO"


def test_stereochemistry_is_left_out_of_the_canonical_form():
    assert parse_molecule("OC(=O)/C=C/C(=O)O").canonical == parse_molecule("OC(=O)/C=C\\C(=O)O").canonical


@pytest.mark.parametrize(
    ("smiles", "complaint"),
    [
        pytest.param("", "empty", id="empty"),
        pytest.param("C" * (MAX_SMILES_CHARS + 1), "513 characters", id="too long"),
        pytest.param("C" * (MAX_HEAVY_ATOMS + 1), "151 heavy atoms", id="too large"),
        pytest.param("C(" * (MAX_BRANCH_DEPTH + 1) + "C", "nests over 64", id="too deep"),
        pytest.param("CCO glycerol", "blanks", id="name after SMILES"),
        pytest.param("CCO |$a$|", "blanks", id="CXSMILES extension"),
        pytest.param("CC\tO", "blanks", id="tab"),
        pytest.param("CC\x00O", "blanks", id="NUL"),
        pytest.param("C\u0421O", "non-ASCII", id="cyrillic C"),
        pytest.param("\ud800", "non-ASCII", id="lone surrogate"),
        pytest.param("c1cccc1", "not a valid SMILES", id="not aromatic"),
        pytest.param("C(C)(C)(C)(C)C", "not a valid SMILES", id="pentavalent carbon"),
        pytest.param("C1CC", "not a valid SMILES", id="open ring"),
        pytest.param("CC*", "wildcard", id="wildcard atom"),
        pytest.param("[H][H]", "no heavy atom", id="hydrogen"),
    ],
)
def test_text_that_is_no_ordinary_molecule_is_refused_with_the_reason(smiles, complaint):
    with pytest.raises(MoleculeInvalidError, match=complaint):
        parse_molecule(smiles)


@pytest.mark.parametrize("smiles", ["C" * MAX_HEAVY_ATOMS, "C(" * MAX_BRANCH_DEPTH + "C" + ")" * MAX_BRANCH_DEPTH])
def test_molecule_at_a_limit_is_accepted(smiles):
    assert parse_molecule(smiles).mol.GetNumHeavyAtoms() <= MAX_HEAVY_ATOMS


def test_message_does_not_repeat_a_long_question():
    with pytest.raises(MoleculeInvalidError) as caught:
        parse_molecule("Z" * MAX_SMILES_CHARS)

    assert len(str(caught.value)) < 200


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="CNOSPFclnos[]()=#@+-123456789%.\\/H*$ ", max_size=60))
def test_any_text_is_either_a_described_molecule_or_refused(text):
    silence_library_log()
    try:
        row = describe_molecule(parse_molecule(text))
    except MoleculeInvalidError:
        return
    assert row.shape == (len(COLUMNS),)


@settings(deadline=None)
@given(st.sampled_from(["OCC(O)CO", "CC(C)Cc1ccc(C(C)C(=O)O)cc1", "OCC1OC(O)C(O)C(O)C1O", "C[N+](C)(C)CC(=O)[O-]"]))
def test_canonical_form_is_its_own_canonical_form(smiles):
    once = parse_molecule(smiles).canonical

    assert parse_molecule(once).canonical == once
