"""Reads the migrations folder and refuses anything that is not exactly what the rules allow.

Every refusal is one error that names the file and the remedy; nothing is skipped in silence.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from agents.migrate.errors import MigrationFileError
from agents.migrate.header import Header, parse_header, parse_verification
from agents.migrate.model import Migration, Phase, Statement
from agents.migrate.statements import UnterminatedError, split_statements, strip_quoted

SCHEMA_FILE = "schema.sql"
_NAME = re.compile(r"(?P<number>[0-9]{4})_(?P<phase>[a-z]+)_(?P<words>[a-z][a-z0-9_]*)")
_VERIFY = ".verify.sql"
_DOWN = ".down.sql"
_UP = ".sql"
_DECLARATION = ".toml"
_TRANSACTION_CONTROL = re.compile(
    r"^\s*(?:begin|start\s+transaction|commit|end|rollback|abort|savepoint|prepare\s+transaction)\b", re.IGNORECASE
)
_CONCURRENTLY = re.compile(r"\bconcurrently\b", re.IGNORECASE)
_BEGIN_ATOMIC = re.compile(r"\bbegin\s+atomic\b", re.IGNORECASE)
_CREATE_CONCURRENTLY = re.compile(r"^\s*create\s+(?:unique\s+)?index\s+concurrently\b", re.IGNORECASE)
# The index name must be written out with its schema's table, or the runner could not find an invalid leftover.
NAMED_CONCURRENT_INDEX = re.compile(
    r"^\s*create\s+(?:unique\s+)?index\s+concurrently\s+if\s+not\s+exists\s+(?P<index>\w+)"
    r"\s+on\s+(?:only\s+)?(?P<schema>\w+)\.\w+",
    re.IGNORECASE,
)


def read_folder(folder: Path) -> tuple[Migration, ...]:
    """Read every migration of a folder in the order of their numbers.

    Raises:
        MigrationFileError: the folder is missing or a file breaks a rule.
    """
    if not folder.is_dir():
        message = f"{folder}: no such folder; give the migrations folder with --migrations"
        raise MigrationFileError(message)
    files: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        # A mounted ConfigMap brings links such as ..data; hidden names are never migrations.
        if path.name.startswith(".") or not path.is_file():
            continue
        try:
            files[path.name] = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            message = f"{path.name}: byte {error.start} is not UTF-8; save the file as UTF-8"
            raise MigrationFileError(message) from error
    return parse_files(files)


def parse_files(files: Mapping[str, str]) -> tuple[Migration, ...]:
    """Turn file names and texts into migrations; pure, so that every rule is tested from a table.

    Raises:
        MigrationFileError: a file breaks a rule.
    """
    sql_files = {name: text for name, text in files.items() if name.endswith(_UP) and name != SCHEMA_FILE}
    stems = [name for name in sql_files if not name.endswith((_VERIFY, _DOWN))]
    for name in (*sorted(stems), *sorted(sql_files)):
        _refuse_bad_name(name, stems)
    _refuse_stray_declarations(files, stems)
    migrations = sorted((_parse_migration(name, files) for name in stems), key=lambda migration: migration.key)
    _refuse_duplicates(migrations)
    _refuse_gaps(migrations)
    return tuple(migrations)


def _refuse_bad_name(name: str, stems: Iterable[str]) -> None:
    stem = name.removesuffix(_UP).removesuffix(".verify").removesuffix(".down")
    found = _NAME.fullmatch(stem)
    if found is None:
        message = (
            f"{name}: the name must be NNNN_<{'|'.join(Phase)}>_<words>.sql with four digits and "
            "lower-case words joined by _; rename the file"
        )
        raise MigrationFileError(message)
    if found["phase"] not in set(Phase):
        message = f"{name}: {found['phase']!r} is not a phase; use one of {', '.join(Phase)}"
        raise MigrationFileError(message)
    if int(found["number"]) == 0:
        message = f"{name}: numbers start at 0001; rename the file"
        raise MigrationFileError(message)
    if stem + _UP not in stems:
        message = f"{name}: there is no {stem}{_UP} that it belongs to; add it or remove this file"
        raise MigrationFileError(message)


def _parse_migration(name: str, files: Mapping[str, str]) -> Migration:
    stem = name.removesuffix(_UP)
    found = _NAME.fullmatch(stem)
    if found is None:  # _refuse_bad_name came first
        raise AssertionError(name)
    number = int(found["number"])
    header = parse_header(name, files[name], number)
    verify_name, down_name = stem + _VERIFY, stem + _DOWN
    if verify_name not in files:
        message = f"{name}: {verify_name} is missing; write the query that proves this migration"
        raise MigrationFileError(message)
    if (down_name in files) == bool(header.no_down):
        message = (
            f"{name}: declares @no-down but {down_name} exists; remove one of them"
            if header.no_down
            else f"{name}: {down_name} is missing; write it, or declare `-- @no-down <reason>`"
        )
        raise MigrationFileError(message)
    declaration = _read_declaration(name, header, files)
    migration = Migration(
        number=number,
        phase=Phase(found["phase"]),
        words=found["words"],
        summary=header.summary,
        sha256=hashlib.sha256((files[name] + declaration).encode()).hexdigest(),
        statements=_split(name, files[name], may_be_empty=header.engine is not None),
        verification=parse_verification(verify_name, files[verify_name], _split(verify_name, files[verify_name])),
        lock_budget_ms=header.lock_budget_ms,
        statement_budget_s=header.statement_budget_s,
        min_server=header.min_server,
        transactional=header.transactional,
        follows=header.follows,
        no_down=header.no_down,
        engine=header.engine,
        declaration=declaration,
    )
    if down_name in files:
        _split(down_name, files[down_name])
    _refuse_statements(name, migration)
    return migration


def _read_declaration(name: str, header: Header, files: Mapping[str, str]) -> str:
    """Return the text that the engine reads, or an empty text for a file without an engine."""
    declaration_name = name.removesuffix(_UP) + _DECLARATION
    if header.engine is None and declaration_name in files:
        message = f"{declaration_name}: {name} declares no @engine that would read it; remove one of them"
        raise MigrationFileError(message)
    if header.engine is not None and declaration_name not in files:
        message = f"{name}: {declaration_name} is missing; the engine {header.engine} reads it"
        raise MigrationFileError(message)
    return files[declaration_name] if header.engine is not None else ""


def _refuse_stray_declarations(files: Mapping[str, str], stems: Iterable[str]) -> None:
    for name in sorted(files):
        owner = name.removesuffix(_DECLARATION) + _UP
        if name.endswith(_DECLARATION) and owner not in stems:
            message = f"{name}: there is no {owner} that it belongs to; add it or remove this file"
            raise MigrationFileError(message)


def _split(name: str, text: str, *, may_be_empty: bool = False) -> tuple[Statement, ...]:
    try:
        statements = split_statements(text)
    except UnterminatedError as error:
        message = f"{name}: {error}; close it"
        raise MigrationFileError(message) from error
    if not statements and not may_be_empty:
        message = f"{name}: holds no statement; write one or remove the file"
        raise MigrationFileError(message)
    return statements


def _refuse_statements(name: str, migration: Migration) -> None:
    for statement in migration.statements:
        code = strip_quoted(statement.text)
        where = f"{name}: line {statement.line}"
        if _BEGIN_ATOMIC.search(code):
            message = f"{where}: BEGIN ATOMIC bodies cannot be cut into statements; write the body as a $$ string"
        elif _TRANSACTION_CONTROL.match(code):
            message = f"{where}: the runner owns the transaction; remove {code.split()[0].upper()}"
        elif migration.transactional and _CONCURRENTLY.search(code):
            message = f"{where}: CONCURRENTLY cannot run in a transaction; move it to a file with `-- @transaction no`"
        elif _CREATE_CONCURRENTLY.match(code) and not NAMED_CONCURRENT_INDEX.match(code):
            message = (
                f"{where}: write CREATE INDEX CONCURRENTLY IF NOT EXISTS <name> ON <schema>.<table>, "
                "so that a killed build can be found, dropped and repeated"
            )
        else:
            continue
        raise MigrationFileError(message)


def _refuse_duplicates(migrations: list[Migration]) -> None:
    for before, after in pairwise(migrations):
        if before.number != after.number:
            continue
        if before.phase == after.phase or before.words != after.words:
            message = (
                f"{after.name}{_UP}: number {after.number:04d} is already {before.name}{_UP}; "
                "one number is one change, its files differ in the phase only; take the next free number"
            )
            raise MigrationFileError(message)


def _refuse_gaps(migrations: list[Migration]) -> None:
    previous = 0
    for migration in migrations:
        if migration.number == previous:
            continue
        if migration.follows != previous:
            message = (
                f"{migration.name}{_UP}: follows {migration.follows:04d}, but the number before it is {previous:04d}; "
                "add the missing file, renumber, or declare "
                f"`-- @follows {previous:04d}` for numbers left free on purpose"
            )
            raise MigrationFileError(message)
        previous = migration.number
