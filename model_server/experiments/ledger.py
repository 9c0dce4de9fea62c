"""Experiments in the registry's store: batches that never change, of which a later one corrects an earlier one.

A batch appears whole or not at all, because the store writes a key in one step; both colours read the same store.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

import msgspec

from model_server.errors import ArtefactInvalidError, RegistryRefusedError
from model_server.experiments.row import ExperimentRow
from model_server.registry.store import Store

_PREFIX = "experiments/"
# Chosen: what one worker can hold in memory without being noticed, about 20 MB.
MAX_ROWS = 20_000

Clock = Callable[[], datetime]


class Kept(msgspec.Struct, frozen=True):
    """A stored row, with who sent it and when (ISO 8601, UTC)."""

    row: ExperimentRow
    sent_by: str
    sent_at: str


class Batch(msgspec.Struct, frozen=True):
    """What one request brought, without the rows that were known already."""

    sent_by: str
    sent_at: str
    rows: tuple[ExperimentRow, ...]


class Added(NamedTuple):
    """What became of the rows of a request."""

    added: int
    changed: int
    unchanged: int


class ExperimentLedger:
    """Reads and writes experiments; for several threads of one process, and several processes."""

    def __init__(self, store: Store | None, *, clock: Clock = lambda: datetime.now(UTC)) -> None:
        """Use the registry's store; without one nothing is kept."""
        self._store = store
        self._clock = clock
        self._merged: tuple[tuple[str, ...], dict[str, Kept]] = ((), {})

    def rows(self) -> list[Kept]:
        """Every experiment, oldest measurement first.

        Raises:
            ArtefactInvalidError: a stored batch is damaged (permanent).
        """
        return sorted(self._read().values(), key=lambda kept: (kept.row.measured_on, kept.row.key))

    def add(self, rows: Sequence[ExperimentRow], *, who: str) -> Added:
        """Keep rows; the same id and property again corrects, the same content again does nothing.

        Raises:
            RegistryRefusedError: there is no store, or it is full (permanent).
            ArtefactInvalidError: a stored batch is damaged (permanent).
        """
        if self._store is None:
            message = "the registry is read-only; set CRYO_REGISTRY_DIR or CRYO_REGISTRY_S3"
            raise RegistryRefusedError(message)
        known = self._read()
        fresh = [row for row in rows if row.key not in known]
        changed = [row for row in rows if row.key in known and known[row.key].row != row]
        if len(known) + len(fresh) > MAX_ROWS:
            raise RegistryRefusedError(f"{len(known)} experiments are kept and {MAX_ROWS} may be; nothing was added")
        if fresh or changed:
            now = self._clock().astimezone(UTC)
            batch = Batch(who, now.strftime("%Y-%m-%dT%H:%M:%SZ"), (*fresh, *changed))
            content = msgspec.json.encode(batch)
            digest = hashlib.sha256(content).hexdigest()[:16]
            # The time leads, so that the order of the names is the order of corrections.
            self._store.create(f"{_PREFIX}{now:%Y%m%d-%H%M%S-%f}-{digest}.json", content)
        return Added(len(fresh), len(changed), len(rows) - len(fresh) - len(changed))

    def _read(self) -> dict[str, Kept]:
        keys = tuple(self._store.keys(_PREFIX)) if self._store is not None else ()
        known, merged = self._merged
        if keys != known:
            merged = {}
            for key in keys:
                batch = self._decode(key)
                merged.update({row.key: Kept(row, batch.sent_by, batch.sent_at) for row in batch.rows})
            self._merged = keys, merged
        return merged

    def _decode(self, key: str) -> Batch:
        stored = self._store.read(key) if self._store is not None else None
        if stored is None:
            raise ArtefactInvalidError(f"{self._store}/{key}: gone while it was read; repeat in a moment")
        try:
            return msgspec.json.decode(stored.content, type=Batch)
        except msgspec.DecodeError as error:
            raise ArtefactInvalidError(f"{self._store}/{key}: {error}; restore it from a backup") from error


def export_rows(rows: Sequence[Kept]) -> bytes:
    """Write rows as the file that trainings read, the same as `cryo data experiments` writes."""
    return msgspec.json.format(msgspec.json.encode({"rows": [kept.row for kept in rows]}), indent=1) + b"\n"


def between(rows: Sequence[Kept], first: date | None, last: date | None) -> list[Kept]:
    """Rows measured from one day to another, both included; None leaves a side open."""
    return [
        kept
        for kept in rows
        if (first is None or kept.row.measured_on >= first) and (last is None or kept.row.measured_on <= last)
    ]
