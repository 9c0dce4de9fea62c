"""What to do about a running job, from what its runner sees and what its progress file says; pure."""

from datetime import UTC, datetime
from enum import Enum, auto
from typing import NamedTuple

from model_server.jobs.job import Reached, State, TrainingJob, told
from model_server.jobs.progress import Progress

# Chosen: whoever took the job starts its process within a second; after this it died before it did.
START_GRACE_S = 30.0
# Chosen: a fit inside native code ends within a few seconds and then sees the signal.
STOP_GRACE_S = 20.0
_LATE = "took longer than {:.0f} s and was stopped; order fewer trials or raise the deadline"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class Sight(Enum):
    """What a runner sees of a job's process."""

    ABSENT = auto()
    ALIVE = auto()
    ENDED = auto()


class Seen(NamedTuple):
    """Sight and, where the runner knows more, the reason in words; `stuck` says that waiting will not help."""

    sight: Sight
    why: str | None = None
    stuck: bool = False


class Verb(Enum):
    """What is to be done."""

    WAIT = auto()
    STOP = auto()
    KILL = auto()
    REGISTER = auto()
    FINISH = auto()


class Todo(NamedTuple):
    """One decision and its reason; `state` belongs to FINISH, before which a process that is left is killed."""

    verb: Verb
    because: str = ""
    state: State = State.FAILED


def plan_running(job: TrainingJob, seen: Seen, progress: Progress, *, now: datetime, deadline_s: float) -> Todo:
    """Decide about a job in state running.

    Args:
        job: as recorded.
        seen: looked at before the progress file was read, so that an ended run has told all it had to tell.
        progress: what the file says.
        now: with time zone.
        deadline_s: seconds a run may take.
    """
    age_s = (now - _began(job)).total_seconds()
    if seen.sight is Sight.ALIVE:
        return _plan_alive(job, seen, now=now, deadline_s=deadline_s)
    if job.cancel is not None:
        return Todo(Verb.FINISH, told(job.cancel), State.CANCELLED)
    if progress.end is not None:
        verb = Verb.REGISTER if progress.end.outcome == "written" else Verb.FINISH
        return Todo(verb, progress.end.message)
    return _plan_silent(seen, age_s=age_s, deadline_s=deadline_s)


def _plan_silent(seen: Seen, *, age_s: float, deadline_s: float) -> Todo:
    if seen.sight is Sight.ABSENT and age_s < START_GRACE_S:
        return Todo(Verb.WAIT, "its process is being started")
    if age_s > deadline_s:
        return Todo(Verb.FINISH, _LATE.format(deadline_s))
    if seen.sight is Sight.ABSENT:
        return Todo(Verb.FINISH, seen.why or "its process is gone or never started; order it again")
    return Todo(Verb.FINISH, seen.why or "its process was ended from outside before it could say why; order it again")


def _plan_alive(job: TrainingJob, seen: Seen, *, now: datetime, deadline_s: float) -> Todo:
    age_s = (now - _began(job)).total_seconds()
    if job.cancel is not None:
        asked_s = (now - read_time(job.cancel.at)).total_seconds()
        return Todo(Verb.KILL if asked_s > STOP_GRACE_S else Verb.STOP, "cancelled")
    if seen.stuck:
        return Todo(Verb.FINISH, seen.why or "it cannot start")
    if age_s <= deadline_s:
        return Todo(Verb.WAIT)
    late = _LATE.format(deadline_s)
    return Todo(Verb.FINISH, f"{late}; {seen.why}" if seen.why else late)


def _began(job: TrainingJob) -> datetime:
    return read_time(job.started_at or job.asked.at)


def reached(progress: Progress) -> Reached:
    """How far a run is by its progress file."""
    step = progress.step
    if step is None:
        return Reached()
    if progress.end is not None and progress.end.outcome == "written":
        return Reached(step.step, step.of, step.of, progress.end.message)
    return Reached(step.step, step.done, step.of, step.message)


def read_time(text: str) -> datetime:
    """Read a time of a record."""
    return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)


def write_time(moment: datetime) -> str:
    """Write a time of a record."""
    return moment.astimezone(UTC).strftime(TIME_FORMAT)
