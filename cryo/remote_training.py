"""Order a training from a running model server and follow it to its end; the job does not need this command to live."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

import httpx

from cryo.errors import PermanentCryoError
from cryo.model_api import send
from model_server.registry.record import following_version

_JOBS = "/api/v1/training-jobs"
_PAGE = 100
_ACTIVE = frozenset({"queued", "running"})


@dataclass(frozen=True, slots=True)
class RemoteOrder:
    """Body of the order; `version` None takes the one that follows the newest."""

    model: str
    reason: str
    version: str | None
    seed: int | None
    trials: int
    experiments: bool


def order_training(client: httpx.Client, order: RemoteOrder) -> str:
    """Order it; return the job's id.

    Raises:
        PermanentCryoError: the server refuses; its words are in the message.
        TemporaryCryoError: the server does not answer, or its queue is full.
    """
    body = {name: value for name, value in asdict(order).items() if value is not None}
    if order.version is None:
        body["version"] = following_version(_versions(client, order.model))
    return str(send(client, "POST", _JOBS, body=body).json()["id"])


def follow_training(client: httpx.Client, job_id: str, *, pause: Callable[[], None]) -> Iterator[str]:
    """Tell each change of a job in a line, the last of which says what it gave.

    Raises:
        PermanentCryoError: it gave nothing; the message says why.
        TemporaryCryoError: the server does not answer; the job goes on.
    """
    told = ""
    while True:
        job = send(client, "GET", f"{_JOBS}/{job_id}").json()
        if job["state"] not in _ACTIVE:
            break
        line = _describe(job)
        if line != told:
            yield line
        told = line
        pause()
    if job["state"] != "succeeded":
        message = f"training {job_id} {job['state']}: {job['error']}"
        raise PermanentCryoError(message)
    verdict = "promotable" if job["promotable"] else f"not promotable: {'; '.join(job['because'])}"
    yield f"{job['model']} {job['version']} {job['digest']}: {verdict}; it answers nobody until it is promoted"


def _versions(client: httpx.Client, model: str) -> list[str]:
    path: str | None = f"/api/v1/models/{quote(model)}/versions?limit={_PAGE}"
    found: list[str] = []
    while path:
        page = send(client, "GET", path).json()
        found += [entry["version"] for entry in page["versions"]]
        path = f"/api/v1/models/{quote(model)}/versions?limit={_PAGE}&after={page['next']}" if page["next"] else None
    return found


def _describe(job: dict[str, Any]) -> str:
    step = f"{job['step']} {job['steps_done']}/{job['steps_total']}" if job["step"] else job["state"]
    return f"{job['id']} {step}: {job['message']}"
