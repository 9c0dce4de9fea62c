"""The machine between an alert and a person: who acknowledges ends it, who does not is followed by somebody else."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.oncall.escalation import (
    Order,
    decide_acknowledge,
    decide_notice,
    decide_resolve,
    decide_tick,
    decide_unreached,
    policy_of,
    step_of,
)
from agents.oncall.incident import Status


class Story:
    """An incident that is told event by event; time moves tick by tick, as the worker moves it."""

    def __init__(self, roster, notice, at) -> None:
        self.roster, self.notice, self.at = roster, notice, at
        self.incident = None
        self.now_s = 0.0
        self.orders: list[tuple[float, Order, int]] = []

    def take(self, decision):
        self.incident = decision.incident
        for order in decision.orders:
            self.orders.append((self.now_s, order, self.incident.stage))
        return decision

    def fire(self, **changes):
        return self.take(decide_notice(self.incident, self.notice(**changes), self.roster, self.at(self.now_s)))

    def end(self):
        return self.fire(firing=False)

    def wait(self, seconds: float) -> None:
        end = self.now_s + seconds
        while self.incident is not None and self.incident.due_at is not None:
            due_s = (self.incident.due_at - self.at(0)).total_seconds()
            if due_s > end:
                break
            self.now_s = max(self.now_s, due_s)
            self.take(decide_tick(self.incident, self.roster, self.at(self.now_s)))
        self.now_s = end

    def acknowledge(self, actor="ann"):
        return self.take(decide_acknowledge(self.incident, actor, self.roster, self.at(self.now_s)))

    def resolve(self, actor="ann"):
        return self.take(decide_resolve(self.incident, actor, self.at(self.now_s)))

    def pages(self) -> list[float]:
        return [at for at, order, _ in self.orders if order is Order.PAGE]


@pytest.fixture(scope="session")
def new_story(roster, notice, at):
    return lambda: Story(roster, notice, at)


@pytest.fixture
def story(new_story) -> Story:
    return new_story()


def test_unanswered_page_goes_through_every_step_and_repeats_the_last(story) -> None:
    story.fire()
    story.wait(100_000)

    assert story.pages() == [0, 300, 600, 1200, 2400, 3600]
    assert story.incident.due_at is None


def test_acknowledge_ends_the_escalation(story) -> None:
    story.fire()
    story.wait(400)
    told = story.acknowledge()
    story.wait(10_000)

    assert story.pages() == [0, 300]
    assert (told.because, told.orders) == ("ann acknowledged it", (Order.ACKNOWLEDGED,))
    again = story.acknowledge("bob")
    assert (again.because, again.orders) == ("bob acknowledged it after ann", ())


def test_acknowledged_and_forgotten_begins_again(story) -> None:
    story.fire()
    story.acknowledge()
    story.wait(14_400)

    assert story.pages() == [0, 14_400]
    assert (story.incident.status, story.incident.round) == (Status.OPEN, 1)


def test_quiet_for_long_enough_is_over_and_told_once(story) -> None:
    story.fire()
    story.end()
    story.end()
    story.wait(89)
    assert story.incident.status is Status.CALMING
    story.wait(1)

    assert [order for _, order, _ in story.orders] == [Order.PAGE, Order.RESOLVED]
    assert story.incident.status is Status.RESOLVED


def test_repeated_notices_change_nothing(story) -> None:
    story.fire()
    before = story.incident
    for _ in range(5):
        told = story.fire()

    assert (story.incident, told.because, story.pages()) == (before, "already known", [0])


def test_oscillating_signal_is_one_page(story) -> None:
    for _ in range(30):
        story.fire()
        story.wait(60)
        story.end()
        story.wait(60)
    story.wait(100)

    assert [order for _, order, _ in story.orders] == [Order.PAGE, Order.RESOLVED]


def test_oscillation_that_nobody_answers_for_an_hour_escalates(story) -> None:
    for _ in range(40):
        story.fire()
        story.wait(60)
        story.end()
        story.wait(60)

    assert len(story.pages()) >= 2
    assert story.pages()[1] >= 3600


def test_slow_oscillation_is_told_less_and_less_often(story) -> None:
    """It should double the calm it asks for, because somebody who is told of every swing stops reading."""
    for _ in range(100):
        story.fire()
        story.wait(30)
        story.acknowledge()
        story.wait(30)
        story.end()
        story.wait(240)

    assert len(story.pages()) <= 3


def test_what_comes_back_long_after_its_end_is_another_incident(story) -> None:
    story.fire()
    story.end()
    story.wait(90 + 1801)
    story.fire()

    assert (story.incident.round, story.incident.calm_s) == (0, 90)


def test_ended_by_hand_stays_ended_while_the_same_alerts_fire(story) -> None:
    story.fire()
    story.resolve()
    told = story.fire()
    assert (story.incident.status, told.because) == (Status.RESOLVED, "ann ended the same alerts by hand")

    story.fire(starts_s=60)
    assert story.incident.status is Status.OPEN


def test_alert_that_becomes_more_urgent_pages_again_even_when_acknowledged(story) -> None:
    story.fire(severity="warning")
    story.acknowledge()
    told = story.fire(severity="critical")

    assert told.because == "more urgent than before: page instead of notice"
    assert (story.incident.status, story.pages()) == (Status.OPEN, [0, 0])
    story.fire(severity="warning")
    assert story.incident.policy == "page"


def test_alert_of_another_name_in_an_acknowledged_group_pages_again(story) -> None:
    """It should, because whoever acknowledged ApiDown knows nothing of DatabaseDown, which has the same group."""
    story.fire()
    story.acknowledge()
    more = story.fire(fingerprints=("a", "b"))
    other = story.fire(name="DatabaseDown")
    story.acknowledge("bob")
    back = story.fire()

    assert more.because == "1 more alerts of the same group"
    assert other.because == "ann acknowledged it without DatabaseDown"
    assert (story.pages(), back.because) == ([0, 0], "already known")


def test_acknowledge_while_calming_holds_when_it_comes_back(story) -> None:
    story.fire()
    story.end()
    story.acknowledge()
    story.fire()
    story.wait(3600)

    assert (story.incident.status, story.pages()) == (Status.ACKNOWLEDGED, [0])


def test_step_that_reached_nobody_makes_the_next_one_due(story, at) -> None:
    story.fire()
    story.take(decide_unreached(story.incident, 0, at(10)))
    late = decide_unreached(story.incident, 3, at(11))
    story.wait(10)

    assert story.pages() == [0, 10]
    assert late.because == "the escalation has gone on already"


def test_group_that_was_never_open_ends_without_a_trace(story) -> None:
    assert story.end().because == "a group that was never open has ended"
    assert story.incident is None


def test_policy_that_left_the_roster_is_replaced_by_the_last_route(story, roster) -> None:
    story.fire()
    lost = msgspec.structs.replace(story.incident, policy="gone")

    assert policy_of(roster, lost) == roster.policies["notice"]


EVENTS = st.one_of(
    st.tuples(st.just("fire"), st.sampled_from(["critical", "warning"])),
    st.tuples(st.just("end"), st.none()),
    st.tuples(st.just("ack"), st.none()),
    st.tuples(st.just("resolve"), st.none()),
    st.tuples(st.just("wait"), st.floats(1, 5000)),
)


def run(story: Story, events) -> None:
    for kind, value in events:
        if kind == "wait":
            story.wait(value)
        elif kind == "fire":
            story.fire(severity=value)
        elif kind == "end":
            story.end()
        elif story.incident is not None:
            story.acknowledge() if kind == "ack" else story.resolve()


@settings(max_examples=300)
@given(st.lists(EVENTS, max_size=40))
def test_no_story_pages_a_step_twice_or_more_steps_than_there_are(new_story, events) -> None:
    story = new_story()
    run(story, events)
    if story.incident is None:
        return
    most = len(policy_of(story.roster, story.incident).steps) + policy_of(story.roster, story.incident).repeat
    assert story.incident.stage <= most
    assert step_of(policy_of(story.roster, story.incident), most) is None
    assert (story.incident.due_at is None) or story.incident.status is not Status.RESOLVED


@settings(max_examples=300)
@given(st.lists(EVENTS, max_size=30), st.floats(0, 14_399))
def test_after_an_acknowledge_nobody_is_paged_until_it_runs_out(new_story, events, later_s) -> None:
    story = new_story()
    run(story, events)
    story.fire(severity="critical")
    if story.incident.status is Status.RESOLVED:
        return
    story.acknowledge()
    paged = len(story.pages())
    story.wait(later_s)

    assert len(story.pages()) == paged


@settings(max_examples=300)
@given(st.lists(EVENTS, max_size=30))
def test_whatever_happened_before_an_open_incident_reaches_every_step(new_story, events) -> None:
    story = new_story()
    run(story, events)
    if story.incident is None or story.incident.status is not Status.OPEN:
        return
    story.wait(timedelta(days=2).total_seconds())
    policy = policy_of(story.roster, story.incident)

    assert story.incident.stage == len(policy.steps) + policy.repeat


@settings(max_examples=200)
@given(st.lists(EVENTS, max_size=30), EVENTS)
def test_event_that_arrives_twice_changes_nothing_the_second_time(new_story, events, last) -> None:
    """It should hold for every event but time itself, because Alertmanager and a crashed worker repeat themselves."""
    story = new_story()
    run(story, [*events, last])
    if last[0] == "wait" or story.incident is None:
        return
    before, told = story.incident, len(story.orders)
    run(story, [last])

    assert (story.incident, len(story.orders)) == (before, told)
