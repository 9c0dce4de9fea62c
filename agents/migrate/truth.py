"""A scratch database on the same server, so that what a schema should be is printed by the same PostgreSQL."""

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import errors as pg
from psycopg import sql
from structlog.typing import FilteringBoundLogger

from agents.migrate.discovery import SCHEMA_FILE
from agents.migrate.errors import MigrationFileError
from agents.migrate.history import ask_bool
from agents.migrate.model import Migration, Statement
from agents.migrate.statements import UnterminatedError, split_statements
from agents.migrate.watch import BlockerWatch
from agents.runtime.clock import Clock
from agents.runtime.errors import DatabaseRefusedError
from agents.runtime.postgres import Connection, database_error

_PREFIX = "cryo_truth"
_NAME = re.compile(rf"{_PREFIX}_(?P<made_at>\d+)_[0-9a-f]{{8}}")
# Chosen: no load of a schema takes this long, so an older scratch database belongs to a process that was killed.
_LEFTOVER_AGE_S = 3600
# The sections of schema.sql before this one are what Supabase brings by itself.
_OUR_FIRST_SCHEMA = re.compile(r"\s*create\s+schema\s+private\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Server:
    """What is needed to make a database beside the one that we are connected to."""

    conn: Connection
    open_database: Callable[[str], AbstractContextManager[Connection]]
    clock: Clock
    log: FilteringBoundLogger
    watch: BlockerWatch | None = None


@contextmanager
def scratch_database(server: Server) -> Iterator[Connection]:
    """Make an empty database, lend a connection to it, and drop it whatever happens.

    Raises:
        DatabaseRefusedError: the role may not create databases.
    """
    _drop_leftovers(server)
    name = f"{_PREFIX}_{round(server.clock.now().timestamp())}_{secrets.token_hex(4)}"
    try:
        # template0 is the one template that nobody can have changed or be connected to.
        server.conn.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    except pg.InsufficientPrivilege as error:
        role = server.conn.info.user
        message = (
            f"role {role} may not create the scratch database that schemas are compared in; "
            f'run `alter role "{role}" createdb` as a superuser, then run again'
        )
        raise DatabaseRefusedError(message) from error
    except psycopg.Error as error:
        raise database_error(error, "create a scratch database", remedy="see the server's log") from error
    try:
        with server.open_database(name) as conn:
            yield conn
    finally:
        _drop(server, name)


def read_schema_file(folder: Path) -> tuple[Statement, ...]:
    """Return the statements of schema.sql.

    Raises:
        MigrationFileError: the folder has none, or it is broken.
    """
    path = folder / SCHEMA_FILE
    try:
        return split_statements(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, UnterminatedError) as error:
        message = f"{SCHEMA_FILE}: {error}; the folder must hold the schema that its migrations make"
        raise MigrationFileError(message) from error


def load_schema(conn: Connection, statements: Sequence[Statement]) -> None:
    """Run schema.sql in an empty database."""
    _run(conn, SCHEMA_FILE, statements)


def load_migrations(conn: Connection, migrations: Sequence[Migration], schema: Sequence[Statement]) -> None:
    """Run some migrations in an empty database.

    Args:
        conn: the empty database.
        migrations: files without an engine, in order.
        schema: statements of schema.sql; its first sections stand in for Supabase where a file expects Supabase's own.
    """
    for statement in schema:
        if _OUR_FIRST_SCHEMA.match(statement.text):
            break
        _run(conn, SCHEMA_FILE, [statement])
    for migration in migrations:
        _run(conn, f"{migration.name}.sql", migration.statements)


def is_supabase(conn: Connection) -> bool:
    """Whether Supabase owns schema auth, told by the roles that only Supabase makes."""
    return ask_bool(conn, "is_supabase", {})


def _run(conn: Connection, name: str, statements: Sequence[Statement]) -> None:
    for statement in statements:
        try:
            conn.execute(statement.text.encode())
        except psycopg.Error as error:
            what = f"{name} line {statement.line}, in a scratch database"
            raise database_error(error, what, remedy="correct the file") from error


def _drop_leftovers(server: Server) -> None:
    now_s = server.clock.now().timestamp()
    for row in server.conn.execute("select datname from pg_database where datname like 'cryo@_truth@_%' escape '@'"):
        found = _NAME.fullmatch(str(row[0]))
        if found is not None and now_s - int(found["made_at"]) > _LEFTOVER_AGE_S:
            _drop(server, found[0])


def _drop(server: Server, name: str) -> None:
    try:
        server.conn.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
    except psycopg.Error as error:
        # The answer is known by now; a database that stays is told, and removed by a later run.
        server.log.warning("migrate.scratch.left", database=name, reason=" ".join(str(error).split()))
