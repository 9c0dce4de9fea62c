"""Which ways a job may go, and whose turn it is."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.jobs.job import (
    MAX_HISTORY,
    MAX_QUEUED,
    Ending,
    Order,
    State,
    TrainingJob,
    ask_to_cancel,
    begin,
    finish,
    forgotten,
    is_queue_full,
    new_job,
    next_to_start,
    refuse_double,
)
from model_server.jobs.order import DEFAULT_SEED, MAX_SEED, MAX_TRIALS, TRAINABLE
from model_server.registry.record import Act
from model_server.train.catalogue import PLANS
from model_server.train.settings import TrainSettings

ASKED = Act("2026-11-24T12:00:00Z", "ada", "more sugars measured")
STOP = Act("2026-11-24T12:01:00Z", "bob", "wrong version number")
AT = "2026-11-24T12:02:00Z"


def job(number: int = 0, model: str = "tg", state: State = State.QUEUED, version: str = "2.0.0") -> TrainingJob:
    made = new_job(f"20261124-1200{number:02}-aaaaaa", Order(model, version, 1), ASKED)
    return msgspec.structs.replace(made, state=state)


def test_what_can_be_ordered_is_what_the_catalogue_trains():
    assert {plan.name: plan.manifest for plan in PLANS.values()} == dict(TRAINABLE)
    assert TrainSettings.seed == DEFAULT_SEED <= MAX_SEED
    assert MAX_TRIALS == 50


def test_job_goes_from_queued_through_running_to_its_end():
    begun = begin(job(), AT).job
    ended = finish(begun, Ending(State.SUCCEEDED, AT)).job

    assert (begun.state, begun.started_at) == (State.RUNNING, AT)
    assert (ended.state, ended.finished_at, ended.is_over) == (State.SUCCEEDED, AT, True)
    assert msgspec.json.decode(msgspec.json.encode(ended), type=TrainingJob) == ended


@pytest.mark.parametrize("state", [state for state in State if state is not State.QUEUED])
def test_only_a_queued_job_begins(state):
    assert begin(job(state=state), AT).job is None


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.CANCELLED])
def test_job_that_is_over_stays_as_it_is(state):
    over = job(state=state)

    assert finish(over, Ending(State.FAILED, AT)).job is over
    assert ask_to_cancel(over, STOP).job is None


def test_queued_job_is_cancelled_at_once_and_a_running_one_when_its_process_is_gone():
    queued, running = ask_to_cancel(job(), STOP).job, ask_to_cancel(job(state=State.RUNNING), STOP).job

    assert (queued.state, queued.finished_at, queued.error) == (
        State.CANCELLED, STOP.at, "cancelled by bob: wrong version number",
    )  # fmt: skip
    assert (running.state, running.cancel) == (State.RUNNING, STOP)
    assert ask_to_cancel(running, Act(AT, "eve", "me too, please")).job is running


def test_same_version_is_not_made_twice_at_a_time():
    jobs = [job(1, version="2.0.0"), job(2, version="2.1.0", state=State.FAILED)]

    assert jobs[0].id in refuse_double(jobs, Order("tg", "2.0.0", 1))
    assert refuse_double(jobs, Order("tg", "2.1.0", 1)) is None
    assert refuse_double(jobs, Order("tg-tm", "2.0.0", 1)) is None


def test_queue_is_bounded_by_those_that_wait():
    waiting = [job(number) for number in range(MAX_QUEUED)]

    assert is_queue_full(waiting)
    assert not is_queue_full([*waiting[1:], job(50, state=State.RUNNING)])


def test_oldest_starts_first_and_one_of_a_model():
    jobs = [job(3, "tg"), job(1, "tg"), job(2, "tg-tm")]

    assert [each.id[-9:-7] for each in next_to_start(jobs, parallel=2)] == ["01", "02"]
    assert next_to_start([job(1, state=State.RUNNING), job(2)], parallel=4) == []


@given(
    st.lists(st.tuples(st.sampled_from(["tg", "tg-tm", "iri-amino"]), st.sampled_from(list(State))), max_size=20),
    st.integers(1, 4),
)
def test_never_more_run_than_may_and_never_two_of_a_model(described, parallel):
    jobs = [job(number, model, state) for number, (model, state) in enumerate(described)]
    running = [each for each in jobs if each.state is State.RUNNING]

    chosen = next_to_start(jobs, parallel=parallel)

    assert len(chosen) <= max(0, parallel - len(running))
    models = [each.order.model for each in chosen]
    assert len(models) == len(set(models))
    assert not set(models) & {each.order.model for each in running}
    assert all(each.state is State.QUEUED for each in chosen)
    # Nothing waits although it could run.
    free = {each.order.model for each in jobs if each.state is State.QUEUED} - {each.order.model for each in running}
    assert len(chosen) == min(len(free), max(0, parallel - len(running)))


def test_history_forgets_the_oldest_that_are_over():
    over = [
        msgspec.structs.replace(job(state=State.FAILED), id=f"20261124-{number:06}-aaaaaa")
        for number in range(MAX_HISTORY + 2)
    ]

    assert sorted(each.id[9:15] for each in forgotten([*over, job()])) == ["000000", "000001"]
