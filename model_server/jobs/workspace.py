"""The folders of training runs beside the registry: what a run may write, and what it leaves.

    <registry>/training/<job>/progress.jsonl   appended to by the run
    <registry>/training/<job>/release/         where its release appears, by rename
    <registry>/training/<job>/experiments.json what the server lets it learn from beside the data set, where ordered
    <registry>/training/<job>/log.txt          what its process printed, where a process of this machine runs it

A run never writes to the registry itself: the server registers what it finds here after the run is over.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from model_server.errors import SettingInvalidError
from model_server.jobs.job import Order
from model_server.jobs.progress import PROGRESS_FILE

TRAINING_FOLDER = "training"
RELEASE_FOLDER = "release"
EXPERIMENTS_FILE = "experiments.json"
_LOG_FILE = "log.txt"
# Chosen: the last lines say what ended a process; a traceback's end fits.
_TAIL_CHARS = 600


@dataclass(frozen=True)
class Workspace:
    """The folder of one run."""

    folder: Path

    @property
    def progress(self) -> Path:
        """The progress file."""
        return self.folder / PROGRESS_FILE

    @property
    def experiments(self) -> Path:
        """Experiments as they were when the run began."""
        return self.folder / EXPERIMENTS_FILE

    @property
    def log(self) -> Path:
        """What the process printed."""
        return self.folder / _LOG_FILE

    @property
    def out(self) -> Path:
        """Folder of releases that the run is told to use."""
        return self.folder / RELEASE_FOLDER

    def release(self, order: Order) -> Path:
        """Where the release of an order appears."""
        return self.out / order.model / order.version

    def tail(self) -> str | None:
        """Return the end of what the process printed; None when it printed nothing."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace").strip()
        except FileNotFoundError:
            return None
        return text[-_TAIL_CHARS:] or None


class Workspaces:
    """The folders of all runs."""

    def __init__(self, registry_dir: Path) -> None:
        """Use a registry's folder."""
        self._root = registry_dir / TRAINING_FOLDER

    def of(self, job_id: str) -> Workspace:
        """Return a run's folder; it need not exist."""
        return Workspace(self._root / job_id)

    def make(self, job_id: str) -> Workspace:
        """Make a run's folder.

        Raises:
            SettingInvalidError: the registry's folder cannot be written to (permanent).
        """
        place = self.of(job_id)
        try:
            place.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingInvalidError(
                f"{place.folder}: {error.strerror}; give CRYO_REGISTRY_DIR a writable folder"
            ) from error
        return place

    def present(self) -> list[str]:
        """Jobs whose folder is here."""
        return sorted(entry.name for entry in self._root.iterdir()) if self._root.is_dir() else []

    def remove(self, job_id: str) -> None:
        """Remove a run's folder; what cannot be removed now is found again by `present`."""
        shutil.rmtree(self.of(job_id).folder, ignore_errors=True)
