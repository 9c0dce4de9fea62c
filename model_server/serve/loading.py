"""Bring what is served in line with the registry: load beside, warm, then replace in one step."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from model_server.errors import ModelServerError, TemporaryError
from model_server.registry.folder import WantedModel
from model_server.registry.record import ModelRecord
from model_server.registry.registry import Registry
from model_server.registry.session import open_session
from model_server.serve.metrics import ServeMetrics
from model_server.serve.predictor import Predictor
from model_server.serve.residence import Residence, plan_change, plan_residence, resolve_aliases
from model_server.serve.shelf import Served, Shelf, State

Load = Callable[[str, str], Predictor]

# Chosen: an alias moved on another worker or by the command line is followed within this time.
POLL_S = 1.0
# Chosen: a version that could not be loaded is tried again, in case its files were being copied.
RETRY_S = 30.0


class Reporting(NamedTuple):
    """Where loading tells what it does."""

    metrics: ServeMetrics
    log: FilteringBoundLogger
    colour: str


class Loading:
    """Keeps one worker's shelf in line with the registry."""

    def __init__(
        self,
        registry: Registry,
        shelf: Shelf,
        load: Load,
        *,
        wanted: Sequence[WantedModel] | None,
        reporting: Reporting,
    ) -> None:
        """Wire the parts; nothing is loaded yet.

        Args:
            registry: what should be served.
            shelf: what is served.
            load: reads, verifies and warms one version; runs in a thread.
            wanted: models to expect; None for every model of the registry.
            reporting: metrics, log and the deployment's colour.
        """
        self._registry = registry
        self._shelf = shelf
        self._load = load
        self._wanted = None if wanted is None else {model.name: model.version for model in wanted}
        self._report = reporting
        self._tags: dict[str, str | None] = {}
        self._retry_at: dict[str, float] = {}
        self._lock = asyncio.Lock()
        # One at a time: two models loading at once would share the core and the memory peak would double.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="load")

    def expect_all(self) -> None:
        """Withhold readiness for every expected model before any is loaded."""
        for name in self._names():
            self._shelf.expect(name, f"{name}: still loading")

    async def load_all(self) -> None:
        """Load every expected model; one that cannot be loaded leaves its reason and does not stop the others."""
        for name in await asyncio.to_thread(self._names):
            await self.refresh(name)

    async def follow(self) -> None:
        """Follow the registry until cancelled; while it does not answer, what is loaded stays."""
        log, away = self._report.log, False
        while True:
            await asyncio.sleep(POLL_S)
            try:
                changed = await asyncio.to_thread(self._changed)
            except ModelServerError as error:
                if not away:
                    log.error("model_server.registry.unreachable", reason=str(error))  # noqa: TRY400 - the whole story
                away = True
                continue
            if away:
                log.info("model_server.registry.reachable")
            away = False
            for name in changed:
                await self.refresh(name)

    async def refresh(self, name: str, *, again: bool = False) -> None:
        """Bring one model in line.

        Args:
            name: of a model.
            again: read versions anew that are loaded already.
        """
        async with self._lock:
            loop = asyncio.get_running_loop()
            self._retry_at.pop(name, None)
            try:
                self._tags[name], record = await loop.run_in_executor(self._pool, self._look, name)
            except TemporaryError as error:
                self._put_off(name, str(error))
                return
            except ModelServerError as error:
                self._fail(name, str(error))
                return
            wanted = plan_residence(record, (self._wanted or {}).get(name))
            if not wanted.versions:
                self._clear(name, record, wanted)
                return
            await self._bring(name, wanted, again=again)

    def close(self) -> None:
        """Stop the loading thread."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _changed(self) -> list[str]:
        """Models whose record is another than the one that was last looked at, or whose next attempt is due."""
        now = perf_counter()
        return [
            name
            for name in self._names()
            if now >= self._retry_at.get(name, float("inf")) or self._tags.get(name) != self._registry.change_tag(name)
        ]

    def _look(self, name: str) -> tuple[str | None, ModelRecord]:
        # The tag first: a change in between is then seen again, and never missed.
        return self._registry.change_tag(name), self._registry.record(name)

    def _put_off(self, name: str, reason: str) -> None:
        """Look again later; a version that answers goes on doing so, and keeps the pod ready."""
        if self._shelf.served(name).champion is None:
            self._fail(name, reason)
        self._retry_at[name] = perf_counter() + RETRY_S

    def _names(self) -> list[str]:
        return list(self._wanted) if self._wanted is not None else self._registry.names()

    async def _bring(self, name: str, wanted: Residence, *, again: bool) -> None:
        before = self._shelf.served(name)
        held = dict(before.versions)
        change = plan_change(wanted, () if again else held)
        failures = []
        for version in change.load:
            try:
                held[version] = await self._load_one(name, version)
            except ModelServerError as error:
                failures.append(str(error))
        kept = {version: held[version] for version in wanted.versions if version in held}
        aliases = resolve_aliases(wanted, held, before.aliases)
        kept.update({version: held[version] for version in aliases.values()})
        self._shelf.put(name, Served(kept, aliases, wanted.traffic))
        self._report.metrics.show_aliases(name, aliases, before.aliases)
        for version in set(before.versions) - set(kept):
            self._report.metrics.info.labels(name, version, self._report.colour).set(0)
        if failures:
            self._retry_at[name] = perf_counter() + RETRY_S
        if self._shelf.served(name).champion is None:
            self._shelf.expect(name, "; ".join(failures))
        self._report.metrics.ready.labels(name).set(self._shelf.served(name).champion is not None)

    async def _load_one(self, name: str, version: str) -> Predictor:
        started = perf_counter()
        metrics, log = self._report.metrics, self._report.log
        self._shelf.note(name, version, State.LOADING)
        loop = asyncio.get_running_loop()
        try:
            predictor = await loop.run_in_executor(self._pool, self._load, name, version)
        except ModelServerError as error:
            self._shelf.note(name, version, State.UNAVAILABLE, str(error))
            metrics.loads.cell(name, version, "failure").value += 1
            log.error("model_server.load.failed", model=name, model_version=version, reason=str(error))  # noqa: TRY400 - the message is the whole story
            raise
        seconds = perf_counter() - started
        metrics.loads.cell(name, version, "success").value += 1
        metrics.load_seconds.labels(name, version).set(seconds)
        metrics.info.labels(name, version, self._report.colour).set(1)
        log.info(
            "model_server.load.succeeded",
            model=name,
            model_version=version,
            digest=predictor.name.digest,
            duration_s=round(seconds, 3),
        )
        return predictor

    def _clear(self, name: str, record: ModelRecord, wanted: Residence) -> None:
        before = self._shelf.served(name)
        self._shelf.put(name, Served())
        self._report.metrics.show_aliases(name, {}, before.aliases)
        for version in before.versions:
            self._shelf.note(name, version, State.UNAVAILABLE, "unloaded")
        if record.served and self._wanted is not None:
            self._fail(name, wanted.because[0])
            return
        # Nobody asked for this model by name, and nobody has promoted a version of it or somebody has unloaded it.
        self._shelf.dismiss(name)
        for version in record.versions:
            self._shelf.note(name, version, State.UNAVAILABLE, wanted.because[0])
        self._report.metrics.ready.labels(name).set(0)

    def _fail(self, name: str, reason: str) -> None:
        self._shelf.expect(name, reason)
        self._retry_at[name] = perf_counter() + RETRY_S
        self._report.metrics.ready.labels(name).set(0)
        self._report.log.error("model_server.load.failed", model=name, reason=reason)


def registry_loader(registry: Registry, *, metrics: ServeMetrics) -> Load:
    """Load versions from a registry, verified and warmed."""

    def load(name: str, version: str) -> Predictor:
        release = registry.load(name, version)
        session = open_session(release.model, where=release.where)
        predictor = Predictor(release.without_model(), session, metrics=metrics)
        predictor.warm_up()
        return predictor

    return load
