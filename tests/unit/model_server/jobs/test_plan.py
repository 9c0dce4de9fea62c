"""What is done about a running job: every sight, told and untold end, in one table."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from model_server.jobs.job import Order, State, new_job
from model_server.jobs.plan import (
    START_GRACE_S,
    STOP_GRACE_S,
    Seen,
    Sight,
    Todo,
    Verb,
    plan_running,
    reached,
    read_time,
    write_time,
)
from model_server.jobs.progress import EndLine, Progress, StepLine
from model_server.registry.record import Act

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
DEADLINE_S = 600.0
RUNNING = msgspec.structs.replace(
    new_job("20261124-120000-aaaaaa", Order("tg", "2.0.0", 1), Act(write_time(START), "ada", "more sugars measured")),
    state=State.RUNNING,
    started_at=write_time(START),
)
CANCELLED = msgspec.structs.replace(RUNNING, cancel=Act(write_time(START), "bob", "wrong version"))
ABSENT, ALIVE, ENDED = Seen(Sight.ABSENT), Seen(Sight.ALIVE), Seen(Sight.ENDED)
STEP = StepLine("accuracy", 1, 7, "5 repeats")
WRITTEN = Progress(STEP, EndLine("written", "written: tg/2.0.0"))
FAILED = Progress(STEP, EndLine("failed", "data set tg_koop is absent", 70))
SILENT = Progress(STEP)
LATE_S, SOON_S = DEADLINE_S + 1, 1.0

CASES = [
    pytest.param(RUNNING, ALIVE, SILENT, SOON_S, Verb.WAIT, "", id="it works"),
    pytest.param(RUNNING, ALIVE, WRITTEN, SOON_S, Verb.WAIT, "", id="written and still leaving"),
    pytest.param(RUNNING, ALIVE, SILENT, LATE_S, Verb.FINISH, "took longer than 600 s", id="too late"),
    pytest.param(RUNNING, Seen(Sight.ALIVE, "no such image", stuck=True), Progress(), SOON_S, Verb.FINISH,
                 "no such image", id="stuck"),
    pytest.param(RUNNING, ENDED, WRITTEN, SOON_S, Verb.REGISTER, "written", id="written"),
    pytest.param(RUNNING, ENDED, WRITTEN, LATE_S, Verb.REGISTER, "written", id="written, seen late"),
    pytest.param(RUNNING, ENDED, FAILED, SOON_S, Verb.FINISH, "tg_koop is absent", id="told why it failed"),
    pytest.param(RUNNING, ENDED, SILENT, SOON_S, Verb.FINISH, "ended from outside", id="killed"),
    pytest.param(RUNNING, Seen(Sight.ENDED, "out of memory"), SILENT, SOON_S, Verb.FINISH, "out of memory",
                 id="killed for a reason"),
    pytest.param(RUNNING, ENDED, SILENT, LATE_S, Verb.FINISH, "took longer", id="killed for its deadline"),
    pytest.param(RUNNING, ABSENT, Progress(), SOON_S, Verb.WAIT, "being started", id="not there yet"),
    pytest.param(RUNNING, ABSENT, Progress(), START_GRACE_S + 1, Verb.FINISH, "never started", id="never came"),
    pytest.param(RUNNING, ABSENT, WRITTEN, SOON_S, Verb.REGISTER, "written", id="came, wrote and is gone"),
    pytest.param(CANCELLED, ALIVE, SILENT, SOON_S, Verb.STOP, "cancelled", id="to be stopped"),
    pytest.param(CANCELLED, ALIVE, SILENT, STOP_GRACE_S + 1, Verb.KILL, "cancelled", id="does not listen"),
    pytest.param(CANCELLED, ENDED, WRITTEN, SOON_S, Verb.FINISH, "bob: wrong version", id="cancelled as it ended"),
    pytest.param(CANCELLED, ABSENT, Progress(), SOON_S, Verb.FINISH, "bob: wrong version", id="cancelled before start"),
]  # fmt: skip


@pytest.mark.parametrize(("job", "seen", "progress", "age_s", "verb", "because"), CASES)
def test_decision(job, seen, progress, *, age_s, verb, because):
    todo = plan_running(job, seen, progress, now=START + timedelta(seconds=age_s), deadline_s=DEADLINE_S)

    assert todo.verb is verb
    assert because in todo.because
    if verb is Verb.FINISH:
        assert todo.state is (State.CANCELLED if job.cancel else State.FAILED)


@pytest.mark.parametrize("job", [RUNNING, CANCELLED])
@pytest.mark.parametrize("progress", [Progress(), SILENT, WRITTEN, FAILED])
def test_job_whose_process_is_gone_is_never_left_running(job, progress):
    """Whatever it told, at the latest after its deadline something is done that ends it."""
    for seen in (ABSENT, ENDED):
        todo = plan_running(job, seen, progress, now=START + timedelta(seconds=LATE_S), deadline_s=DEADLINE_S)
        assert isinstance(todo, Todo)
        assert todo.verb in (Verb.REGISTER, Verb.FINISH)


def test_steps_are_counted_and_a_written_release_counts_all():
    assert (reached(SILENT).step, reached(SILENT).done, reached(SILENT).total) == ("accuracy", 1, 7)
    assert (reached(WRITTEN).done, reached(WRITTEN).total) == (7, 7)
    assert reached(Progress()).step is None


def test_times_are_read_as_they_were_written():
    assert read_time(write_time(START)) == START
