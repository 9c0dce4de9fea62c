"""Reads the `-- @name value` declarations above a migration's and a verify file's SQL."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from agents.migrate.errors import MigrationFileError
from agents.migrate.model import Engine, Expectation, Statement, Verification

# Cited: issue 4. Writers queue behind a waiting DDL lock, so half a second is the longest stall a migration may cause.
MAX_LOCK_BUDGET_MS = 500
# Chosen: longer work is a backfill in batches, not one statement; an index build on the largest table stays below it.
MAX_STATEMENT_BUDGET_S = 3600
DEFAULT_STATEMENT_BUDGET_S = 30
OLDEST_SERVER = 15
_DECLARATION = re.compile(r"--\s*@(?P<key>[a-z-]+)(?:\s+(?P<value>.*\S))?\s*")
_KNOWN = ("lock-budget-ms", "statement-budget-s", "server", "transaction", "follows", "no-down", "engine")
_MAX_SERVER = 99


@dataclass(frozen=True, slots=True)
class Header:
    """What a migration declares about itself."""

    summary: str
    lock_budget_ms: int
    statement_budget_s: int
    min_server: int
    transactional: bool
    follows: int
    no_down: str
    engine: Engine | None


def parse_header(name: str, text: str, number: int) -> Header:
    """Read a migration's header.

    Args:
        name: file name, for the error message.
        text: the whole file.
        number: the file's own number; it follows the one before unless declared otherwise.

    Raises:
        MigrationFileError: a declaration is missing, unknown, repeated or out of range.
    """
    summary, declared = _read_declarations(name, text, known=_KNOWN)
    if not summary:
        message = f"{name}: the first line must say in one sentence what the migration does (`-- Adds ...`)"
        raise MigrationFileError(message)
    for key in ("lock-budget-ms", "server", "transaction"):
        if key not in declared:
            message = f"{name}: the header declares no @{key}; add `-- @{key} ...` above the SQL"
            raise MigrationFileError(message)
    number_in = _number_reader(name, declared)
    if declared["transaction"] not in {"yes", "no"}:
        message = f"{name}: @transaction is {declared['transaction']!r}; use yes or no"
        raise MigrationFileError(message)
    _refuse_bad_engine(name, declared)
    return Header(
        summary=summary,
        lock_budget_ms=number_in("lock-budget-ms", range(1, MAX_LOCK_BUDGET_MS + 1), 0),
        statement_budget_s=number_in(
            "statement-budget-s", range(1, MAX_STATEMENT_BUDGET_S + 1), DEFAULT_STATEMENT_BUDGET_S
        ),
        min_server=number_in("server", range(OLDEST_SERVER, _MAX_SERVER + 1), 0),
        transactional=declared["transaction"] == "yes",
        follows=number_in("follows", range(number), number - 1),
        no_down=declared.get("no-down", ""),
        engine=Engine(declared["engine"]) if "engine" in declared else None,
    )


def parse_verification(name: str, text: str, statements: tuple[Statement, ...]) -> Verification:
    """Read a verify file's header.

    Raises:
        MigrationFileError: `-- @expect` is missing or not a known shape, or a statement is not a query.
    """
    _, declared = _read_declarations(name, text, known=("expect",))
    expect = declared.get("expect", "")
    if expect not in set(Expectation):
        message = (
            f"{name}: declares no known shape; add `-- @expect {Expectation.ZERO_ROWS}` or `{Expectation.ONE_TRUE}`"
        )
        raise MigrationFileError(message)
    for statement in statements:
        if statement.text.split(None, 1)[0].lower() not in {"select", "with", "values"}:
            message = f"{name}: line {statement.line}: only queries prove anything; write a SELECT"
            raise MigrationFileError(message)
    return Verification(expectation=Expectation(expect), statements=statements)


def _read_declarations(name: str, text: str, *, known: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    summary = ""
    declared: dict[str, str] = {}
    for index, line in enumerate(text.splitlines()):
        if not line.startswith("--"):
            break
        found = _DECLARATION.fullmatch(line)
        if found is None:
            summary = line.removeprefix("--").strip() if index == 0 else summary
            continue
        key, value = found["key"], found["value"] or ""
        if key not in known:
            message = f"{name}: @{key} is not a declaration; known are {', '.join('@' + each for each in known)}"
            raise MigrationFileError(message)
        if key in declared or not value:
            wrong = "is declared twice" if key in declared else "has no value"
            message = f"{name}: @{key} {wrong}; write it once, with its value"
            raise MigrationFileError(message)
        declared[key] = value
    return summary, declared


def _refuse_bad_engine(name: str, declared: dict[str, str]) -> None:
    engine = declared.get("engine")
    if engine is None:
        return
    if engine not in set(Engine):
        message = f"{name}: @engine is {engine!r}; known are {', '.join(Engine)}"
        raise MigrationFileError(message)
    if declared["transaction"] != "no":
        message = f"{name}: an engine commits step by step; declare `-- @transaction no`"
        raise MigrationFileError(message)


def _number_reader(name: str, declared: dict[str, str]) -> Callable[[str, range, int], int]:
    def read(key: str, legal: range, default: int) -> int:
        raw = declared.get(key)
        if raw is None:
            return default
        if not (raw.isascii() and raw.isdigit()) or int(raw) not in legal:
            message = f"{name}: @{key} is {raw!r}; use a whole number from {legal.start} to {legal.stop - 1}"
            raise MigrationFileError(message)
        return int(raw)

    return read
