"""The engine for databases whose files nobody can reach: pg_dump, compressed, encrypted for given keys, and signed.

A set is a folder of objects in the store: `<name>/<label>/dump/…`, `globals.sql`, and the manifest, which is stored
last. What has no manifest is a half upload; the next backup removes it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agents.backup.contents import Contents, Limits, queries, read_contents, read_source, snapshot
from agents.backup.dump import DUMP_FOLDER, GLOBALS_FILE, DumpPlan, dump_roles, dumping
from agents.backup.encryption import SUFFIX, Identities, Recipients, seal_file
from agents.backup.engine import BackupKind, BackupSet, Damage, Done, Progress, RestoreRequest
from agents.backup.errors import BackupBusyError, EngineFailedError, RoleInsufficientError
from agents.backup.instance import Workshop, private_folder
from agents.backup.logical_restore import Restorer
from agents.backup.logical_sets import SetReader, set_of
from agents.backup.manifest import MANIFEST_FILE, Manifest, StoredFile, seal_manifest
from agents.backup.object_store import ObjectStore
from agents.backup.programs import Programs, find_programs
from agents.backup.signature import Signer, Verifier
from agents.runtime.clock import Deadline
from agents.runtime.names import SessionName
from agents.runtime.postgres import Connection, as_our_error, open_connection
from agents.runtime.settings import DatabaseSettings, Identity


@dataclass(frozen=True, slots=True)
class LogicalSettings:
    """What a logical engine works with."""

    name: str
    """Folder of this database in the store; one database has one name, and no other may use it."""
    database: DatabaseSettings
    identity: Identity
    jobs: int = 2
    """Parallel connections of pg_dump and pg_restore."""
    timeout_s: float = 4 * 3600.0
    """Of one program. Chosen: below the CronJob's own deadline."""
    repository: int = 1
    """Number of the store."""
    limits: Limits = field(default_factory=Limits)
    """For reading the contents."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Who may do what; a writer has recipients and the signer, a verifier has identities and the verifier."""

    verifier: Verifier
    recipients: Recipients | None = None
    signer: Signer | None = None
    identities: Identities | None = None


