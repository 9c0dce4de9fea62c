"""No split of any data set puts related rows on both sides: the property, then every shipped set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.data.manifest import SplitRule, load_manifest
from model_server.data.samples import build_samples
from model_server.data.splits import Split, grouped_folds
from model_server.data.table import load_table
from model_server.features.recipes import find_recipe
from model_server.train.catalogue import PLANS


def rule(folds: int) -> SplitRule:
    return SplitRule("doi", "column", "rows of one paper belong together", folds)


LABELS = st.lists(st.frozensets(st.integers(0, 9).map(str), min_size=1, max_size=3), min_size=8, max_size=60).filter(
    lambda rows: len({min(row) for row in rows}) >= 5
)


@given(labels=LABELS, folds=st.sampled_from([0, 2, 5]), seed=st.integers(0, 500))
def test_no_training_row_shares_any_group_with_a_test_row(labels, folds, seed):
    tested = []
    for train, test in Split(rule(folds), tuple(labels)).folds(seed):
        held_out = frozenset().union(*(labels[row] for row in test))
        assert all(labels[row].isdisjoint(held_out) for row in train)
        tested.extend(test)

    assert sorted(tested) == list(range(len(labels)))


@given(labels=LABELS, seed=st.integers(0, 500))
def test_inner_folds_stay_within_the_subset_and_keep_groups_apart(labels, seed):
    split = Split(rule(2), tuple(labels))
    train, _ = split.holdout(seed, 5, 0)
    if len({min(labels[row]) for row in train}) < 2:
        return

    for inner, test in split.inner_folds(train, seed):
        assert {*inner, *test} <= set(range(len(train)))
        held_out = frozenset().union(*(labels[train[row]] for row in test))
        assert all(labels[train[row]].isdisjoint(held_out) for row in inner)


def test_every_group_is_held_out_alone_when_the_rule_says_so():
    labels = tuple(frozenset((name,)) for name in "aabbbc")

    held_out = sorted(tuple(sorted(test)) for _, test in Split(rule(0), labels).folds(1))

    assert held_out == [(0, 1), (2, 3, 4), (5,)]


def test_holdouts_ask_about_every_group_and_not_always_about_the_largest():
    labels = tuple(frozenset((name,)) for name in "aaaaaabcde")
    split = Split(rule(0), labels)

    asked = {tuple(split.holdout(7, 5, index)[1].tolist()) for index in range(5)}

    assert len(asked) == 5


@given(
    groups=st.lists(st.integers(0, 12).map(str), min_size=5, max_size=80).filter(lambda g: len(set(g)) >= 5),
    folds=st.integers(2, 5),
    seed=st.integers(0, 1000),
)
def test_grouped_folds_test_every_row_once_and_never_divide_a_group(groups, folds, seed):
    tested = []
    for train, test in grouped_folds(groups, folds, seed):
        assert not {groups[row] for row in train} & {groups[row] for row in test}
        assert len(test)
        tested.extend(test)

    assert sorted(tested) == list(range(len(groups)))


def test_same_seed_gives_the_same_folds_and_another_seed_does_not():
    names = [str(n) for n in range(30)]

    first, again, other = ([test.tolist() for _, test in grouped_folds(names, 5, seed)] for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_fewer_groups_than_folds_is_an_error():
    with pytest.raises(ValueError, match="2 groups cannot fill 3 folds"):
        list(grouped_folds(["a", "b", "a"], 3, seed=0))


def test_scaffold_split_holds_all_ring_free_structures_out_together(toy_samples):
    scaffold = toy_samples.splits[1]
    ring_free = {row for row, labels in enumerate(scaffold.labels) if labels == {"acyclic"}}

    held_out = [set(test.tolist()) for _, test in scaffold.folds(0)]

    assert len(ring_free) == 20
    assert ring_free in held_out


@pytest.mark.parametrize("name", sorted(PLANS))
def test_no_shipped_data_set_leaks_through_any_of_its_splits(name, data_dir):
    plan = PLANS[name]
    samples = build_samples(load_table(load_manifest(plan.manifest), data_dir), find_recipe(plan.recipe))

    for split in samples.splits:
        for train, test in split.folds(3):
            held_out = frozenset().union(*(split.labels[row] for row in test))
            assert all(split.labels[row].isdisjoint(held_out) for row in train)
            assert not {samples.keys[row] for row in train} & {samples.keys[row] for row in test}
