"""One invocation of a verb: settings, database, store and time, each made when it is asked for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from agents.backup.dumps.settings import DumpSettings
from agents.backup.engine import Progress
from agents.backup.instance import Workshop
from agents.backup.logical import LogicalEngine, LogicalSettings
from agents.backup.logical_sets import SetReader
from agents.backup.object_store import FolderStore
from agents.runtime.clock import Clock, Deadline
from agents.runtime.errors import SettingsError
from agents.runtime.names import SessionName
from agents.runtime.postgres import Connection, open_connection
from agents.runtime.settings import DatabaseSettings, Identity


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb found or did."""

    data: Mapping[str, object]
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Command:
    """One invocation with everything that it needs from outside."""

    settings: DumpSettings
    environ: Mapping[str, str]
    log: FilteringBoundLogger
    clock: Clock
    progress: Progress

    @property
    def database(self) -> DatabaseSettings:
        """The live database."""
        return DatabaseSettings.from_environ(self.environ)

    @property
    def workshop(self) -> Workshop:
        """Where throw-away servers are."""
        return Workshop(Path(self.settings.scratch), self.clock, self.log)

    @property
    def near(self) -> FolderStore:
        """The repository."""
        return FolderStore(Path(self.settings.near))

    def engine(self) -> LogicalEngine:
        """Set the engine up; connects to nothing."""
        try:
            database = self.database
        except SettingsError:
            # Listing and verifying need no database, and after a loss there is none.
            database = DatabaseSettings("", 0, "", "", None, "disable")
        identity = Identity.from_environ(self.environ)
        given = LogicalSettings(
            self.settings.name, database, identity, jobs=self.settings.jobs, timeout_s=self.settings.limit_s
        )
        return LogicalEngine(given, self.near, self.settings.read_keys(), self.workshop)

    def far_sets(self) -> SetReader | None:
        """The second copies, if there are any."""
        if self.settings.far is None:
            return None
        store = FolderStore(Path(self.settings.far))
        return SetReader(store, self.settings.name, self.settings.read_keys().verifier, repository=2)

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Connect to the live database."""
        identity = Identity.from_environ(self.environ)
        session = SessionName(agent="backup", colour=identity.colour, version=identity.version)
        deadline = Deadline.after(30.0, self.clock)
        with open_connection(self.database, session, deadline=deadline, log=self.log) as conn:
            yield conn
