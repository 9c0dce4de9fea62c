import numpy as np
import pytest
from rdkit.Chem import Descriptors

from model_server.errors import MoleculeInvalidError
from model_server.features import descriptors
from model_server.features.columns import Column, describe_difference
from model_server.features.descriptors import COLUMNS, describe_molecule, describe_molecules
from model_server.features.molecules import parse_molecule

GLYCEROL_ACID = "OCC(O)C(=O)O"


def described(smiles: str) -> dict[str, float]:
    row = describe_molecule(parse_molecule(smiles))
    return {column.name: float(value) for column, value in zip(COLUMNS, row, strict=True)}


@pytest.mark.parametrize(
    ("smiles", "name", "expected"),
    [
        pytest.param(GLYCEROL_ACID, "donor_hydrogens", 3, id="three OH"),
        pytest.param(GLYCEROL_ACID, "donor_density", 3 / 7, id="three OH on seven atoms"),
        pytest.param(GLYCEROL_ACID, "carboxyl_groups", 1, id="one acid"),
        pytest.param("CC(=O)[O-]", "carboxyl_groups", 1, id="carboxylate counts"),
        pytest.param("CC(=O)OC", "carboxyl_groups", 0, id="ester does not"),
        pytest.param("CC(C)(C)C", "quaternary_atoms", 1, id="neopentane"),
        pytest.param("CC(C)C", "branch_atoms", 1, id="isobutane"),
        pytest.param("CC(C)C", "quaternary_atoms", 0, id="isobutane has no quaternary"),
        pytest.param("CC1CCCCC1", "ring_atom_fraction", 6 / 7, id="methylcyclohexane"),
        pytest.param("c1ccccc1C", "fraction_csp3", 1 / 7, id="toluene"),
        pytest.param("[2H]C([2H])([2H])O", "ring_atom_fraction", 0, id="deuterium is no heavy atom"),
        pytest.param("O", "molar_mass", 18.015, id="water"),
    ],
)
def test_descriptor_means_what_its_column_says(smiles, name, expected):
    assert described(smiles)[name] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("smiles", ["OCC(O)CO", "O=C(O)c1ccccc1Oc1ccccc1", "C[N+](C)(C)CC(=O)[O-]"])
@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("molar_mass", Descriptors.MolWt),
        ("polar_surface", Descriptors.TPSA),
        ("crippen_logp", Descriptors.MolLogP),
        ("labute_asa", Descriptors.LabuteASA),
        ("min_estate", Descriptors.MinEStateIndex),
        ("hall_kier_alpha", Descriptors.HallKierAlpha),
        ("kappa_2", Descriptors.Kappa2),
        ("chi_1v", Descriptors.Chi1v),
        ("flexibility_phi", Descriptors.Phi),
    ],
)
def test_library_descriptors_sit_in_their_own_column(smiles, name, reference):
    expected = np.float32(reference(parse_molecule(smiles).mol))

    assert described(smiles)[name] == pytest.approx(float(expected))


def test_rows_are_float32_so_that_training_and_graph_see_the_same_number():
    rows = describe_molecules([parse_molecule("CO"), parse_molecule("CCO")])

    assert rows.dtype == np.float32
    assert rows.shape == (2, len(COLUMNS))


def test_no_molecules_make_an_empty_matrix_of_the_right_width():
    assert describe_molecules([]).shape == (0, len(COLUMNS))


def test_undefined_descriptor_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(descriptors.rdMolDescriptors, "CalcPhi", lambda _mol: float("nan"))

    with pytest.raises(MoleculeInvalidError, match="flexibility_phi undefined"):
        describe_molecule(parse_molecule("CCO"))


def test_column_names_are_unique_and_every_column_has_a_unit():
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)
    assert all(column.unit for column in COLUMNS)


A, B = Column("a", "K", "first"), Column("b", "1", "second")


@pytest.mark.parametrize(
    ("actual", "complaint"),
    [
        pytest.param((A,), "missing [('b', '1')]", id="missing"),
        pytest.param((A, B, Column("c", "1", "")), "unexpected [('c', '1')]", id="surplus"),
        pytest.param((A, Column("b", "K", "second")), "missing [('b', '1')]", id="another unit"),
        pytest.param((B, A), "another order", id="order"),
    ],
)
def test_another_feature_contract_is_described(actual, complaint):
    assert complaint in describe_difference((A, B), actual)


def test_descriptions_may_change_freely():
    assert describe_difference((A, B), (Column("a", "K", "reworded"), B)) is None
