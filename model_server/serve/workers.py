"""Several workers on one port: processes of their own, one per core, ended together."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import NoReturn

from model_server.errors import TemporaryError
from model_server.serve.server import refuse_busy_address
from model_server.serve.settings import ServeSettings


class WorkerLostError(TemporaryError):
    """A worker ended although nobody told it to."""


def run_workers(settings: ServeSettings, environment: Mapping[str, str]) -> None:
    """Start the workers, pass signals on, and end when they have.

    Raises:
        AddressBusyError: the address cannot be bound (temporary).
        WorkerLostError: one ended on its own; the others were told to end, and whoever started this starts it again
            (temporary).
    """
    refuse_busy_address(settings.host, settings.port)
    argv = [sys.executable, "-m", "model_server.serve"]
    own = {**environment, "CRYO_WORKERS": "1", "CRYO_SHARED_PORT": "on"}
    workers = [subprocess.Popen(argv, env=own) for _ in range(settings.workers)]  # noqa: S603 - this program again
    told: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        told.append(number)
        for worker in workers:
            worker.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    ended, status = os.wait()
    if told:
        for worker in workers:
            if worker.pid != ended:
                worker.wait()
        return
    _end_all(workers, ended, os.waitstatus_to_exitcode(status))


def _end_all(workers: list[subprocess.Popen[bytes]], ended: int, code: int) -> NoReturn:
    others = [worker for worker in workers if worker.pid != ended]
    for worker in others:
        worker.send_signal(signal.SIGTERM)
    for worker in others:
        worker.wait()
    raise WorkerLostError(f"worker {ended} ended with {code}; its log has the cause, start the server again")
