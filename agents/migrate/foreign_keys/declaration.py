"""Reads the declared relations from TOML; anything that is not exactly as expected is refused by name."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from agents.migrate.foreign_keys.errors import DeclarationError

# Chosen: the longest identifier that PostgreSQL keeps whole is 63 bytes; lower case needs no quoting anywhere.
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_REQUIRED_KEYS = frozenset({"child", "columns", "parent", "on_delete", "orphan", "constraint"})
_OPTIONAL_KEYS = frozenset({"parent_columns", "on_update", "required", "index", "covering_index"})


Choice = TypeVar("Choice", bound=StrEnum)


class ReferentialAction(StrEnum):
    """What PostgreSQL does with children when their parent goes or changes its key."""

    NO_ACTION = "no-action"
    RESTRICT = "restrict"
    CASCADE = "cascade"
    SET_NULL = "set-null"
    SET_DEFAULT = "set-default"

    @property
    def sql(self) -> str:
        """The words in a constraint's definition."""
        return self.value.replace("-", " ")


class OrphanAction(StrEnum):
    """What happens to a row whose parent does not exist."""

    SET_NULL = "set-null"
    """The row stays and forgets its parent."""
    DELETE = "delete"
    """The row means nothing without its parent."""
    QUARANTINE = "quarantine"
    """The row moves, whole, into private.quarantined_rows."""


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A table with its schema."""

    schema: str
    table: str

    def __str__(self) -> str:
        """Return `schema.table`."""
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True)
class Relation:
    """One foreign key as it shall be."""

    child: TableName
    columns: tuple[str, ...]
    parent: TableName
    parent_columns: tuple[str, ...]
    """In the order of `columns`."""
    on_delete: ReferentialAction
    on_update: ReferentialAction
    orphan: OrphanAction
    required: bool
    """Whether the columns are NOT NULL; a null in them is then as wrong as a missing parent."""
    constraint: str
    index: str
    """Index on the child's columns; deletes of parents would scan the child without it."""
    index_is_covering: bool
    """Whether `index` belongs to a primary key or unique constraint that begins with the columns."""

    @property
    def name(self) -> str:
        """How messages, reports and quarantined rows name the relation."""
        return f"{self.child}.{self.constraint}"


@dataclass(frozen=True, slots=True)
class Declaration:
    """Every relation of a file, parents before their children."""

    name: str
    relations: tuple[Relation, ...]


