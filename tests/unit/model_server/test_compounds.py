import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.data.compounds import grouped_folds, merge_measurements
from model_server.data.table import Measurement
from model_server.features.molecules import parse_molecule


def measurement(smiles: str, value: float) -> Measurement:
    return Measurement(1, parse_molecule(smiles), value)


def test_spellings_of_one_structure_are_one_compound_with_the_mean(manifest):
    rows = [measurement("OCC", 90.0), measurement("CCO", 100.0), measurement("CO", 103.0)]

    compounds = merge_measurements(manifest, rows)

    assert [molecule.canonical for molecule in compounds.molecules] == ["CCO", "CO"]
    assert compounds.values.tolist() == [95.0, 103.0]
    assert compounds.ranges.tolist() == [10.0, 0.0]
    assert compounds.measurements == 3


def test_stereoisomers_are_one_compound(manifest):
    compounds = merge_measurements(manifest, [measurement("C[C@H](O)F", 1.0), measurement("C[C@@H](O)F", 3.0)])

    assert compounds.values.tolist() == [2.0]


@given(
    groups=st.lists(st.integers(0, 12).map(str), min_size=5, max_size=80).filter(lambda g: len(set(g)) >= 5),
    folds=st.integers(2, 5),
    seed=st.integers(0, 1000),
)
def test_no_group_is_ever_on_both_sides_and_every_row_is_tested_once(groups, folds, seed):
    tested = []
    for train, test in grouped_folds(groups, folds, seed):
        assert not {groups[row] for row in train} & {groups[row] for row in test}
        assert sorted([*train, *test]) == list(range(len(groups)))
        assert len(test)
        tested.extend(test)

    assert sorted(tested) == list(range(len(groups)))


def test_folds_of_single_rows_are_even():
    sizes = [len(test) for _, test in grouped_folds([str(n) for n in range(23)], 5, seed=3)]

    assert sorted(sizes) == [4, 4, 5, 5, 5]


def test_same_seed_gives_the_same_folds_and_another_seed_does_not():
    names = [str(n) for n in range(30)]

    first, again, other = ([test.tolist() for _, test in grouped_folds(names, 5, seed)] for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_fewer_groups_than_folds_is_an_error():
    with pytest.raises(ValueError, match="2 groups cannot fill 3 folds"):
        list(grouped_folds(["a", "b", "a"], 3, seed=0))


def test_scaffold_split_holds_all_ring_free_structures_out_together(toy_compounds):
    in_ring = np.array(["1" in molecule.canonical for molecule in toy_compounds.molecules])

    with pytest.raises(ValueError, match="5 groups"):
        list(toy_compounds.scaffold_folds(6, seed=0))
    held_out = [test for _, test in toy_compounds.scaffold_folds(5, seed=0)]
    assert sorted(len(test) for test in held_out) == [10, 10, 10, 10, 20]
    assert all(len(set(in_ring[test])) == 1 for test in held_out)
