"""What a place that can train has to offer: start a run once, look at it, and end it."""

from typing import Protocol

from model_server.jobs.job import TrainingJob
from model_server.jobs.plan import Seen
from model_server.jobs.workspace import Workspace


class Runner(Protocol):
    """Runs trainings. Every call may be repeated, and by another worker than the one that started the run."""

    def unavailable(self) -> str | None:
        """Return why nothing can be trained here; None when it can."""
        ...

    def start(self, job: TrainingJob, place: Workspace) -> None:
        """Start a run whose folder exists; starting it again does nothing.

        Raises:
            TrainerUnreachableError: try again later (temporary).
            PermanentError: it will never start; the message says why.
        """
        ...

    def look(self, job: TrainingJob, place: Workspace) -> Seen:
        """See what has become of a run.

        Raises:
            TrainerUnreachableError: nothing can be seen now (temporary).
        """
        ...

    def stop(self, job: TrainingJob, place: Workspace, *, kill: bool) -> None:
        """Tell a run to end, or end it; does nothing when it is gone.

        Raises:
            TrainerUnreachableError: try again later (temporary).
        """
        ...
