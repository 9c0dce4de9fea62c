"""Who is on call at an instant: one person, always, also when clocks change, people are away or shifts were swapped."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.oncall.roster import Absence, Override, Schedule
from agents.oncall.schedule import find_duty, list_shifts

BERLIN = ZoneInfo("Europe/Berlin")
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware here
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"])
TIMES = st.times().map(lambda found: found.strftime("%H:%M"))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def with_schedule(roster, **changes):
    first = msgspec.structs.replace(roster.schedules["first"], **changes)
    return msgspec.structs.replace(roster, schedules={**roster.schedules, "first": first})


@pytest.mark.parametrize(
    ("moment", "person"),
    [
        ("2026-01-05T09:00", "ann"),
        ("2026-01-05T08:59:59", "bob"),
        ("2026-01-12T08:59:59", "ann"),
        ("2026-01-12T09:00", "bob"),
        ("2026-03-30T08:59", "bob"),
        ("2026-03-30T09:00", "ann"),
        ("2026-10-26T09:00", "ann"),
        ("2025-12-29T09:00", "bob"),
    ],
)
def test_shift_changes_at_the_local_time_of_day(roster, moment, person) -> None:
    assert find_duty(roster, "first", local(moment)).person == person


def test_shift_over_a_change_of_clocks_is_an_hour_shorter_or_longer(roster) -> None:
    spring = list_shifts(roster, "first", local("2026-03-23T09:00"), local("2026-03-30T09:00"))
    autumn = list_shifts(roster, "first", local("2026-10-19T09:00"), local("2026-10-26T09:00"))

    assert [each.end - each.start for each in spring] == [timedelta(hours=167)]
    assert [each.end - each.start for each in autumn] == [timedelta(hours=169)]


def test_hand_over_at_an_hour_that_the_clocks_skip_happens_once(roster) -> None:
    skipping = with_schedule(roster, hand_over="02:30", since=date(2026, 3, 29), shift="day")
    around = [local("2026-03-29T01:59"), datetime(2026, 3, 29, 1, 29, tzinfo=UTC), local("2026-03-29T03:31")]

    assert [find_duty(skipping, "first", each).person for each in around] == ["bob", "bob", "ann"]


def test_hand_over_at_an_hour_that_occurs_twice_happens_at_the_first(roster) -> None:
    doubled = with_schedule(roster, hand_over="02:30", since=date(2026, 10, 25), shift="day")
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)

    before = find_duty(doubled, "first", first - timedelta(seconds=1)).person
    assert [before, find_duty(doubled, "first", first).person, find_duty(doubled, "first", second).person] == [
        "bob",
        "ann",
        "ann",
    ]


def test_override_holds_for_its_time_and_says_why(roster) -> None:
    swapped = with_schedule(
        roster,
        overrides=(Override(datetime(2026, 1, 6, 9), datetime(2026, 1, 7, 9), "cleo", "dentist"),),  # noqa: DTZ001 - local times are what overrides hold
    )
    duty = find_duty(swapped, "first", local("2026-01-06T09:00"))

    assert (duty.person, duty.because) == ("cleo", "took this shift: dentist")
    assert find_duty(swapped, "first", local("2026-01-07T09:00")).person == "ann"


def test_next_one_takes_over_on_a_holiday_in_the_persons_own_day(roster) -> None:
    """2026-12-21 to 28 is Ann's shift, and Christmas is a day in Berlin."""
    duties = [find_duty(roster, "first", local(each)) for each in ("2026-12-24T23:59", "2026-12-25T00:00")]

    assert [duty.person for duty in duties] == ["ann", "bob"]
    assert duties[1].because == "ann is away (holiday of de); next in the rotation"


def test_shift_stays_when_everybody_is_away(roster) -> None:
    gone = (Absence(date(2026, 1, 1), date(2026, 12, 31), "sabbatical"),)
    people = {name: msgspec.structs.replace(person, away=gone) for name, person in roster.people.items()}
    duty = find_duty(msgspec.structs.replace(roster, people=people), "first", local("2026-01-06T09:00"))

    assert (duty.person, "everybody" in duty.because) == ("ann", True)


SCHEDULES = st.builds(
    Schedule,
    time_zone=ZONES,
    rotation=st.permutations(["ann", "bob", "cleo"]).map(tuple),
    since=st.just(date(2026, 1, 5)),
    hand_over=TIMES,
    shift=st.sampled_from(["day", "week"]),
)


@given(INSTANTS, SCHEDULES)
def test_every_instant_has_one_person_and_turns_follow_each_other(roster, moment, schedule) -> None:
    order = schedule.rotation
    calm = {name: msgspec.structs.replace(person, holidays="") for name, person in roster.people.items()}
    own = msgspec.structs.replace(roster, people=calm, schedules={"first": schedule})
    end = moment + timedelta(days=3 * schedule.shift_days)
    shifts = list_shifts(own, "first", moment, end)

    assert (shifts[0].start, shifts[-1].end) == (moment, end)
    for before, after in pairwise(shifts):
        assert before.end == after.start
        assert order.index(after.duty.person) == (order.index(before.duty.person) + 1) % len(order)
    for each in shifts[1:-1]:
        assert abs((each.end - each.start) - timedelta(days=schedule.shift_days)) <= timedelta(hours=1)
        middle = each.start + (each.end - each.start) / 2
        assert find_duty(own, "first", middle) == find_duty(own, "first", each.start) == each.duty


@given(INSTANTS)
def test_absent_people_are_never_on_call_while_somebody_else_is_there(roster, moment) -> None:
    away = (Absence(moment.date() - timedelta(days=2), moment.date() + timedelta(days=2)),)
    people = {**roster.people, "ann": msgspec.structs.replace(roster.people["ann"], away=away)}

    assert find_duty(msgspec.structs.replace(roster, people=people), "first", moment).person == "bob"
