"""The jobs in the registry's store, which every worker of both colours reads and writes."""

import secrets
from collections.abc import Callable
from datetime import datetime

import msgspec

from model_server.errors import (
    ArtefactInvalidError,
    QueueFullError,
    RegistryBusyError,
    RegistryRefusedError,
)
from model_server.jobs.job import (
    Change,
    Order,
    TrainingJob,
    forgotten,
    is_queue_full,
    new_job,
    refuse_double,
)
from model_server.registry.record import Act
from model_server.registry.store import Store

_PREFIX = "jobs/"
_ATTEMPTS = 4
_QUEUE_RETRY_S = 60.0


class Ledger:
    """Reads and changes job records; a change that met another one is decided anew."""

    def __init__(self, store: Store) -> None:
        """Use the registry's store."""
        self._store = store
        self._known: dict[str, tuple[str | None, TrainingJob]] = {}

    def jobs(self) -> list[TrainingJob]:
        """Every job, oldest first.

        Raises:
            ArtefactInvalidError: a record is damaged (permanent).
        """
        keys = self._store.keys(_PREFIX)
        self._known = {key: entry for key, entry in self._known.items() if key in keys}
        found = (self._look(key) for key in keys)
        return [job for job in found if job is not None]

    def job(self, job_id: str) -> TrainingJob | None:
        """One job; None when there is no such."""
        return self._look(_key(job_id))

    def add(self, order: Order, asked: Act, *, now: datetime) -> TrainingJob:
        """Put an order into the queue.

        Raises:
            RegistryRefusedError: the same version is being made (permanent).
            QueueFullError: too many jobs wait (temporary).
        """
        jobs = self.jobs()
        refusal = refuse_double(jobs, order)
        if refusal is not None:
            raise RegistryRefusedError(refusal)
        if is_queue_full(jobs):
            msg = "too many training jobs wait already; cancel one or ask again when one has ended"
            raise QueueFullError(msg, retry_after_s=_QUEUE_RETRY_S)
        job = new_job(f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}", order, asked)
        self._store.replace(_key(job.id), _encode(job), expected=None)
        for old in forgotten(jobs):
            self._store.delete(_key(old.id))
        return job

    def change(self, job_id: str, decide: Callable[[TrainingJob], Change]) -> Change:
        """Apply a decision to the current record, again if somebody else was faster.

        Raises:
            ArtefactInvalidError: no such job, or its record is damaged (permanent).
            RegistryBusyError: others kept being faster (temporary).
        """
        for _ in range(_ATTEMPTS):
            stored = self._store.read(_key(job_id))
            if stored is None:
                raise ArtefactInvalidError(f"training job {job_id} is gone from the registry")
            job = _decode(job_id, stored.content)
            decided = decide(job)
            if decided.job is None or decided.job is job:
                return decided
            try:
                self._store.replace(_key(job_id), _encode(decided.job), expected=stored.tag)
            except RegistryBusyError:
                continue
            return decided
        raise RegistryBusyError(f"the record of training job {job_id} kept changing; repeat in a moment")

    def _look(self, key: str) -> TrainingJob | None:
        tag = self._store.tag(key)
        known = self._known.get(key)
        if tag is not None and known is not None and known[0] == tag:
            return known[1]
        stored = self._store.read(key)
        if stored is None:
            return None
        job = _decode(key, stored.content)
        self._known[key] = (tag, job)
        return job


def _key(job_id: str) -> str:
    return f"{_PREFIX}{job_id}.json"


def _encode(job: TrainingJob) -> bytes:
    return msgspec.json.format(msgspec.json.encode(job), indent=1) + b"\n"


def _decode(where: str, content: bytes) -> TrainingJob:
    try:
        return msgspec.json.decode(content, type=TrainingJob)
    except msgspec.DecodeError as error:
        raise ArtefactInvalidError(f"record of training job {where}: {error}; remove it or restore it") from error
