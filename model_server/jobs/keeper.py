"""Moves jobs along: starts whose turn it is, looks at what runs, registers what a run left, and ends the rest.

Every worker of every server does this. Each step is a conditional write or may be repeated, so it does not matter who
does it, nor whether somebody died half-way.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from model_server.errors import ModelServerError, TemporaryError
from model_server.experiments.ledger import ExperimentLedger, export_rows
from model_server.jobs.job import (
    Ending,
    Reached,
    Released,
    State,
    TrainingJob,
    begin,
    finish,
    next_to_start,
)
from model_server.jobs.ledger import Ledger
from model_server.jobs.plan import Todo, Verb, plan_running, reached, write_time
from model_server.jobs.progress import read_progress
from model_server.jobs.runner import Runner
from model_server.jobs.workspace import Workspaces
from model_server.registry.registry import Registry

Clock = Callable[[], datetime]


class KeeperRules(NamedTuple):
    """How many jobs run at a time, and for how many seconds one may."""

    parallel: int
    deadline_s: float


class Keeper:
    """Keeps the jobs of one registry going."""

    def __init__(  # noqa: PLR0913 - the parts that meet here
        self,
        registry: Registry,
        ledger: Ledger,
        workspaces: Workspaces,
        runner: Runner,
        experiments: ExperimentLedger,
        *,
        rules: KeeperRules,
        log: FilteringBoundLogger,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """Take the parts; nothing happens before `tick`."""
        self._registry = registry
        self._ledger = ledger
        self._workspaces = workspaces
        self._runner = runner
        self._experiments = experiments
        self._rules = rules
        self._log = log
        self._clock = clock

    def tick(self) -> None:
        """Do what is due now; a step that cannot be done now is left for the next time."""
        jobs = self._ledger.jobs()
        for job in jobs:
            if job.state is State.RUNNING:
                self._attend(job)
        for job_id in self._workspaces.present():
            # Looked up after its folder was seen: a folder is made for a recorded job only.
            found = self._ledger.job(job_id)
            if found is None or found.is_over:
                self._workspaces.remove(job_id)
        for job in next_to_start(self._ledger.jobs(), parallel=self._rules.parallel):
            self._begin(job)

    def _begin(self, job: TrainingJob) -> None:
        # The conditional write decides who of all workers starts it.
        claimed = self._ledger.change(job.id, partial(begin, at=self._now()))
        if claimed.job is None:
            return
        place = self._workspaces.make(job.id)
        try:
            if job.order.experiments:
                # The run has no way to the registry: it gets the rows of this moment, and its card names their hash.
                place.experiments.write_bytes(export_rows(self._experiments.rows()))
            self._runner.start(claimed.job, place)
        except TemporaryError as error:
            # It may have been started all the same; looking at it will tell.
            self._log.warning("model_server.training.delayed", job=job.id, reason=str(error))
            return
        except ModelServerError as error:
            self._end(claimed.job, Todo(Verb.FINISH, f"could not be started: {error}"), Reached())
            return
        self._log.info("model_server.training.started", job=job.id, model=job.order.model, version=job.order.version)

    def _attend(self, job: TrainingJob) -> None:
        place = self._workspaces.of(job.id)
        try:
            seen = self._runner.look(job, place)
            progress = read_progress(place.progress)
            todo = plan_running(job, seen, progress, now=self._clock(), deadline_s=self._rules.deadline_s)
            if todo.verb in (Verb.STOP, Verb.KILL):
                self._runner.stop(job, place, kill=todo.verb is Verb.KILL)
            elif todo.verb is Verb.REGISTER:
                self._register(job, reached(progress))
            elif todo.verb is Verb.FINISH:
                self._end(job, todo, reached(progress))
        except TemporaryError as error:
            self._log.warning("model_server.training.unseen", job=job.id, reason=str(error))
        except ModelServerError as error:
            self._end(job, Todo(Verb.FINISH, str(error)), job.reached)

    def _register(self, job: TrainingJob, how_far: Reached) -> None:
        """Make the release known, then say so; a keeper that died in between does both again."""
        folder = self._workspaces.of(job.id).release(job.order)
        why = f"{job.asked.why} (training job {job.id})"
        release, _ = self._registry.register(folder, who=job.asked.who, why=why)
        evaluation = release.card.evaluation
        given = Released(release.digest, promotable=evaluation.promotable, because=tuple(evaluation.because))
        self._close(job, Ending(State.SUCCEEDED, self._now(), how_far, released=given))

    def _end(self, job: TrainingJob, todo: Todo, how_far: Reached) -> None:
        self._runner.stop(job, self._workspaces.of(job.id), kill=True)
        self._close(job, Ending(todo.state, self._now(), how_far, error=todo.because))

    def _close(self, job: TrainingJob, ending: Ending) -> None:
        self._ledger.change(job.id, partial(finish, ending=ending))
        digest = ending.released.digest if ending.released else None
        self._log.info(
            "model_server.training.ended", job=job.id, state=ending.state.value, reason=ending.error, digest=digest
        )
        self._workspaces.remove(job.id)

    def _now(self) -> str:
        return write_time(self._clock())
