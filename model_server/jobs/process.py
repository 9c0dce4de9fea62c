"""Trains in a process of this machine, which outlives the server that started it.

A lock on a file in the run's folder says whether the process lives: the child inherits it, and the kernel releases it
with the child, however that ends. So any worker, and a server started later, can see it, and no pid is ever mistaken.
"""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from model_server.errors import TrainerMissingError
from model_server.jobs.arguments import MODULE, train_arguments
from model_server.jobs.job import TrainingJob
from model_server.jobs.plan import Seen, Sight
from model_server.jobs.workspace import Workspace

_LOCK_FILE = "alive.lock"
_PID_FILE = "pid"
# Chosen: predictions go first; training takes what they leave.
_NICENESS = 10
_NEEDED = (MODULE, "sklearn", "skl2onnx", "onnx")


class ProcessRunner:
    """Runs `python -m model_server.train`."""

    def __init__(
        self,
        data_dir: Path,
        environment: Mapping[str, str],
        *,
        is_installed: Callable[[str], bool] = lambda name: find_spec(name) is not None,
    ) -> None:
        """Take what a run needs.

        Args:
            data_dir: folder of data sets.
            environment: of the server; its own settings are not passed on.
            is_installed: whether a package can be imported.
        """
        self._data_dir = data_dir
        self._environment = {name: value for name, value in environment.items() if not name.startswith("CRYO_")}
        self._is_installed = is_installed
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def unavailable(self) -> str | None:
        """Return which packages are missing."""
        missing = [name for name in _NEEDED if not self._is_installed(name)]
        if not missing:
            return None
        return f"this server has no {', '.join(missing)}; train on a machine with the group `train` or in a cluster"

    def start(self, job: TrainingJob, place: Workspace) -> None:
        """Start the process, unless it runs."""
        reason = self.unavailable()
        if reason is not None:
            raise TrainerMissingError(reason)
        argv = [sys.executable, *train_arguments(job.order, data_dir=self._data_dir, work_dir=place.folder)]
        with (place.folder / _LOCK_FILE).open("a") as lock, place.log.open("ab") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            child = subprocess.Popen(  # noqa: S603 - this interpreter and our own arguments
                argv,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Its own session: the signals that end a server are not meant for it.
                start_new_session=True,
                pass_fds=[lock.fileno()],
            )
        (place.folder / _PID_FILE).write_text(str(child.pid), encoding="ascii")
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, child.pid, _NICENESS)
        self._children[job.id] = child

    def look(self, job: TrainingJob, place: Workspace) -> Seen:
        """Try the lock."""
        child = self._children.get(job.id)
        code = child.poll() if child is not None else None
        if code is not None:
            self._children.pop(job.id, None)
        alive = _is_locked(place)
        if alive is None:
            return Seen(Sight.ABSENT)
        return Seen(Sight.ALIVE) if alive else Seen(Sight.ENDED, _explain(place, code))

    def stop(self, job: TrainingJob, place: Workspace, *, kill: bool) -> None:
        """Send SIGTERM or SIGKILL to a process that holds the lock."""
        if not _is_locked(place):
            return
        with suppress(ProcessLookupError, FileNotFoundError, ValueError):
            pid = int((place.folder / _PID_FILE).read_text(encoding="ascii"))
            os.kill(pid, signal.SIGKILL if kill else signal.SIGTERM)
        child = self._children.get(job.id) if kill else None
        if child is not None:
            child.wait()


def _is_locked(place: Workspace) -> bool | None:
    """Whether somebody holds the lock; None when there is no such file, so nothing was ever started."""
    try:
        with (place.folder / _LOCK_FILE).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return True
    return False


def _explain(place: Workspace, code: int | None) -> str:
    how = "" if code is None else f" with {code}" if code >= 0 else f" by signal {-code}"
    said = place.tail()
    return f"the training process ended{how}" + (f": {said}" if said else " without a word") + "; order it again"
