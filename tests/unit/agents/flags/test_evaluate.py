"""Who gets a flag: the order of the rules, and what a rollout promises to people."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.flags.evaluate import bucket, evaluate
from agents.flags.model import FULL_ROLLOUT_BASIS_POINTS, Context, Flag, Reason

ANN, BOB = UUID(int=0xA), UUID(int=0xB)
RED, BLUE = UUID(int=11), UUID(int=12)
OPEN = Flag("new_table", enabled=True, rollout_basis_points=FULL_ROLLOUT_BASIS_POINTS)
CLOSED = Flag("new_table", enabled=True)

ids = st.sampled_from([ANN, BOB, RED, BLUE])
flags = st.builds(
    Flag,
    name=st.sampled_from(["a", "new_table"]),
    enabled=st.booleans(),
    rollout_basis_points=st.integers(0, FULL_ROLLOUT_BASIS_POINTS),
    user_ids=st.frozensets(ids),
    team_ids=st.frozensets(ids),
    user_overrides=st.none() | st.dictionaries(ids, st.booleans()),
    team_overrides=st.none() | st.dictionaries(ids, st.booleans()),
)
keys = st.text(min_size=1) | st.sampled_from([str(ANN), str(BOB)])
contexts = st.builds(Context, targeting_key=keys, team_ids=st.frozensets(ids))


@pytest.mark.parametrize(
    ("flag", "context", "value", "reason"),
    [
        (replace(OPEN, enabled=False), Context(str(ANN)), False, Reason.DISABLED),
        (replace(OPEN, enabled=False, user_overrides={ANN: True}), Context(str(ANN)), False, Reason.DISABLED),
        (replace(OPEN, user_overrides={ANN: False}), Context(str(ANN)), False, Reason.TARGETING_MATCH),
        (
            replace(CLOSED, user_overrides={ANN: True}, team_overrides={RED: False}),
            Context(str(ANN), frozenset({RED})),
            True,
            Reason.TARGETING_MATCH,
        ),
        (replace(OPEN, team_overrides={RED: False}), Context("x", frozenset({RED})), False, Reason.TARGETING_MATCH),
        (
            replace(OPEN, team_overrides={RED: True, BLUE: False}),
            Context("x", frozenset({RED, BLUE})),
            False,
            Reason.TARGETING_MATCH,
        ),
        (
            replace(CLOSED, user_ids=frozenset({ANN}), team_overrides={RED: False}),
            Context(str(ANN), frozenset({RED})),
            False,
            Reason.TARGETING_MATCH,
        ),
        (replace(CLOSED, user_ids=frozenset({ANN})), Context(str(ANN).upper()), True, Reason.TARGETING_MATCH),
        (replace(CLOSED, team_ids=frozenset({RED})), Context("x", frozenset({RED})), True, Reason.TARGETING_MATCH),
        (OPEN, Context("anything"), True, Reason.SPLIT),
        (CLOSED, Context("anything"), False, Reason.DEFAULT),
        (OPEN, Context(""), False, Reason.ERROR),
        (replace(OPEN, enabled=False), Context(""), False, Reason.DISABLED),
    ],
    ids=[
        "master switch",
        "master switch beats an exception",
        "exception for a person beats the rollout",
        "a person's exception beats a team's",
        "exception for a team beats the rollout",
        "contradicting teams are off",
        "a team's exception beats the list",
        "listed person, in capitals",
        "listed team",
        "full rollout",
        "no rule",
        "nobody asks",
        "nobody asks for what is off anyway",
    ],
)
def test_first_rule_that_applies_wins(flag: Flag, context: Context, reason: Reason, *, value: bool) -> None:
    answer = evaluate(flag, context)

    assert (answer.value, answer.reason) == (value, reason)
    assert answer.variant == ("on" if value else "off")


@given(flag=flags, context=contexts, more=st.integers(0, FULL_ROLLOUT_BASIS_POINTS))
def test_larger_rollout_only_adds_people(flag: Flag, context: Context, more: int) -> None:
    larger = replace(flag, rollout_basis_points=max(flag.rollout_basis_points, more))

    assert evaluate(flag, context).value <= evaluate(larger, context).value


@given(flag=flags, context=contexts)
def test_answer_is_stable(flag: Flag, context: Context) -> None:
    assert evaluate(flag, context) == evaluate(replace(flag), replace(context))


@given(flag=flags, teams=st.frozensets(ids))
def test_nobody_gets_nothing(flag: Flag, teams: frozenset[UUID]) -> None:
    answer = evaluate(flag, Context("", teams))

    assert answer.value is False
    assert answer.key_missing == flag.enabled


@given(flag=flags, context=contexts)
def test_master_switch_is_stronger_than_every_rule(flag: Flag, context: Context) -> None:
    assert evaluate(replace(flag, enabled=False), context).value is False


@given(key=keys)
def test_everybody_has_a_place_that_only_they_and_the_flag_decide(key: str) -> None:
    assert 0 <= bucket("a", key) < FULL_ROLLOUT_BASIS_POINTS
    assert bucket("a", str(ANN)) == bucket("a", str(ANN).upper())


@given(key=keys)
def test_rollout_reaches_a_key_exactly_when_it_passes_its_place(key: str) -> None:
    place = bucket(OPEN.name, key)

    assert not evaluate(replace(OPEN, rollout_basis_points=place), Context(key)).value
    assert evaluate(replace(OPEN, rollout_basis_points=place + 1), Context(key)).value


def test_place_of_a_key_never_changes_between_versions() -> None:
    """People must not lose a feature because the service was updated; another program computed these numbers."""
    assert [bucket("new_table", key) for key in ("ann", "bob", str(ANN))] == [8017, 1761, 8188]


@pytest.mark.parametrize("share", [1, 100, 1234, 5000, 9900])
def test_share_of_100000_keys_is_what_was_asked_for(share: int) -> None:
    """Five standard deviations of a binomial: a fair hash misses it once in two million runs, and this one is fixed."""
    total = 100_000
    on = sum(bucket("new_table", f"user-{number}") < share for number in range(total))
    chance = share / FULL_ROLLOUT_BASIS_POINTS

    assert abs(on - total * chance) <= 5 * (total * chance * (1 - chance)) ** 0.5


def test_two_flags_do_not_pick_the_same_people() -> None:
    keys_of = {
        name: {number for number in range(20_000) if bucket(name, f"user-{number}") < 1000} for name in ("a", "b")
    }
    both = keys_of["a"] & keys_of["b"]

    assert len(both) / 20_000 == pytest.approx(0.01, abs=0.004)
