"""Retention: random calendars against the claims, a table of cases, and grandfatherson as a second opinion."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import grandfatherson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from retention_calendars import NOW, broken_claims, draw_candidates, draw_rules, make_set

from agents.backup.errors import SetDamagedError, SettingsInvalidError
from agents.backup.retention import Candidate, RetentionRules, Rule, plan_retention

NOTHING = RetentionRules(hourly=0, daily=0, weekly=0, monthly=0, yearly=0, window=timedelta(0), min_fulls=1)


def ago(label, parent=None, *, verified=True, references=(), **back):
    return Candidate(make_set(label, NOW - timedelta(**back), parent, references), is_verified=verified)


def kept(candidates, rules, now=NOW):
    return {verdict.label for verdict in plan_retention(candidates, rules, now).kept}


def why(candidates, rules, label):
    verdicts = {verdict.label: verdict for verdict in plan_retention(candidates, rules, NOW).verdicts}
    return [(reason.rule, reason.index) for reason in verdicts[label].kept_by]


@settings(max_examples=300)
@given(st.integers(min_value=0, max_value=2**32))
def test_every_claim_holds_on_a_random_calendar(seed):
    draw = random.Random(seed)  # noqa: S311 - repeatable, not secret

    assert broken_claims(draw_candidates(draw, draw.randint(0, 40)), draw_rules(draw), NOW) == []


@settings(max_examples=200)
@given(
    st.sets(st.integers(min_value=0, max_value=24 * 800), max_size=60),
    st.tuples(*[st.integers(min_value=0, max_value=most) for most in (30, 10, 8, 5, 3)]),
)
def test_what_grandfatherson_keeps_is_kept(hours_back, counts):
    moments = [NOW - timedelta(hours=hours) for hours in hours_back]
    hourly, daily, weekly, monthly, yearly = counts
    rules = replace(NOTHING, hourly=hourly, daily=daily, weekly=weekly, monthly=monthly, yearly=yearly)
    oracle = grandfatherson.to_keep(
        moments, hours=hourly, days=daily, weeks=weekly, months=monthly, years=yearly,
        firstweekday=grandfatherson.MONDAY, now=NOW,
    )  # fmt: skip

    candidates = [Candidate(make_set(str(moment), moment), is_verified=True) for moment in moments]

    assert {str(moment) for moment in oracle} <= kept(candidates, rules)


def test_where_every_period_has_a_set_it_is_exactly_what_grandfatherson_keeps():
    moments = [NOW - timedelta(hours=hours) for hours in range(24 * 500)]
    rules = replace(NOTHING, hourly=24, daily=7, weekly=5, monthly=6, yearly=2)
    oracle = grandfatherson.to_keep(
        moments, hours=24, days=7, weeks=5, months=6, years=2, firstweekday=grandfatherson.MONDAY, now=NOW
    )
    candidates = [Candidate(make_set(str(moment), moment), is_verified=True) for moment in moments]

    assert {str(moment) for moment in oracle} == kept(candidates, rules)


def test_a_platform_that_stood_still_keeps_its_sets():
    candidates = [ago(f"d{day}", days=400 + day) for day in range(10)]

    assert {"d0", "d1", "d2"} <= kept(candidates, replace(NOTHING, daily=3))


def test_a_kept_increment_keeps_the_chain_below_it():
    candidates = [
        ago("full", days=40),
        ago("diff", "full", days=39, references=["full"]),
        ago("incr", "diff", days=1, references=["full", "diff"]),
        ago("other", days=30),
    ]

    assert {"full", "diff", "incr", "other"} >= kept(candidates, NOTHING) >= {"full", "diff", "incr"}
    assert why(candidates, NOTHING, "diff") == [(Rule.CHAIN, None)]


def test_the_set_that_reaches_the_begin_of_the_window_stays_and_a_proven_one_with_it():
    rules = replace(NOTHING, window=timedelta(days=7))
    candidates = [
        ago("old", days=30),
        ago("proven", days=20),
        ago("anchor", days=8, verified=False),
        ago("new", days=1),
    ]

    plan = plan_retention(candidates, rules, NOW)

    assert {"proven", "anchor", "new"} == {verdict.label for verdict in plan.kept}
    assert plan.continuous_from == "proven"


def test_fulls_that_nobody_verified_stand_in_until_there_are_enough():
    rules = replace(NOTHING, min_fulls=2)
    candidates = [ago("a", days=9), ago("b", days=8, verified=False), ago("c", days=7, verified=False)]

    assert {"a", "c"} == kept(candidates, rules)


def test_a_proven_set_stands_for_its_day_before_an_earlier_one_that_is_not():
    candidates = [ago("early", hours=12, verified=False), ago("proven", hours=10), ago("late", hours=1)]

    assert (Rule.DAILY, 1) in why(candidates, replace(NOTHING, daily=1), "proven")


@pytest.mark.parametrize(
    ("zone", "expected"), [("UTC", {"a", "c"}), ("Pacific/Auckland", {"a", "c"}), ("America/New_York", {"a", "b", "c"})]
)
def test_days_begin_where_the_platform_lives(zone, expected):
    moments = {"a": datetime(2026, 6, 2, 1, tzinfo=UTC), "b": datetime(2026, 6, 2, 5, tzinfo=UTC)}
    candidates = [Candidate(make_set(label, moment), is_verified=True) for label, moment in moments.items()]
    candidates.append(Candidate(make_set("c", datetime(2026, 6, 3, 3, tzinfo=UTC)), is_verified=True))
    rules = replace(NOTHING, daily=2, zone=ZoneInfo(zone))

    assert expected == kept(candidates, rules, datetime(2026, 6, 4, 12, tzinfo=UTC))


def test_the_hour_that_comes_twice_is_two_hours():
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    candidates = [Candidate(make_set(str(i), first + timedelta(hours=i)), is_verified=True) for i in range(3)]

    assert {"0", "1", "2"} == kept(candidates, replace(NOTHING, hourly=3, zone=ZoneInfo("Europe/Berlin")))


def test_a_hold_ends_when_it_says():
    held = replace(ago("held", days=50), hold="audit 7", held_until=NOW)
    newest = ago("new", days=1)

    assert {"new"} == kept([held, newest], NOTHING)
    assert {"new", "held"} == kept([replace(held, held_until=NOW + timedelta(seconds=1)), newest], NOTHING)


def test_a_set_that_goes_is_told_who_took_its_place():
    candidates = [ago("first", days=3, hours=5), ago("second", days=3), ago("new", hours=1)]

    plan = plan_retention(candidates, replace(NOTHING, daily=7), NOW)

    assert [v.goes_because for v in plan.expired] == ["outside the recovery window of 0 d; daily: 2026-11-21 is first"]


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ([ago("incr", "gone", days=1)], "gone, which the repository does not list"),
        ([ago("a", "b", days=1), ago("b", "a", days=2)], "in a ring"),
    ],
    ids=["missing", "ring"],
)
def test_nothing_is_planned_over_a_broken_chain(candidates, words):
    with pytest.raises(SetDamagedError, match=words):
        plan_retention(candidates, NOTHING, NOW)


@pytest.mark.parametrize("change", [{"daily": -1}, {"min_fulls": 0}, {"window": timedelta(seconds=-1)}])
def test_rules_that_could_delete_everything_are_refused(change):
    with pytest.raises(SettingsInvalidError, match="retention"):
        RetentionRules(**change)
