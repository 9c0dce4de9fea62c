"""Says from a statement's text which table locks it takes, and whether it reads or writes the whole table; pure.

Cited: chapter 13.3 and the ALTER TABLE page of PostgreSQL 15's manual; an integration test compares every form with
`pg_locks`. What the text cannot tell (which table an index or a foreign key belongs to) is said in the reason.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from agents.migrate.alter_table import Change, classify_alter_table
from agents.migrate.statements import strip_quoted

NAME = r'(?:only\s+)?((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))*)'


class LockMode(IntEnum):
    """PostgreSQL's table locks from weak to strong, as far as a migration takes them."""

    NONE = 0
    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    @property
    def title(self) -> str:
        """The name as pg_locks writes it, without its ending."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    @property
    def stops(self) -> str:
        """What waits while it is held."""
        if self is LockMode.ACCESS_EXCLUSIVE:
            return "readers and writers wait"
        if self >= LockMode.SHARE:
            return "writers wait"
        return "nobody who reads or writes waits"


@dataclass(frozen=True, slots=True)
class TableLock:
    """One lock on one table, named as in the statement."""

    table: str
    mode: LockMode


@dataclass(frozen=True, slots=True)
class StatementLocks:
    """What a statement does to those who use its tables."""

    locks: tuple[TableLock, ...]
    because: str
    rewrites: bool = False
    scans: bool = False
    known: bool = True

    @property
    def strongest(self) -> LockMode:
        """The lock that others notice most."""
        return max((lock.mode for lock in self.locks), default=LockMode.NONE)


Rule = tuple[re.Pattern[str], Callable[[re.Match[str], str], StatementLocks]]


def classify_statement(text: str) -> StatementLocks:
    """Return the locks of one statement.

    Args:
        text: the statement as it is sent, comments and all.

    Returns:
        Locks by table; for a form that is not known, one that says so and counts as AccessExclusive.
    """
    code = " ".join(strip_quoted(text, keep_names=True).lower().split()).removesuffix(";").strip()
    for pattern, build in _RULES:
        found = pattern.match(code)
        if found is not None:
            return build(found, code)
    return StatementLocks(
        (TableLock("?", LockMode.ACCESS_EXCLUSIVE),), "unknown, treat as AccessExclusive", known=False
    )


def _on(mode: LockMode, because: str, *, scans: bool = False, rewrites: bool = False) -> Callable[..., StatementLocks]:
    """Build a rule whose first group is the table."""

    def build(found: re.Match[str], _code: str) -> StatementLocks:
        return StatementLocks((TableLock(found[1], mode),), because, rewrites=rewrites, scans=scans)

    return build


def _none(because: str) -> Callable[..., StatementLocks]:
    return lambda _found, _code: StatementLocks((), because)


def _unknown(because: str) -> Callable[..., StatementLocks]:
    lock = TableLock("?", LockMode.ACCESS_EXCLUSIVE)
    return lambda _found, _code: StatementLocks((lock,), f"unknown, treat as AccessExclusive: {because}", known=False)


def _alter_table(found: re.Match[str], _code: str) -> StatementLocks:
    changes = classify_alter_table(found[2])
    locks = {found[1]: max(LockMode[change.mode] for change in changes)}
    for change in changes:
        for parent, mode in change.others:
            locks[parent] = max(locks.get(parent, LockMode.NONE), LockMode[mode])
    return StatementLocks(
        tuple(TableLock(table, mode) for table, mode in locks.items()),
        "; ".join(dict.fromkeys(change.because for change in changes)),
        rewrites=any(change.rewrites for change in changes),
        scans=any(change.scans for change in changes),
        known=all(change.known for change in changes),
    )


def _create_table(found: re.Match[str], code: str) -> StatementLocks:
    parents = [name for name in re.findall(rf"\breferences\s+{NAME}", code) if name != found[1]]
    partitioned = re.search(rf"\bpartition of\s+{NAME}", code)
    locks = [TableLock(name, LockMode.SHARE_ROW_EXCLUSIVE) for name in dict.fromkeys(parents)]
    if partitioned:
        locks.append(TableLock(partitioned[1], LockMode.ACCESS_EXCLUSIVE))
    because = "nobody knows the new table yet"
    return StatementLocks(tuple(locks), f"{because}; a referenced table gets its triggers" if parents else because)


def _create_index(found: re.Match[str], _code: str) -> StatementLocks:
    if found[1]:
        mode, because = LockMode.SHARE_UPDATE_EXCLUSIVE, "reads the table twice and waits for older transactions"
    else:
        mode, because = LockMode.SHARE, "reads the table once"
    return StatementLocks((TableLock(found[2], mode),), because, scans=True)


def _drop_index(found: re.Match[str], _code: str) -> StatementLocks:
    mode = LockMode.SHARE_UPDATE_EXCLUSIVE if found[1] else LockMode.ACCESS_EXCLUSIVE
    names = [name.strip() for name in found[2].removesuffix(" cascade").removesuffix(" restrict").split(",")]
    return StatementLocks(tuple(TableLock(f"table of {name}", mode) for name in names), "and the index itself")


def _drop_tables(found: re.Match[str], _code: str) -> StatementLocks:
    names = [name.strip() for name in found[1].removesuffix(" cascade").removesuffix(" restrict").split(",")]
    because = "and tables that its foreign keys reference"
    return StatementLocks(tuple(TableLock(name, LockMode.ACCESS_EXCLUSIVE) for name in names), because)


def _write(_found: re.Match[str], code: str) -> StatementLocks:
    targets = re.findall(rf"\b(?:insert into|update|delete from|merge into)\s+{NAME}", code)
    # `for update` and `on conflict do update set` name no table.
    tables = [name for name in dict.fromkeys(targets) if name not in {"set", "of", "nowait", "skip"}]
    if not tables:
        return StatementLocks((), "reads, and waits for nobody")
    locks = tuple(TableLock(name, LockMode.ROW_EXCLUSIVE) for name in tables)
    return StatementLocks(
        locks, "locks the rows that it writes until the transaction ends", scans=" where " not in code
    )


def _rules(rows: Sequence[tuple[str, Callable[..., StatementLocks]]]) -> tuple[Rule, ...]:
    return tuple((re.compile(pattern.replace("NAME", NAME)), build) for pattern, build in rows)


_EXCLUSIVE = LockMode.ACCESS_EXCLUSIVE
_RULES = _rules(
    [
        (r"alter table (?:if exists )?NAME\s+(.+)", _alter_table),
        (r"create (?:temp |temporary |unlogged )?table (?:if not exists )?NAME", _create_table),
        (r"create (?:unique )?index (concurrently )?(?:if not exists )?(?:(?!on )\S+ )?on NAME", _create_index),
        (r"drop index (concurrently )?(?:if exists )?(.+)", _drop_index),
        (r"alter index (?:if exists )?NAME", _on(LockMode.SHARE_UPDATE_EXCLUSIVE, "the index alone")),
        (r"drop table (?:if exists )?(.+)", _drop_tables),
        (r"create (?:or replace )?(?:constraint )?trigger .+? on NAME", _on(LockMode.SHARE_ROW_EXCLUSIVE, "adds it")),
        (r"(?:drop|alter) trigger .+? on NAME", _on(_EXCLUSIVE, "running statements must not lose it")),
        (r"(?:create|alter|drop) policy .+? on NAME", _on(_EXCLUSIVE, "plans that were made with it are thrown away")),
        (r"(?:create (?:or replace )?|drop )rule .+? (?:on|to) NAME", _on(_EXCLUSIVE, "rewrites queries")),
        (r"truncate (?:table )?NAME", _on(_EXCLUSIVE, "all rows go at once")),
        (r"vacuum (?:\([^)]*\bfull\b[^)]*\)|full) ?NAME", _on(_EXCLUSIVE, "written anew", rewrites=True)),
        (r"cluster NAME", _on(_EXCLUSIVE, "written anew in the order of an index", rewrites=True)),
        (r"(?:vacuum|analyze) (?:\([^)]*\) ?)?NAME", _on(LockMode.SHARE_UPDATE_EXCLUSIVE, "beside writers")),
        (r"comment on column NAME\.\w+", _on(LockMode.SHARE_UPDATE_EXCLUSIVE, "the catalog alone")),
        (r"comment on (?:table|view) NAME", _on(LockMode.SHARE_UPDATE_EXCLUSIVE, "the catalog alone")),
        (r"comment on ", _none("the catalog alone")),
        (r"refresh materialized view concurrently NAME", _on(LockMode.EXCLUSIVE, "readers go on", scans=True)),
        (r"refresh materialized view NAME", _on(_EXCLUSIVE, "filled anew", rewrites=True)),
        (r"drop (?:materialized )?view (?:if exists )?NAME", _on(_EXCLUSIVE, "the view alone")),
        (r"alter (?:materialized )?view (?:if exists )?NAME", _on(_EXCLUSIVE, "the view alone")),
        (r"create (?:or replace )?(?:materialized )?(?:recursive )?view ", _none("reads the tables below it")),
        (r"alter sequence (?:if exists )?NAME", _on(LockMode.SHARE_ROW_EXCLUSIVE, "the sequence alone")),
        (r"create statistics .+? from NAME", _on(LockMode.SHARE_UPDATE_EXCLUSIVE, "the catalog alone")),
        (r"copy NAME (?:\([^)]*\) )?from", _on(LockMode.ROW_EXCLUSIVE, "adds rows")),
        (r"lock (?:table )?NAME in access exclusive", _on(_EXCLUSIVE, "asked for")),
        (r"(?:insert|update|delete|merge|with|select|values)\b", _write),
        (r"(?:grant|revoke|alter default privileges)\b", _none("rights are in the catalog alone")),
        (r"(?:create|alter|drop) (?:or replace )?(?:function|procedure|aggregate|schema|role|user|type|domain)\b",
         _none("the catalog alone")),
        (r"(?:create|drop) (?:or replace )?(?:extension|sequence|cast|operator)\b", _none("the catalog alone")),
        (r"(?:set|reset|discard|show)\b", _none("the session alone")),
        (r"do\b", _unknown("a block may run anything")),
    ]
)  # fmt: skip

__all__ = ["Change", "LockMode", "StatementLocks", "TableLock", "classify_statement"]
