"""Asks a cluster process whether it is healthy, and waits for it with a deadline."""

import socket
import ssl
import time
from collections.abc import Callable

import httpx

from toolchain.cluster.components import Daemon
from toolchain.cluster.layout import Layout
from toolchain.errors import TemporaryToolchainError

# Measured: a healthy component answers below 20 ms; a starting one refuses at once.
PROBE_TIMEOUT_S = 2.0
PROBE_PAUSE_S = 0.1
UNIX_PREFIX = "unix://"


def is_healthy(layout: Layout, daemon: Daemon) -> bool:
    """True when the process answers at its health address; a process without one counts as healthy."""
    if daemon.health is None:
        return True
    if daemon.health.startswith(UNIX_PREFIX):
        return _accepts(daemon.health.removeprefix(UNIX_PREFIX))
    try:
        with httpx.Client(verify=_tls(layout, daemon), timeout=PROBE_TIMEOUT_S, trust_env=False) as client:
            return client.get(daemon.health).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def wait_healthy(
    layout: Layout, daemon: Daemon, *, timeout_s: float, alive: Callable[[], bool], clock: Callable[[], float]
) -> None:
    """Wait for a process that was just started.

    Raises:
        TemporaryToolchainError: it ended, or is not healthy in time; the message names its log.
    """
    deadline = clock() + timeout_s
    while not is_healthy(layout, daemon):
        log = layout.logs / f"{daemon.name}.log"
        if not alive():
            message = f"{daemon.name} ended at once; the reason is at the end of {log}"
            raise TemporaryToolchainError(message)
        if clock() > deadline:
            message = f"{daemon.name} is not healthy after {timeout_s:.0f} s; see {log}"
            raise TemporaryToolchainError(message)
        time.sleep(PROBE_PAUSE_S)


def _accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PROBE_TIMEOUT_S)
        try:
            probe.connect(path)
        except OSError:
            # Not there yet, or left behind by a killed process: either way nobody listens.
            return False
    return True


def _tls(layout: Layout, daemon: Daemon) -> ssl.SSLContext | bool:
    if daemon.identity is None:
        # Controller manager and scheduler make a self-signed certificate for their loopback health port.
        return False
    context = ssl.create_default_context(cafile=str(layout.certificate("ca")))
    context.load_cert_chain(layout.certificate(daemon.identity), layout.key(daemon.identity))
    return context
