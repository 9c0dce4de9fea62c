import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import DataStructs
from rdkit.Chem import rdFingerprintGenerator

from model_server.features.fingerprints import BITS, RADIUS, KnownCompounds, pack_fingerprints
from model_server.features.molecules import parse_molecule

SMILES = ("OCC(O)CO", "CC(O)CO", "OCCO", "CS(C)=O", "c1ccccc1", "OCC1OC(O)C(O)C(O)C1O", "CCCCCCCC")
MOLECULES = [parse_molecule(smiles) for smiles in SMILES]
PACKED = pack_fingerprints(MOLECULES)


def test_packed_rows_hold_one_bit_per_position():
    assert PACKED.shape == (len(SMILES), BITS // 8)
    assert PACKED.dtype == np.uint8


def test_no_molecules_make_an_empty_block():
    assert pack_fingerprints([]).shape == (0, BITS // 8)


@given(st.integers(0, len(SMILES) - 1))
def test_similarities_equal_those_of_the_library(row):
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    vectors = [generator.GetFingerprint(molecule.mol) for molecule in MOLECULES]

    found = KnownCompounds(PACKED).similarities(PACKED[row])

    assert found.tolist() == pytest.approx(DataStructs.BulkTanimotoSimilarity(vectors[row], vectors))


def test_known_compound_has_similarity_one():
    assert KnownCompounds(PACKED).nearest_similarity(PACKED[3]) == 1.0


def test_unrelated_compound_is_far():
    known = KnownCompounds(PACKED[:3])

    assert known.nearest_similarity(PACKED[4]) == 0.0


def test_empty_fingerprint_is_similar_to_nothing():
    assert KnownCompounds(np.zeros((1, BITS // 8), np.uint8)).nearest_similarity(np.zeros(BITS // 8, np.uint8)) == 0.0
