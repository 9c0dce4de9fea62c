"""What a table is, as far as its rows can be replaced: columns, key, relations in both directions, sequences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

from agents.backup.errors import TableRefusedError
from agents.runtime.postgres import Connection, Query, Table, load_queries, quote

_PARTS = 2


@dataclass(frozen=True, slots=True)
class Field:
    """One column."""

    name: str
    type: str
    generated: bool
    identity: str
    """`a` always, `d` by default, empty for none."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One foreign key."""

    name: str
    child: Table
    parent: Table
    child_columns: tuple[str, ...]
    parent_columns: tuple[str, ...]
    definition: str


@dataclass(frozen=True, slots=True)
class OwnedSequence:
    """A sequence that fills a column."""

    schema: str
    name: str
    column: str


@dataclass(frozen=True, slots=True)
class Shape:
    """One table."""

    table: Table
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    """Columns of the primary key; empty without one."""
    references: tuple[Reference, ...]
    """Foreign keys from it and to it."""
    sequences: tuple[OwnedSequence, ...]
    triggers: Mapping[str, str]
    """When each trigger fires, as pg_trigger says it."""

    @classmethod
    def read(cls, conn: Connection, table: Table) -> Self | None:
        """Read a table; None when there is none of that name."""
        named = {"schema": table.schema, "name": table.name}
        fields = tuple(
            Field(str(name), str(kind), bool(generated), str(identity))
            for name, kind, generated, identity in conn.execute(queries()["columns"].text, named).fetchall()
        )
        if not fields:
            return None
        return cls(
            table=table,
            fields=fields,
            key=tuple(str(row[0]) for row in conn.execute(queries()["primary_key"].text, named).fetchall()),
            references=tuple(_reference(row) for row in conn.execute(queries()["references"].text, named).fetchall()),
            sequences=tuple(
                OwnedSequence(str(schema), str(name), str(column))
                for schema, name, column in conn.execute(queries()["sequences"].text, named).fetchall()
            ),
            triggers={
                str(name): str(enabled) for name, enabled in conn.execute(queries()["triggers"].text, named).fetchall()
            },
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns."""
        return tuple(field.name for field in self.fields)

    @property
    def written(self) -> tuple[str, ...]:
        """Names of the columns that are not computed by the server."""
        return tuple(field.name for field in self.fields if not field.generated)

    @property
    def parents(self) -> tuple[Reference, ...]:
        """Foreign keys to other tables."""
        return tuple(each for each in self.references if each.child == self.table and each.parent != self.table)

    @property
    def referrers(self) -> tuple[Reference, ...]:
        """Foreign keys to this table, its own among them."""
        return tuple(each for each in self.references if each.parent == self.table)

    @property
    def children(self) -> tuple[Reference, ...]:
        """Foreign keys of other tables to this one."""
        return tuple(each for each in self.references if each.parent == self.table and each.child != self.table)


@cache
def queries() -> Mapping[str, Query]:
    """Return this package's queries by name."""
    return load_queries("agents.backup.tables")


def parse_table(text: str) -> Table:
    """Read `schema.table`; a name without a schema is of `public`.

    Raises:
        TableRefusedError: it is neither.
    """
    parts = text.split(".")
    if len(parts) > _PARTS or not all(parts):
        raise TableRefusedError(f"{text!r} names no table; write schema.table")
    return Table(parts[0], parts[1]) if len(parts) == _PARTS else Table("public", parts[0])


def told(table: Table) -> str:
    """Write a table for people."""
    return f"{table.schema}.{table.name}"


def quoted(table: Table) -> str:
    """Write a table for the server."""
    return quote(table.schema, table.name)


def _reference(row: Sequence[object]) -> Reference:
    name, child_schema, child, parent_schema, parent, child_columns, parent_columns, definition = row
    return Reference(
        name=str(name),
        child=Table(str(child_schema), str(child)),
        parent=Table(str(parent_schema), str(parent)),
        child_columns=tuple(str(each) for each in child_columns),  # type: ignore[attr-defined]
        parent_columns=tuple(str(each) for each in parent_columns),  # type: ignore[attr-defined]
        definition=str(definition),
    )
