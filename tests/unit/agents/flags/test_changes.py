"""What a change makes of a flag, and which changes are refused."""

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.flags.changes import (
    FlagState,
    Override,
    Receiver,
    RemoveFlag,
    SetFlag,
    SetOverride,
    SetRollout,
    describe,
    plan_change,
)
from agents.flags.errors import FlagChangeError, FlagUnknownError

ANN, RED = UUID(int=1), UUID(int=11)
FLAG = FlagState("new_table", enabled=True, rollout_percent=Decimal("12.5"))


def test_new_flag_is_off_until_somebody_says_otherwise() -> None:
    assert plan_change("new_table", None, SetFlag()) == FlagState("new_table", enabled=False)


def test_switching_keeps_everything_else() -> None:
    after = plan_change("new_table", FLAG, SetFlag(enabled=False))

    assert after == FlagState("new_table", enabled=False, rollout_percent=Decimal("12.5"))


def test_exception_is_made_changed_and_ended() -> None:
    person = Receiver("user", ANN)
    made = plan_change("new_table", FLAG, SetOverride(person, enabled=True, reason="pilot"))
    changed = plan_change("new_table", made, SetOverride(person, enabled=False, reason="trouble"))
    ended = plan_change("new_table", changed, SetOverride(person, enabled=None, reason="over"))

    assert made is not None
    assert made.overrides == (Override("user", ANN, enabled=True, reason="pilot"),)
    assert changed is not None
    assert changed.overrides == (Override("user", ANN, enabled=False, reason="trouble"),)
    assert ended == FLAG


def test_person_and_team_with_the_same_id_are_not_confused() -> None:
    made = plan_change("new_table", FLAG, SetOverride(Receiver("user", ANN), enabled=True, reason="x"))

    with pytest.raises(FlagChangeError, match="no exception for team"):
        plan_change("new_table", made, SetOverride(Receiver("team", ANN), enabled=None, reason="x"))


def test_removed_flag_is_gone() -> None:
    assert plan_change("new_table", FLAG, RemoveFlag()) is None


@pytest.mark.parametrize("change", [SetRollout(Decimal(1)), RemoveFlag()])
def test_unknown_flag_is_refused_with_the_nearest_name(change: SetRollout | RemoveFlag) -> None:
    with pytest.raises(FlagUnknownError, match="did you mean new_table"):
        plan_change("newtable", None, change, ["new_table", "other"])


@pytest.mark.parametrize("name", ["", "New", "1st", "a b", "a/b", "ä"])
def test_illegal_name_is_refused(name: str) -> None:
    with pytest.raises(FlagChangeError, match="no name for a flag"):
        plan_change(name, None, SetFlag())


@pytest.mark.parametrize("percent", ["-1", "100.01", "0.001", "NaN", "Infinity", "1e3"])
def test_illegal_share_is_refused(percent: str) -> None:
    with pytest.raises(FlagChangeError, match="0 to 100"):
        plan_change("new_table", FLAG, SetRollout(Decimal(percent)))


@given(hundredths=st.integers(0, 10_000))
def test_every_share_that_the_rollout_can_express_is_legal(hundredths: int) -> None:
    percent = Decimal(hundredths) / 100

    after = plan_change("new_table", FLAG, SetRollout(percent))

    assert after is not None
    assert after.rollout_percent == percent


def test_flag_is_described_in_one_line() -> None:
    flag = FlagState("a", enabled=True, user_ids=(ANN,), overrides=(Override("team", RED, enabled=False, reason="x"),))

    assert describe(flag) == f"on, rollout 0 %, team {RED} off, 1 users listed"
    assert describe(None) == "does not exist"
