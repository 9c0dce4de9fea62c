"""pg_dump and pg_restore, run so that a password is never an argument and a failure is never half a success."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agents.backup.programs import Command, Programs, finish, run, start, stop
from agents.runtime.settings import DatabaseSettings

GLOBALS_FILE = "globals.sql"
DUMP_FOLDER = "dump"


@dataclass(frozen=True, slots=True)
class DumpPlan:
    """How a dump is taken."""

    database: DatabaseSettings
    programs: Programs
    folder: Path
    """Private; DUMP_FOLDER and GLOBALS_FILE are written into it."""
    jobs: int
    timeout_s: float


@contextmanager
def dumping(plan: DumpPlan, snapshot: str) -> Iterator[None]:
    """Run pg_dump while the caller reads the same snapshot; leaving waits for it.

    Args:
        plan: where from and to.
        snapshot: exported by the caller's open transaction.

    Raises:
        EngineFailedError: pg_dump failed.
        DeadlineExceededError: it took too long.
    """
    argv = [
        plan.programs.path("pg_dump"),
        "--format=directory",
        "--compress=0",
        f"--jobs={plan.jobs}",
        f"--file={plan.folder / DUMP_FOLDER}",
        f"--snapshot={snapshot}",
        "--no-unlogged-table-data",
        "--no-password",
        "--quote-all-identifiers",
    ]
    command = Command(argv, plan.timeout_s, "dump the database", connection_environ(plan.database, plan.folder))
    process = start(command)
    try:
        yield
    except BaseException:
        stop(process)
        raise
    finish(command, process)


def dump_roles(plan: DumpPlan) -> None:
    """Write roles, memberships and settings; passwords are left out, so that a backup holds none."""
    argv = [plan.programs.path("pg_dumpall"), "--roles-only", "--no-role-passwords", "--no-password"]
    target = f"--file={plan.folder / GLOBALS_FILE}"
    environ = connection_environ(plan.database, plan.folder)
    run(Command([*argv, target, f"--database={plan.database.name}"], plan.timeout_s, "dump the roles", environ))


def restore_dump(plan: DumpPlan, *, atomically: bool) -> None:
    """Fill an existing, empty database from a dump.

    Args:
        plan: the target database, and the folder that holds the dump.
        atomically: in one transaction with one job, so that a failure leaves the database empty.
    """
    how = ["--single-transaction"] if atomically else [f"--jobs={plan.jobs}"]
    argv = [
        plan.programs.path("pg_restore"),
        f"--dbname={plan.database.name}",
        "--exit-on-error",
        "--no-tablespaces",
        "--no-subscriptions",
        "--no-password",
        *how,
        str(plan.folder / DUMP_FOLDER),
    ]
    what = f"restore into database {plan.database.name}"
    run(Command(argv, plan.timeout_s, what, connection_environ(plan.database, plan.folder)))


def restore_roles(plan: DumpPlan) -> None:
    """Make the roles of a dump on a server that has none of them but our own."""
    path = plan.folder / GLOBALS_FILE
    own = f"CREATE ROLE {plan.database.user};"  # there when the source was itself restored into a folder
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if line.strip() != own), encoding="utf-8")
    argv = [
        plan.programs.path("psql"),
        "--no-psqlrc",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        "--no-password",
        f"--file={path}",
    ]
    run(Command(argv, plan.timeout_s, "restore the roles", connection_environ(plan.database, plan.folder)))


def connection_environ(database: DatabaseSettings, folder: Path) -> Mapping[str, str]:
    """Return libpq's variables; the password goes into a file in a private folder.

    Args:
        database: where and as whom.
        folder: only we can enter it.
    """
    environ = {
        "PGHOST": database.host,
        "PGPORT": str(database.port),
        "PGDATABASE": database.name,
        "PGUSER": database.user,
        "PGSSLMODE": database.sslmode,
        "PGAPPNAME": "cryo-backup/none/dump",
        "PGCONNECT_TIMEOUT": "10",
    }
    password = database.read_password()
    if password is None:
        return environ
    path = folder / "pgpass"
    path.touch(mode=0o600)
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    path.write_text(f"*:*:*:*:{escaped}\n", encoding="utf-8")
    return {**environ, "PGPASSFILE": str(path)}