def parse_declaration(name: str, text: str) -> Declaration:
    """Read a declaration.

    Args:
        name: file name, for error messages.
        text: TOML with one `[[relation]]` per foreign key.

    Raises:
        DeclarationError: the text is not TOML, or an entry breaks a rule.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{name}: not TOML: {error}; correct the file"
        raise DeclarationError(message) from error
    if set(document) != {"relation"} or not isinstance(document["relation"], list) or not document["relation"]:
        message = f"{name}: expected [[relation]] entries and nothing else, found {sorted(document) or 'nothing'}"
        raise DeclarationError(message)
    relations = [_parse_relation(f"{name}: relation {at}", row) for at, row in enumerate(document["relation"], 1)]
    _refuse_duplicates(name, relations)
    return Declaration(name=name, relations=sort_parents_first(relations))


def sort_parents_first(relations: Iterable[Relation]) -> tuple[Relation, ...]:
    """Order relations so that a table's own rows are repaired before the rows that point at them.

    Cycles are broken where the declaration mentions them first; the engine repeats until nothing changes.
    """
    waiting = list(relations)
    parents = {
        child: {each.parent for each in waiting if each.child == child and each.parent != child}
        for child in {each.child for each in waiting}
    }
    ordered: list[Relation] = []
    while waiting:
        open_tables = {each.child for each in waiting}
        free = [each for each in waiting if not parents[each.child] & open_tables]
        chosen = free[0].child if free else waiting[0].child
        ordered += [each for each in waiting if each.child == chosen]
        waiting = [each for each in waiting if each.child != chosen]
    return tuple(ordered)


def _parse_relation(where: str, row: object) -> Relation:
    if not isinstance(row, Mapping):
        message = f"{where}: expected a table of keys"
        raise DeclarationError(message)
    _refuse_keys(where, row)
    columns = _read_names(where, row, "columns")
    parent_columns = _read_names(where, row, "parent_columns") if "parent_columns" in row else ("id",)
    if len(columns) != len(parent_columns):
        message = f"{where}: columns names {len(columns)} and parent_columns {len(parent_columns)}; pair them"
        raise DeclarationError(message)
    required = row.get("required", False)
    if not isinstance(required, bool):
        message = f"{where}: required is {required!r}; use true or false"
        raise DeclarationError(message)
    relation = Relation(
        child=_read_table(where, row, "child"),
        columns=columns,
        parent=_read_table(where, row, "parent"),
        parent_columns=parent_columns,
        on_delete=_read_choice(where, row, "on_delete", ReferentialAction),
        on_update=_read_choice(where, row, "on_update", ReferentialAction, ReferentialAction.NO_ACTION),
        orphan=_read_choice(where, row, "orphan", OrphanAction),
        required=required,
        constraint=_read_name(where, row, "constraint"),
        index=_read_name(where, row, "index" if "index" in row else "covering_index"),
        index_is_covering="covering_index" in row,
    )
    if relation.required and OrphanAction.SET_NULL.value in {relation.orphan.value, relation.on_delete.value}:
        message = f"{where}: required = true contradicts set-null; delete or quarantine its orphans"
        raise DeclarationError(message)
    return relation


def _refuse_keys(where: str, row: Mapping[str, object]) -> None:
    unknown = sorted(set(row) - _REQUIRED_KEYS - _OPTIONAL_KEYS)
    if unknown:
        message = (
            f"{where}: unknown key {', '.join(unknown)}; known are {', '.join(sorted(_REQUIRED_KEYS | _OPTIONAL_KEYS))}"
        )
        raise DeclarationError(message)
    missing = sorted(_REQUIRED_KEYS - set(row))
    if missing:
        message = f"{where}: {', '.join(missing)} is missing; add it"
        raise DeclarationError(message)
    if ("index" in row) == ("covering_index" in row):
        message = f"{where}: give either index (ours) or covering_index (of a primary key or unique constraint)"
        raise DeclarationError(message)


def _read_names(where: str, row: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = row[key]
    if not isinstance(value, list) or not value or len(set(map(str, value))) != len(value):
        message = f"{where}: {key} is {value!r}; use a list of different column names"
        raise DeclarationError(message)
    return tuple(_check_identifier(where, key, each) for each in value)


def _read_name(where: str, row: Mapping[str, object], key: str) -> str:
    return _check_identifier(where, key, row[key])


def _read_table(where: str, row: Mapping[str, object], key: str) -> TableName:
    schema, dot, table = str(row[key]).partition(".")
    if not dot:
        message = f"{where}: {key} is {row[key]!r}; name the table with its schema"
        raise DeclarationError(message)
    return TableName(_check_identifier(where, key, schema), _check_identifier(where, key, table))


def _check_identifier(where: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        message = f"{where}: {key} holds {value!r}; names are lower case, at most 63 characters"
        raise DeclarationError(message)
    return value


def _read_choice(
    where: str, row: Mapping[str, object], key: str, choices: type[Choice], default: Choice | None = None
) -> Choice:
    value = row.get(key, default)
    if not isinstance(value, str) or value not in set(choices):
        message = f"{where}: {key} is {value!r}; use one of {', '.join(choices)}"
        raise DeclarationError(message)
    return choices(value)


def _refuse_duplicates(name: str, relations: list[Relation]) -> None:
    """Two entries for the same columns, constraint or index would undo each other's work for ever."""
    seen: set[tuple[str, ...]] = set()
    for relation in relations:
        keys: list[tuple[str, ...]] = [
            ("columns", str(relation.child), *sorted(relation.columns)),
            ("constraint", str(relation.child), relation.constraint),
        ]
        if not relation.index_is_covering:
            keys.append(("index", relation.child.schema, relation.index))
        for key in keys:
            if key in seen:
                message = f"{name}: {key[0]} of {relation.name} is declared twice; keep one entry"
                raise DeclarationError(message)
            seen.add(key)