class LogicalEngine:
    """Takes, checks and restores dumps; see agents.backup.engine.Engine."""

    def __init__(self, settings: LogicalSettings, store: ObjectStore, keys: Keys, workshop: Workshop) -> None:
        """Connect to nothing yet."""
        self._settings = settings
        self._store = store
        self._keys = keys
        self._workshop = workshop
        self._sets = SetReader(store, settings.name, keys.verifier, repository=settings.repository)

    @property
    def name(self) -> str:
        """What the catalogue calls it."""
        return f"pg_dump {find_programs().version}"

    @property
    def settings(self) -> LogicalSettings:
        """How it was set up."""
        return self._settings

    @property
    def sets(self) -> SetReader:
        """The repository as it lies there."""
        return self._sets

    def list_sets(self) -> Sequence[BackupSet]:
        """Return every set whose manifest is whole, oldest first; what is damaged is told by find_damage."""
        return self._sets.list()

    def back_up(self, kind: BackupKind, *, annotations: Mapping[str, str], progress: Progress) -> BackupSet:
        """Dump the database.

        Raises:
            RoleInsufficientError: our role would not see every row.
            BackupBusyError: another logical backup of this database runs.
            EngineFailedError: another kind than a logical one was asked for, or pg_dump failed.
        """
        if kind is not BackupKind.LOGICAL:
            raise EngineFailedError(f"pg_dump takes no {kind.name.lower()} sets, only logical ones; use pgbackrest")
        recipients, signer = self._keys.recipients, self._keys.signer
        if recipients is None or signer is None:
            message = "a backup needs the age public keys and the signing key; name both files in the settings"
            raise EngineFailedError(message)
        with self._connected() as conn, private_folder(self._workshop.scratch) as folder:
            _require_sight(conn)
            _take_lock(conn)
            self._sets.remove_half_uploads()
            started_at = self._workshop.clock.now()
            label = f"{started_at:%Y%m%d-%H%M%S}L"
            plan = self._plan(find_programs(at_least=read_source(conn).major), folder)
            contents = self._dump(conn, plan, progress)
            files = self._store_files(folder, label, recipients, progress)
            manifest = Manifest(
                label=label,
                engine=self.name,
                kind="logical",
                started_at=started_at,
                finished_at=self._workshop.clock.now(),
                size_bytes=contents.source.size_bytes,
                stored_bytes=sum(file.size_bytes for file in files.values()),
                tools={"pg_dump": plan.programs.version},
                encryption_key_ids=recipients.ids,
                colour=self._settings.identity.colour.value if self._settings.identity.colour else None,
                git_sha=self._settings.identity.git_sha,
                contents=contents,
                files=files,
                annotations=dict(annotations),
            )
            sealed = folder / MANIFEST_FILE
            sealed.write_bytes(seal_manifest(manifest, signer))
            self._store.put(sealed, self._sets.key(label, MANIFEST_FILE))
        return set_of(manifest, repository=self._settings.repository)

    def find_damage(self, label: str | None = None) -> Sequence[Damage]:
        """Read everything that is stored and compare it with the signed list; an empty answer is proof."""
        return self._sets.find_damage(label, self._workshop.scratch, self._keys.identities)

    def restore(self, request: RestoreRequest, *, progress: Progress) -> BackupSet:
        """Fill an empty data folder with a new server that holds the database; see logical_restore."""
        manifest = self._sets.choose(request.label)
        self.restorer.into_folder(manifest, request, progress)
        return set_of(manifest, repository=self._settings.repository)

    def expire(self, label: str, *, repository: int) -> None:
        """Delete a set, its manifest first, so that nobody takes the rest for whole."""
        del repository  # an engine has one store
        self._sets.delete(label)

    @property
    def restorer(self) -> Restorer:
        """What brings its sets back, also into a database that exists."""
        settings = self._settings
        return Restorer(self._sets, self._keys.identities, self._workshop, settings.jobs, settings.timeout_s)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        identity = self._settings.identity
        session = SessionName(agent="backup", colour=identity.colour, version=identity.version)
        deadline = Deadline.after(30.0, self._workshop.clock)
        with open_connection(self._settings.database, session, deadline=deadline, log=self._workshop.log) as conn:
            yield conn

    def _plan(self, programs: Programs, folder: Path) -> DumpPlan:
        return DumpPlan(self._settings.database, programs, folder, self._settings.jobs, self._settings.timeout_s)

    def _dump(self, conn: Connection, plan: DumpPlan, progress: Progress) -> Contents:
        dump_roles(plan)
        with snapshot(conn, self._settings.limits) as name, dumping(plan, name):
            return read_contents(
                conn,
                on_table=lambda table, number, total: progress(Done(f"read {table}", number, total)),
            )

    def _store_files(
        self, folder: Path, label: str, recipients: Recipients, progress: Progress
    ) -> dict[str, StoredFile]:
        sources = [folder / GLOBALS_FILE, *sorted((folder / DUMP_FOLDER).iterdir())]
        total, done = sum(path.stat().st_size for path in sources), 0
        stored: dict[str, StoredFile] = {}
        for source in sources:
            name = f"{source.relative_to(folder)}{SUFFIX}"
            sealed = folder / "sealed"
            size = source.stat().st_size
            stored[name] = seal_file(source, sealed, recipients)
            self._store.put(sealed, self._sets.key(label, name))
            sealed.unlink()
            source.unlink()  # gives scratch space back as the upload goes on
            done += size
            progress(Done("store", done, total))
        return stored


def _require_sight(conn: Connection) -> None:
    with as_our_error("look at our role", remedy="see the server's log"):
        row = conn.execute(queries()["role_sees_all"].text).fetchone()
    if row is None or row[0] is not True:
        role = conn.info.user
        raise RoleInsufficientError(
            f"role {role} has neither BYPASSRLS nor SUPERUSER, so policies would hide rows from the dump; "
            f'run `alter role "{role}" bypassrls`, or back up as another role'
        )


def _take_lock(conn: Connection) -> None:
    with as_our_error("take the backup lock", remedy="see the server's log"):
        row = conn.execute(queries()["try_lock"].text).fetchone()
    if row is None or row[0] is not True:
        raise BackupBusyError(f"another logical backup of {conn.info.dbname} runs; wait for it")
