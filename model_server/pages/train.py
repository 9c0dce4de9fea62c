"""The Train page: orders and jobs, as POST and GET /api/v1/training-jobs have them."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from model_server.jobs.job import State
from model_server.jobs.order import DEFAULT_SEED, MAX_SEED, MAX_TRIALS, TRAINABLE
from model_server.pages.frame import Fields, Frame
from model_server.registry.record import MAX_REASON_CHARS, MIN_REASON_CHARS, following_version
from model_server.registry.registry import Registry
from model_server.serve.api.training import Training, TrainingJobAnswer
from model_server.serve.endpoint import Call, Endpoint
from model_server.serve.http.message import Answer

_PATH = "/train"
_MINUTE_S = 60
_LOOKS = {State.SUCCEEDED: "good", State.FAILED: "bad", State.CANCELLED: "plain"}


class JobView(NamedTuple):
    """One job.

    Args:
        job: as the API has it.
        look: of its badge.
        active: whether it may still be cancelled.
        took: how long it ran, in words; empty while it does not tell.
    """

    job: TrainingJobAnswer
    look: str
    active: bool
    took: str


class TrainPage:
    """Handler of the page."""

    def __init__(self, frame: Frame, registry: Registry, training: Training) -> None:
        """Take the parts."""
        self._frame = frame
        self._registry = registry
        self._training = training

    async def show(self, _call: Call, fields: Fields) -> Answer:
        """Show the form of an order and every job."""
        return await self._frame.show("train.html", _PATH, await asyncio.to_thread(self._context, fields))

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoint."""
        return [self._frame.page(_PATH, _PATH, self.show, "Train.")]

    def _context(self, fields: Fields) -> Mapping[str, object]:
        jobs = [view_job(job) for job in self._training.jobs()]
        following = {
            name: following_version([*self._registry.record(name).versions, *_coming(name, jobs)]) for name in TRAINABLE
        }
        return {
            "jobs": jobs,
            "active": any(job.active for job in jobs),
            "unavailable": self._training.unavailable(),
            "following": following,
            "chosen": fields.get("model") if fields.get("model") in TRAINABLE else next(iter(TRAINABLE)),
            "seed": DEFAULT_SEED,
            "most": (MAX_SEED, MAX_TRIALS),
            "reason_chars": (MIN_REASON_CHARS, MAX_REASON_CHARS),
        }


def view_job(job: TrainingJobAnswer) -> JobView:
    """Prepare one job for the page."""
    active = job.state in (State.QUEUED, State.RUNNING)
    return JobView(job, _LOOKS.get(job.state, "plain"), active, _duration(job.started_at, job.finished_at))


def _coming(model: str, jobs: Iterable[JobView]) -> list[str]:
    """Versions that are being made: nobody else can order them."""
    return [view.job.version for view in jobs if view.active and view.job.model == model]


def _duration(start: str | None, end: str | None) -> str:
    if start is None or end is None:
        return ""
    seconds = round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
    minutes, rest = divmod(seconds, _MINUTE_S)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
