"""Training jobs: order one, follow it, cancel it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec

from model_server.data.manifest import load_manifest
from model_server.errors import ArtefactInvalidError, RequestRefusedError
from model_server.experiments.ledger import ExperimentLedger
from model_server.jobs.job import Order, State, TrainingJob, ask_to_cancel
from model_server.jobs.ledger import Ledger
from model_server.jobs.order import DEFAULT_SEED, MAX_SEED, MAX_TRIALS, TRAINABLE
from model_server.jobs.plan import reached
from model_server.jobs.progress import read_progress
from model_server.jobs.runner import Runner
from model_server.jobs.workspace import Workspaces
from model_server.registry.card import VERSION_PATTERN
from model_server.registry.record import MAX_REASON_CHARS, MIN_REASON_CHARS
from model_server.registry.registry import Registry
from model_server.serve.api.paging import PARAMETERS, cut_page
from model_server.serve.auth import Role
from model_server.serve.endpoint import Call, Endpoint
from model_server.serve.http.message import Answer
from model_server.serve.wire import Name, Reason, encode

_BASE = "/api/v1/training-jobs"
_JOB = _BASE + "/{job}"
_TAG = "Training"
_WITHOUT_REASON = "cancelled through the API"

Version = Annotated[str, msgspec.Meta(pattern=f"^{VERSION_PATTERN.pattern}$", max_length=32)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=MAX_SEED)]
Trials = Annotated[int, msgspec.Meta(ge=0, le=MAX_TRIALS)]


class TrainingRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /api/v1/training-jobs.

    `trials`: of the hyperparameter search; 0 takes the catalogue's settings. `experiments`: learn from those that are
    kept here too.
    """

    model: Name
    version: Version
    reason: Reason
    seed: Seed = DEFAULT_SEED
    trials: Trials = 0
    experiments: bool = False


class CancelRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of DELETE /api/v1/training-jobs/{id}, which may be left out."""

    reason: Annotated[str, msgspec.Meta(min_length=MIN_REASON_CHARS, max_length=MAX_REASON_CHARS)] | None = None


class TrainingJobAnswer(msgspec.Struct, frozen=True):
    """One job. Times are ISO 8601 in UTC; `digest`, `promotable` and `because` are those of the version it gave."""

    id: str
    model: str
    version: str
    state: State
    step: str | None
    steps_done: int
    steps_total: int
    message: str
    seed: int
    trials: int
    experiments: bool
    who: str
    reason: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    error: str | None
    digest: str | None
    promotable: bool | None
    because: tuple[str, ...]


class TrainingJobList(msgspec.Struct, frozen=True):
    """A page of jobs, newest first; `next` is the cursor of the following one."""

    jobs: list[TrainingJobAnswer]
    next: str | None


class Desk(NamedTuple):
    """What takes orders.

    Args:
        ledger: of the jobs.
        workspaces: where their progress is told.
        runner: of the trainings; None where training is switched off.
        data_dir: of the data sets.
        experiments: that an order may ask for beside its data set.
    """

    ledger: Ledger
    workspaces: Workspaces
    runner: Runner | None
    data_dir: Path
    experiments: ExperimentLedger


class Training:
    """Handlers over the ledger."""

    def __init__(self, registry: Registry, desk: Desk | None, *, clock: Callable[[], datetime] | None = None) -> None:
        """Take the parts; without a desk there are no jobs and none can be ordered."""
        self._registry = registry
        self._desk = desk
        self._clock = clock or (lambda: datetime.now(UTC))

    async def create(self, call: Call) -> Answer:
        """Take an order; answered once it is in the queue."""
        return await asyncio.to_thread(self._create, call)

    async def list_jobs(self, call: Call) -> Answer:
        """List jobs, newest first."""
        return await asyncio.to_thread(self._list, call)

    async def show(self, call: Call) -> Answer:
        """Tell how far one is."""
        return await asyncio.to_thread(lambda: Answer(200, encode(self._describe(self._find(call)))))

    async def cancel(self, call: Call) -> Answer:
        """Ask for one's end; it is over when its process is gone."""
        return await asyncio.to_thread(self._cancel, call)

    def unavailable(self) -> str | None:
        """Why nothing can be trained here; None when orders are taken."""
        if self._desk is None or self._desk.runner is None:
            return "set CRYO_TRAINER and CRYO_REGISTRY_DIR"
        return self._desk.runner.unavailable()

    def jobs(self) -> list[TrainingJobAnswer]:
        """Every job that is kept, newest first."""
        jobs = {job.id: job for job in (self._desk.ledger.jobs() if self._desk else ())}
        return [self._describe(jobs[job_id]) for job_id in sorted(jobs, reverse=True)]

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoints."""
        operator, job = Role.OPERATOR, TrainingJobAnswer
        return [
            Endpoint(
                "POST",
                _BASE,
                self.create,
                "Order a training.",
                _TAG,
                role=operator,
                body=TrainingRequest,
                answer=job,
                statuses=(409, 422, 503),
                success=202,
            ),
            Endpoint(
                "GET",
                _BASE,
                self.list_jobs,
                "List training jobs, newest first.",
                _TAG,
                answer=TrainingJobList,
                query=PARAMETERS,
                statuses=(409, 422),
            ),
            Endpoint("GET", _JOB, self.show, "One training job.", _TAG, answer=job, statuses=(404, 409)),
            Endpoint(
                "DELETE",
                _JOB,
                self.cancel,
                "Cancel a training job.",
                _TAG,
                role=operator,
                body=CancelRequest,
                body_optional=True,
                answer=job,
                statuses=(404, 409, 503),
            ),
        ]

    def _create(self, call: Call) -> Answer:
        request: TrainingRequest = call.body
        if request.model not in TRAINABLE:
            offered = ", ".join(sorted(TRAINABLE))
            message = f"no such model in the catalogue; choose one of: {offered}"
            raise RequestRefusedError(message, code="unknown_model", status=422, path="model")
        desk = self._open_desk()
        if request.version in self._registry.record(request.model).versions:
            message = f"{request.model} {request.version} exists and never changes; raise the version"
            raise RequestRefusedError(message, code="version_exists", status=409, path="version")
        self._refuse_without_data(desk, request)
        who = call.principal.who if call.principal else "unknown"
        asked = self._registry.act(who, request.reason)
        order = Order(request.model, request.version, request.seed, request.trials, request.experiments)
        job = desk.ledger.add(order, asked, now=self._clock())
        return Answer(202, encode(self._describe(job)))

    def _open_desk(self) -> Desk:
        reason = self.unavailable()
        if self._desk is None or reason is not None:
            raise RequestRefusedError(f"nothing can be trained here: {reason}", code="training_unavailable", status=409)
        return self._desk

    def _refuse_without_data(self, desk: Desk, request: TrainingRequest) -> None:
        model, manifest = request.model, load_manifest(TRAINABLE[request.model])
        if not (desk.data_dir / manifest.path).is_file():
            message = (
                f"{model} learns from the data set {TRAINABLE[model]}, which is not here; `cryo data push` brings it"
            )
            raise RequestRefusedError(message, code="dataset_missing", status=409)
        if request.experiments and not desk.experiments.rows():
            message = "no experiments are kept here; POST /api/v1/experiments brings them, or leave them out"
            raise RequestRefusedError(message, code="experiments_missing", status=409, path="experiments")

    def _list(self, call: Call) -> Answer:
        jobs = {job.id: job for job in self.jobs()}
        page, following = cut_page(list(jobs), call.query)
        return Answer(200, encode(TrainingJobList([jobs[job_id] for job_id in page], following)))

    def _cancel(self, call: Call) -> Answer:
        job = self._find(call)
        reason = (call.body.reason if call.body else None) or _WITHOUT_REASON
        act = self._registry.act(call.principal.who if call.principal else "unknown", reason)
        assert self._desk is not None  # noqa: S101 - there is a job
        changed = self._desk.ledger.change(job.id, partial(ask_to_cancel, act=act))
        if changed.job is None:
            raise RequestRefusedError(changed.because, code="job_over", status=409)
        return Answer(200, encode(self._describe(changed.job)))

    def _find(self, call: Call) -> TrainingJob:
        job_id = call.parameters["job"]
        job = self._desk.ledger.job(job_id) if self._desk else None
        if job is None:
            raise RequestRefusedError(f"no such training job; GET {_BASE} lists them", code="unknown_job", status=404)
        return job

    def _describe(self, job: TrainingJob) -> TrainingJobAnswer:
        how_far, order, given = job.reached, job.order, job.released
        message = how_far.message
        if job.state is State.QUEUED:
            message = "waits for its turn"
        elif job.state is State.RUNNING and self._desk is not None:
            try:
                how_far = reached(read_progress(self._desk.workspaces.of(job.id).progress))
            except ArtefactInvalidError as error:
                message = str(error)
            message = how_far.message or "its process is being started"
            message = f"is being cancelled; {message}" if job.cancel else message
        return TrainingJobAnswer(
            id=job.id,
            model=order.model,
            version=order.version,
            state=job.state,
            step=how_far.step,
            steps_done=how_far.done,
            steps_total=how_far.total,
            message=message,
            seed=order.seed,
            trials=order.trials,
            experiments=order.experiments,
            who=job.asked.who,
            reason=job.asked.why,
            created_at=job.asked.at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            error=job.error,
            digest=given.digest if given else None,
            promotable=given.promotable if given else None,
            because=given.because if given else (),
        )
