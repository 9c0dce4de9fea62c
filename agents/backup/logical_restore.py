"""Brings a dump back: into a new server's data folder, or into a database that exists and is empty."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from agents.backup.contents import Source, queries, read_source
from agents.backup.dump import GLOBALS_FILE, DumpPlan, restore_dump, restore_roles
from agents.backup.encryption import SUFFIX, Identities, open_file
from agents.backup.engine import Done, Progress, RestoreRequest, ToImmediate, ToLatest
from agents.backup.errors import (
    ClusterForeignError,
    FolderNotEmptyError,
    KeyWrongError,
    RepositoryUnavailableError,
    TargetUnreachableError,
)
from agents.backup.instance import Workshop, create_data, private_folder, running
from agents.backup.logical_sets import SetReader
from agents.backup.manifest import Manifest
from agents.backup.programs import find_programs
from agents.runtime.clock import Deadline
from agents.runtime.names import SessionName
from agents.runtime.postgres import Connection, as_our_error, open_connection
from agents.runtime.settings import DatabaseSettings

_ROLE = re.compile(r'^CREATE ROLE "?(?P<name>[^";]+)"?;$', re.MULTILINE)
# Chosen: the unpacked dump and the database side by side are at most the size of the database each.
_SPACE_FACTOR = 2.0


@dataclass(frozen=True, slots=True)
class Restorer:
    """What is needed to bring sets of one database back."""

    sets: SetReader
    identities: Identities | None
    workshop: Workshop
    jobs: int
    timeout_s: float

    def into_folder(self, manifest: Manifest, request: RestoreRequest, progress: Progress) -> None:
        """Make a data folder whose server holds the roles and the database of a set.

        Raises:
            TargetUnreachableError: a dump holds one moment, and another was asked for.
            FolderNotEmptyError: the folder holds something.
            KeyWrongError: no key opens the set.
            SetDamagedError: an object of the set is missing or damaged.
        """
        identities = self._preflight(manifest, request)
        programs = find_programs(manifest.contents.source.major)
        with private_folder(self.workshop.scratch) as folder:
            self._unpack(manifest, folder, identities, progress)
            create_data(folder / "data", programs, encoding=manifest.contents.source.encoding)
            with running(folder, programs, self.workshop) as instance:
                name = manifest.contents.source.database
                if name != "postgres":
                    with instance.connect() as conn:
                        _create_database(conn, name, manifest.contents.source.encoding)
                roles = DumpPlan(instance.settings(), programs, folder, self.jobs, self.timeout_s)
                restore_roles(roles)
                plan = DumpPlan(instance.settings(name), programs, folder, self.jobs, self.timeout_s)
                restore_dump(plan, atomically=False)
            if request.folder.exists():
                request.folder.rmdir()
            shutil.move(folder / "data", request.folder)

    def into_database(self, manifest: Manifest, target: DatabaseSettings, progress: Progress) -> None:
        """Fill an existing, empty database in one transaction: afterwards it holds everything or nothing.

        Raises:
            FolderNotEmptyError: the database holds something.
            ClusterForeignError: its server is older than the set, or has another encoding or other roles.
        """
        identities = self._require_identities(manifest)
        source = manifest.contents.source
        with private_folder(self.workshop.scratch) as folder:
            with self._connected(target) as conn:
                _require_fitting(conn, source)
                self._unpack(manifest, folder, identities, progress, only=GLOBALS_FILE)
                _require_roles(conn, (folder / GLOBALS_FILE).read_text(encoding="utf-8"))
            self._unpack(manifest, folder, identities, progress)
            programs = find_programs(at_least=source.major)
            restore_dump(DumpPlan(target, programs, folder, 1, self.timeout_s), atomically=True)

    def _preflight(self, manifest: Manifest, request: RestoreRequest) -> Identities:
        if not isinstance(request.target, ToLatest | ToImmediate) or request.target.timeline is not None:
            raise TargetUnreachableError(
                f"set {manifest.label} is a dump of one moment, {manifest.started_at:%Y-%m-%d %H:%M:%S} UTC; "
                "restore it without a target, or use a physical set"
            )
        folder = request.folder
        if request.delta or (folder.exists() and any(folder.iterdir())):
            raise FolderNotEmptyError(f"{folder} is not empty, and a dump cannot be merged into files; name another")
        needed = round(manifest.contents.source.size_bytes * _SPACE_FACTOR)
        self.workshop.scratch.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.workshop.scratch).free
        if free < needed:
            raise RepositoryUnavailableError(
                f"{self.workshop.scratch}: {free >> 20} MiB are free, the restore needs {needed >> 20}; free space"
            )
        return self._require_identities(manifest)

    def _require_identities(self, manifest: Manifest) -> Identities:
        needed = ", ".join(manifest.encryption_key_ids)
        if self.identities is None:
            raise KeyWrongError(f"set {manifest.label} is encrypted for {needed}; name the file with a secret key")
        if not set(self.identities.ids) & set(manifest.encryption_key_ids):
            have = ", ".join(self.identities.ids)
            raise KeyWrongError(f"set {manifest.label} is encrypted for {needed}; the key file has {have}")
        return self.identities

    def _unpack(
        self, manifest: Manifest, folder: Path, identities: Identities, progress: Progress, *, only: str | None = None
    ) -> None:
        total, done = sum(file.size_bytes for file in manifest.files.values()), 0
        for path, file in sorted(manifest.files.items()):
            target = folder / path.removesuffix(SUFFIX)
            if target.exists() or (only is not None and path != f"{only}{SUFFIX}"):
                continue
            target.parent.mkdir(mode=0o700, exist_ok=True)
            fetched = folder / "fetched"
            self.sets.fetch(manifest, path, fetched)
            open_file(fetched, target, identities, name=self.sets.key(manifest.label, path))
            fetched.unlink()
            done += file.size_bytes
            progress(Done("fetch", done, total))

    def _connected(self, target: DatabaseSettings) -> Connection:
        session = SessionName(agent="backup", colour=None, version="restore")
        deadline = Deadline.after(30.0, self.workshop.clock)
        return open_connection(target, session, deadline=deadline, log=self.workshop.log)


def _create_database(conn: Connection, name: str, encoding: str) -> None:
    with as_our_error(f"create database {name}", remedy="see the server's log"):
        row = conn.execute(queries()["create_database"].text, {"name": name, "encoding": encoding}).fetchone()
        conn.execute(str(row[0] if row else "").encode())


def _require_fitting(conn: Connection, source: Source) -> None:
    with as_our_error("look at the target database", remedy="see the server's log"):
        target = read_source(conn)
        found = [str(row[0]) for row in conn.execute(queries()["user_objects"].text).fetchall()]
    if found:
        some = ", ".join(found)
        raise FolderNotEmptyError(f"database {target.database} is not empty ({some}); restore into an empty one")
    if target.major < source.major:
        raise ClusterForeignError(
            f"the set is of PostgreSQL {source.server_version}, the target is {target.server_version}; "
            "a dump cannot go to an older major version"
        )
    if target.encoding != source.encoding:
        raise ClusterForeignError(
            f"the set is in {source.encoding}, database {target.database} in {target.encoding}; "
            f"create it with encoding {source.encoding}"
        )


def _require_roles(conn: Connection, roles: str) -> None:
    wanted = [found["name"] for found in _ROLE.finditer(roles)]
    with as_our_error("look at the target's roles", remedy="see the server's log"):
        rows = conn.execute(queries()["missing_roles"].text, {"roles": wanted}).fetchall()
    if rows:
        missing = ", ".join(str(row[0]) for row in rows)
        raise ClusterForeignError(f"the target has no role {missing}, which the set's grants name; create them first")
