"""Put the parts of one worker together and run it; several workers share the port."""

import asyncio
import gc
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple

import uvloop
from prometheus_client import disable_created_metrics
from structlog.typing import FilteringBoundLogger

from model_server.errors import AddressBusyError
from model_server.experiments.ledger import ExperimentLedger
from model_server.features.molecules import silence_library_log
from model_server.jobs.keeper import Keeper
from model_server.pages.bundle import Bundle
from model_server.pages.frame import Build, Frame
from model_server.pages.site import SiteParts, lost_endpoint, page_endpoints
from model_server.registry.opening import open_store
from model_server.registry.registry import Registry, open_registry
from model_server.serve.api.datasets import Datasets
from model_server.serve.api.drift import Drift
from model_server.serve.api.experiments import Experiments
from model_server.serve.api.judging import Judging
from model_server.serve.api.mixtures import Mixtures
from model_server.serve.api.models import Models
from model_server.serve.api.predictions import PredictionParts, Predictions
from model_server.serve.api.training import Desk, Training
from model_server.serve.api.validating import Validating
from model_server.serve.app import Application
from model_server.serve.auth import Gatekeeper, TokenRules, read_secret
from model_server.serve.batching import BatchRules, Runner
from model_server.serve.cache import CacheCounts
from model_server.serve.describing import Describer
from model_server.serve.drain import Drain
from model_server.serve.endpoint import Endpoint
from model_server.serve.flags import FlagSource, FlagWatch, follow_flags
from model_server.serve.http.listener import Listener, open_socket
from model_server.serve.loading import Loading, Reporting, registry_loader
from model_server.serve.logs import build_logger
from model_server.serve.metrics import ServeMetrics
from model_server.serve.oip.endpoints import ProtocolEndpoints, RepositoryEndpoints
from model_server.serve.oip.infer import Inference, InferParts, InferRules
from model_server.serve.openapi import Document
from model_server.serve.probes import Probes
from model_server.serve.readiness import Readiness
from model_server.serve.releases import Releases
from model_server.serve.routes import Router
from model_server.serve.settings import ServeSettings
from model_server.serve.shadow import Shadow
from model_server.serve.shelf import Shelf
from model_server.serve.switches import Switches
from model_server.serve.training import build_desk, build_keeper, keep_training


class Worker(NamedTuple):
    """The parts of one worker that something outside has to reach."""

    app: Application
    loading: Loading
    drain: Drain
    shelf: Shelf
    metrics: ServeMetrics
    pool: ThreadPoolExecutor
    keeper: Keeper | None
    switches: Switches
    flags: FlagWatch | None


class Parts(NamedTuple):
    """What handlers are made from."""

    shelf: Shelf
    registry: Registry
    loading: Loading
    metrics: ServeMetrics
    readiness: Readiness
    runner: Runner
    switches: Switches
    desk: Desk | None
    experiments: ExperimentLedger


def build_worker(settings: ServeSettings, log: FilteringBoundLogger) -> Worker:
    """Wire one worker; nothing is loaded and nothing listens yet.

    Args:
        settings: what the server is told.
        log: where it tells.

    Raises:
        SettingInvalidError: a key or secret cannot be read (permanent).
    """
    silence_library_log()
    # Without this every counter doubles its series with a creation time nobody reads.
    disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus-client leaves this one untyped
    metrics, shelf, switches = ServeMetrics(), Shelf(), Switches()
    pool = ThreadPoolExecutor(1, thread_name_prefix="rows")
    store = open_store(settings.registry)
    registry = open_registry(settings.models_dir, store, keys=settings.model_keys)
    reporting = Reporting(metrics, log, settings.colour)
    load = registry_loader(registry, metrics=metrics)
    loading = Loading(registry, shelf, load, wanted=settings.wanted, reporting=reporting)
    drain = Drain(settings.drain_s, metrics=metrics, log=log)
    readiness = Readiness(shelf, drain)
    rules = BatchRules(settings.gather, settings.batch_rows, settings.batch_window_ms / 1e3, settings.queue_rows)
    desk, runner = build_desk(settings, store), Runner(rules, metrics=metrics, pool=pool)
    parts = Parts(shelf, registry, loading, metrics, readiness, runner, switches, desk, ExperimentLedger(store))
    bundle = Bundle()
    frame = Frame(bundle, Build(settings.version, settings.colour))
    endpoints = build_endpoints(settings, parts, page_parts=(bundle, frame))
    router = Router(endpoints, lost=lost_endpoint(frame))
    app = Application(settings, router, build_gatekeeper(settings), metrics=metrics, log=log)
    keeper = build_keeper(settings, registry, desk, log)
    source = FlagSource(settings.flags_url) if settings.flags_url else None
    flags = FlagWatch(source, switches, metrics=metrics, log=log) if source else None
    return Worker(app, loading, drain, shelf, metrics, pool, keeper, switches, flags)


