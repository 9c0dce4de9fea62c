"""Put the parts together: one application per worker process, one granian around them."""

import math
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer
from prometheus_client import disable_created_metrics

from model_server.errors import AddressBusyError
from model_server.features.molecules import silence_library_log
from model_server.serve.app import Application
from model_server.serve.drain import REQUEST_LIMIT_S, Drain, stop_http_server
from model_server.serve.logs import build_logger, server_log_config
from model_server.serve.metrics import ServeMetrics
from model_server.serve.predictor import Caches
from model_server.serve.settings import ServeSettings
from model_server.serve.shelf import Shelf, folder_loader

# Chosen: a head that takes longer comes from no client this API is meant for.
_HEAD_LIMIT_MS = 10_000


def build_application(settings: ServeSettings) -> Application:
    """Load the models and wire one worker; runs in the worker process."""
    silence_library_log()
    # Without this every counter doubles its series with a creation time nobody reads.
    disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus-client leaves this one untyped
    log = build_logger(colour=settings.colour, version=settings.version)
    metrics, caches = ServeMetrics(), Caches()
    metrics.watch_caches(caches.by_name())
    shelf = Shelf(settings.wanted)
    loader = folder_loader(settings.models_dir, caches=caches, metrics=metrics)
    shelf.load_all(loader, colour=settings.colour, metrics=metrics, log=log)
    drain = Drain(settings.drain_s, stop=stop_http_server, metrics=metrics, log=log)
    return Application(settings, shelf, metrics=metrics, drain=drain, log=log)


def build_server(settings: ServeSettings) -> MPServer:
    """Configure granian; nothing listens yet."""
    return MPServer(
        "model_server.serve.server:build_application",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        workers=settings.workers,
        loop=Loops.auto,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_LIMIT_MS),
        # Its start and stop notices repeat what this package logs with more context.
        log_level=LogLevels.warning,
        log_dictconfig=server_log_config(),
        workers_kill_timeout=math.ceil(settings.drain_s + REQUEST_LIMIT_S),
    )


def refuse_busy_address(host: str, port: int) -> None:
    """Find out that an address is taken; granian shares it with another granian without a word.

    Raises:
        AddressBusyError: the address cannot be bound (temporary).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
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
    refuse_busy_address(settings.host, settings.port)
    build_server(settings).serve(target_loader=_worker_loader(settings), wrap_loader=False)


def _worker_loader(settings: ServeSettings) -> Callable[..., Any]:
    return partial(build_application, settings)
