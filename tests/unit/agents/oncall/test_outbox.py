"""Which messages an order becomes, and what becomes of one whose channel failed."""

from datetime import timedelta

import msgspec
import pytest

from agents.oncall.errors import (
    ChannelLimitedError,
    ChannelRefusedError,
    ChannelUnreachableError,
    OutcomeUnknownError,
)
from agents.oncall.escalation import Order, decide_acknowledge, decide_notice, decide_resolve
from agents.oncall.outbox import GIVE_UP_S, Delivery, Situation, State, is_moot, judge_failure, plan_drafts

BOTH = frozenset({"email", "slack"})


@pytest.fixture
def incident(roster, notice, at):
    return decide_notice(None, notice(), roster, at(0)).incident


@pytest.fixture
def delivery(at) -> Delivery:
    return Delivery(1, 7, Order.PAGE, 0, 0, "bob", "email", State.SENDING, 1, 0, at(0))


@pytest.fixture
def situation(roster, at):
    return lambda seconds=10, usable=BOTH: Situation(roster, frozenset(usable), at(seconds))


def ways(drafts):
    return [(draft.person, draft.channel) for draft in drafts]


@pytest.mark.parametrize(
    ("usable", "expected"),
    [
        (BOTH, [("ann", "email"), ("ann", "slack")]),
        ({"slack"}, [("ann", "slack")]),
        ({"email"}, [("ann", "email")]),
        (set(), [("ann", "log")]),
    ],
)
def test_page_goes_to_whoever_is_on_call_by_what_is_configured(incident, situation, usable, expected) -> None:
    drafts = plan_drafts(Order.PAGE, incident, (), situation(usable=usable))

    assert ways(drafts) == expected
    assert drafts[0].because == "on call for first: turn 1 of 2 in first"


def test_step_whose_channels_are_missing_takes_the_fallback(incident, situation) -> None:
    fourth = msgspec.structs.replace(incident, stage=4)

    assert ways(plan_drafts(Order.PAGE, fourth, (), situation(usable={"slack"}))) == [("cleo", "slack")]


def test_end_is_told_to_whoever_was_paged_and_nobody_else(incident, situation, at) -> None:
    over = decide_resolve(incident, "ann", at(5)).incident
    told = (("bob", "email"), ("bob", "slack"), ("cleo", "email"))

    assert ways(plan_drafts(Order.RESOLVED, over, told, situation())) == list(told)


def test_acknowledge_is_told_to_the_others(incident, situation, roster, at) -> None:
    taken = decide_acknowledge(incident, "bob", roster, at(5)).incident
    told = (("bob", "email"), ("cleo", "email"))

    assert ways(plan_drafts(Order.ACKNOWLEDGED, taken, told, situation())) == [("cleo", "email")]


@pytest.mark.parametrize(
    ("error", "attempts", "pause_s"),
    [
        (ChannelUnreachableError("x"), 1, 5),
        (ChannelUnreachableError("x"), 4, 40),
        (ChannelUnreachableError("x"), 5000, 60),
        (ChannelRefusedError("x"), 1, 30),
        (ChannelRefusedError("x"), 9, 300),
        (ChannelLimitedError("x", retry_after_s=17), 1, 17),
        (ChannelLimitedError("x", retry_after_s=1e9), 1, 3600),
        (ChannelLimitedError("x", retry_after_s=0), 1, 1),
    ],
)
def test_next_attempt_waits_as_long_as_the_failure_asks_for(delivery, situation, error, attempts, pause_s) -> None:
    verdict = judge_failure(msgspec.structs.replace(delivery, attempts=attempts), error, (), situation(10))

    assert verdict.state is State.WAITING
    assert verdict.not_before == situation(10 + pause_s).now


def test_another_channel_takes_over_when_none_has_reached_the_person(delivery, situation) -> None:
    verdict = judge_failure(delivery, ChannelUnreachableError("x"), (), situation())

    assert (verdict.fallback, verdict.unreached) == ("slack", False)


@pytest.mark.parametrize(
    ("state", "attempts", "unreached"),
    [(State.SENT, 1, False), (State.WAITING, 0, False), (State.SENDING, 1, False), (State.WAITING, 3, True)],
)
def test_no_other_channel_is_asked_while_one_has_or_may_have_the_message(
    delivery, situation, state, attempts, unreached
) -> None:
    other = msgspec.structs.replace(delivery, id=2, channel="slack", state=state, attempts=attempts)
    verdict = judge_failure(delivery, ChannelUnreachableError("x"), (other,), situation())

    assert (verdict.fallback, verdict.unreached) == (None, unreached)


def test_somebody_else_of_the_step_who_was_reached_is_enough(delivery, situation) -> None:
    other = msgspec.structs.replace(delivery, id=2, person="cleo", state=State.SENT)
    verdict = judge_failure(delivery, ChannelUnreachableError("x"), (other,), situation(usable={"email"}))

    assert (verdict.fallback, verdict.unreached) == (None, False)


def test_message_of_unknown_fate_is_sent_three_times_at_most(delivery, situation) -> None:
    states = [
        judge_failure(
            msgspec.structs.replace(delivery, unknowns=count), OutcomeUnknownError("x"), (), situation()
        ).state
        for count in (1, 2, 3)
    ]

    assert states == [State.WAITING, State.WAITING, State.UNKNOWN]


def test_message_that_nobody_took_for_hours_is_given_up(delivery, situation) -> None:
    verdict = judge_failure(delivery, ChannelUnreachableError("x"), (), situation(GIVE_UP_S))

    assert verdict.state is State.FAILED


def test_page_is_moot_when_acknowledged_over_or_of_an_earlier_round(delivery, incident, roster, at) -> None:
    taken = decide_acknowledge(incident, "bob", roster, at(5)).incident
    over = decide_resolve(incident, "bob", at(5)).incident
    again = msgspec.structs.replace(incident, round=1)

    assert [is_moot(delivery, each) for each in (incident, taken, over, again)] == [False, True, True, True]
    ended = msgspec.structs.replace(delivery, kind=Order.RESOLVED)
    assert [is_moot(ended, each) for each in (over, again)] == [False, True]


def test_give_up_is_longer_than_any_pause() -> None:
    assert timedelta(seconds=GIVE_UP_S) > timedelta(hours=1)