def build_endpoints(settings: ServeSettings, parts: Parts, *, page_parts: tuple[Bundle, Frame]) -> list[Endpoint]:
    """Wire every handler; the document is made from the same list that answers."""
    shelf, registry, loading, metrics, readiness, runner, switches, desk, ledger = parts
    shadow, describer = Shadow(metrics), Describer(metrics)
    infer_parts = InferParts(shelf, runner, shadow, metrics, switches)
    inference = Inference(infer_parts, InferRules(settings.max_rows, settings.cached))
    predictions = Predictions(PredictionParts(shelf, describer, runner, shadow, switches))
    caches: dict[str, CacheCounts] = {"descriptions": describer.cache, "neighbourhoods": predictions.neighbourhoods}
    metrics.watch_caches({**caches, "predictions": predictions.answers, "responses": inference.cache})
    releases = Releases(shelf, registry)
    site = SiteParts(
        shelf,
        registry,
        releases,
        predictions,
        Models(shelf, switches, registry, releases, loading),
        Judging(releases),
        Mixtures(shelf, predictions),
        Training(registry, desk),
        Drift(shelf, metrics),
    )
    document = Document(settings.version)
    protocol = ProtocolEndpoints(shelf, switches, readiness, version=settings.version, repository=settings.repository)
    endpoints = [
        *Probes(readiness, metrics).endpoints(),
        *protocol.list(inference),
        *predictions.endpoints(),
        *site.models.endpoints(),
        *site.judging.endpoints(),
        *Validating(shelf, predictions, ledger).endpoints(),
        *Experiments(shelf, ledger).endpoints(),
        *site.drift.endpoints(),
        *site.mixtures.endpoints(),
        *site.training.endpoints(),
        *page_endpoints(site, *page_parts),
        *Datasets(settings.datasets_dir).endpoints(),
        document.endpoint(),
        *(RepositoryEndpoints(shelf, registry, loading).list() if settings.repository else ()),
    ]
    document.describe(endpoints)
    return endpoints


def build_gatekeeper(settings: ServeSettings) -> Gatekeeper:
    """Read keys and secrets.

    Raises:
        SettingInvalidError: one cannot be read (permanent).
    """
    rules = None
    if settings.jwt_key is not None:
        key = read_secret(settings.jwt_key, "CRYO_JWT_KEY_FILE")
        audience, issuer = settings.jwt_audience, settings.jwt_issuer
        rules = TokenRules(settings.jwt_algorithm, key, audience, issuer, settings.jwt_role_claim)
    service = read_secret(settings.service_token, "CRYO_SERVICE_TOKEN_FILE") if settings.service_token else None
    return Gatekeeper(rules, service, clock=time.time, everywhere=settings.tokens_everywhere)


async def serve(settings: ServeSettings, log: FilteringBoundLogger, listening: socket.socket) -> None:
    """Answer until told to stop: liveness at once, readiness when every expected model is loaded."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: _report(log, context))
    worker = build_worker(settings, log)
    listener, stop = Listener(loop, worker.app), asyncio.Event()
    worker.metrics.in_flight.set_function(lambda: listener.busy)

    def announce() -> None:
        listener.draining = True

    worker.drain.attend(busy=lambda: listener.busy, announce=announce, stop=stop.set)
    worker.drain.install(loop)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    worker.loading.expect_all()
    await listener.listen(listening)
    keeping = loop.create_task(_keep_loaded(worker.loading))
    beside = [
        loop.create_task(keep_training(worker.keeper, log)),
        loop.create_task(follow_flags(worker.flags, settings.flags_refresh_s)),
    ]
    stopping = loop.create_task(stop.wait())
    await asyncio.wait({keeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in beside:
        task.cancel()
    listener.close()
    worker.loading.close()
    worker.pool.shutdown(wait=False, cancel_futures=True)
    if keeping.done():
        stopping.cancel()
        await keeping
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping


def _report(log: FilteringBoundLogger, context: dict[str, Any]) -> None:
    """Log what went wrong outside any request, in the shape of every other line."""
    log.error("model_server.loop.failed", reason=context.get("message"), exc_info=context.get("exception"))


async def _keep_loaded(loading: Loading) -> None:
    await loading.load_all()
    # What is loaded by now stays: the collector need not walk through it again and again while requests are answered.
    gc.collect()
    gc.freeze()
    await loading.follow()


def refuse_busy_address(host: str, port: int) -> None:
    """Find out that an address is taken before workers share it.

    Raises:
        AddressBusyError: the address cannot be bound (temporary).
    """
    try:
        with open_socket(host, port, shared=False) as probe:
            probe.listen(1)
    except OSError as error:
        raise AddressBusyError(
            f"cannot listen on {host} port {port}: {error.strerror}; stop what holds it or change CRYO_BIND"
        ) from error


def run(settings: ServeSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        AddressBusyError: the address cannot be bound (temporary).
    """
    if not settings.shared_port:
        refuse_busy_address(settings.host, settings.port)
    # Before onnxruntime is imported anywhere: 1.29 and later upload telemetry on Linux unless told not to.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    log = build_logger(colour=settings.colour, version=settings.version)
    listening = open_socket(settings.host, settings.port, shared=settings.shared_port)
    uvloop.run(serve(settings, log, listening))
