"""Whether a worker may be sent traffic, and if not, why."""

from model_server.serve.drain import Drain
from model_server.serve.shelf import Shelf


class Readiness:
    """Joins what the models and the farewell have to say."""

    def __init__(self, shelf: Shelf, drain: Drain) -> None:
        """Take both."""
        self._shelf = shelf
        self._drain = drain

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why readiness is withheld; empty when it is not."""
        reasons = self._shelf.unready_reasons
        return (*reasons, "draining after SIGTERM") if self._drain.draining else reasons
