"""One training job and the ways it may go; pure, every refusal with its reason.

queued -> running -> succeeded | failed | cancelled
queued -> cancelled | failed
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal, NamedTuple

import msgspec

from model_server.registry.record import Act

# Chosen: a laboratory trains a handful of models; a longer queue is somebody's loop.
MAX_QUEUED = 8
# Chosen: a year of a training every other day, 1 kB each.
MAX_HISTORY = 200


class State(StrEnum):
    """Where a job is on its way."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_ENDS = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is to be trained.

    `trials`: of the hyperparameter search, 0 takes the catalogue's settings. `experiments`: whether it also learns from
    those that the server keeps; left out of the record when not, so that an older server reads it.
    """

    model: str
    version: str
    seed: int
    trials: int = 0
    experiments: bool = False


class Reached(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a run is: `done` of `total` steps are behind it, `step` is under way."""

    step: str | None = None
    done: int = 0
    total: int = 0
    message: str = ""


_NOWHERE = Reached()


class Released(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a job gave: a registered version that answers nobody until it is promoted."""

    digest: str
    promotable: bool
    because: tuple[str, ...]


class TrainingJob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The record of one job. Times are ISO 8601 in UTC; `cancel` is who wants it ended, and why."""

    schema: Literal[1]
    id: str
    order: Order
    asked: Act
    state: State = State.QUEUED
    started_at: str | None = None
    finished_at: str | None = None
    cancel: Act | None = None
    reached: Reached = _NOWHERE
    error: str | None = None
    released: Released | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in _ENDS


class Ending(NamedTuple):
    """How a job ends. `error`: why it gave nothing."""

    state: State
    at: str
    reached: Reached = _NOWHERE
    error: str | None = None
    released: Released | None = None


class Change(NamedTuple):
    """What becomes of a job; without one the change is refused, for the reason given."""

    job: TrainingJob | None
    because: str


def new_job(job_id: str, order: Order, asked: Act) -> TrainingJob:
    """Return a job that waits for its turn."""
    return TrainingJob(schema=1, id=job_id, order=order, asked=asked)


def refuse_double(jobs: Iterable[TrainingJob], order: Order) -> str | None:
    """Return why an order cannot be taken beside the jobs that are not over; None when it can."""
    for job in jobs:
        if not job.is_over and (job.order.model, job.order.version) == (order.model, order.version):
            return f"job {job.id} makes {order.model} {order.version} already; wait for it or raise the version"
    return None


def is_queue_full(jobs: Iterable[TrainingJob]) -> bool:
    """Whether as many jobs wait as may."""
    return sum(job.state is State.QUEUED for job in jobs) >= MAX_QUEUED


def next_to_start(jobs: Iterable[TrainingJob], *, parallel: int) -> list[TrainingJob]:
    """Return the queued jobs whose turn it is: oldest first, one of a model and `parallel` altogether at a time."""
    ordered = sorted(jobs, key=lambda job: job.id)
    running = [job for job in ordered if job.state is State.RUNNING]
    busy, free = {job.order.model for job in running}, parallel - len(running)
    chosen: list[TrainingJob] = []
    for job in ordered:
        if job.state is State.QUEUED and job.cancel is None and job.order.model not in busy and len(chosen) < free:
            chosen.append(job)
            busy.add(job.order.model)
    return chosen


def forgotten(jobs: Iterable[TrainingJob]) -> list[TrainingJob]:
    """Return the jobs that are over and older than the history is long."""
    over = sorted((job for job in jobs if job.is_over), key=lambda job: job.id, reverse=True)
    return over[MAX_HISTORY:]


def begin(job: TrainingJob, at: str) -> Change:
    """Take a queued job for running; only one of several that try gets it."""
    if job.state is not State.QUEUED or job.cancel is not None:
        return Change(None, f"job {job.id} is {job.state} and cannot begin")
    return Change(msgspec.structs.replace(job, state=State.RUNNING, started_at=at), "its turn")


def ask_to_cancel(job: TrainingJob, act: Act) -> Change:
    """Ask for a job's end: a queued one is over at once, a running one when its process is gone."""
    if job.is_over:
        return Change(None, f"job {job.id} is {job.state} since {job.finished_at}; there is nothing to cancel")
    if job.cancel is not None:
        return Change(job, "asked already")
    asked = msgspec.structs.replace(job, cancel=act)
    return (
        finish(asked, Ending(State.CANCELLED, act.at, error=told(act)))
        if job.state is State.QUEUED
        else Change(asked, act.why)
    )


def told(act: Act) -> str:
    """Say who cancelled a job and why."""
    return f"cancelled by {act.who}: {act.why}"


def finish(job: TrainingJob, ending: Ending) -> Change:
    """End a job; one that is over stays as it is."""
    if job.is_over:
        return Change(job, f"job {job.id} is {job.state} already")
    ended = msgspec.structs.replace(
        job,
        state=ending.state,
        finished_at=ending.at,
        reached=ending.reached,
        error=ending.error,
        released=ending.released,
    )
    return Change(ended, ending.error or ending.state.value)
