"""What a database looks like, as values that two databases can be compared by."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from agents.runtime.postgres import Connection

Grant = tuple[str, str]
"""Who (a role or `public`) may do what."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column, without its position: a column that was added later is the same column."""

    name: str
    type: str
    not_null: bool = False
    identity: str = ""
    """`a` for generated always, `d` for by default, empty for none."""
    generated: str = ""
    default: str = ""
    sequence: str = ""
    """The sequence that belongs to it, quoted as SQL writes it."""
    sequence_grants: frozenset[Grant] = frozenset()
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint; kind is PostgreSQL's contype: p, u, c, f or x."""

    name: str
    kind: str
    columns: tuple[str, ...]
    definition: str
    valid: bool = True


@dataclass(frozen=True, slots=True)
class Index:
    """One index that belongs to no constraint."""

    name: str
    definition: str
    """`pg_get_indexdef` without the index's own name."""
    columns: tuple[str, ...]
    unique: bool = False
    valid: bool = True
    is_plain: bool = True
    """Neither partial nor over an expression."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger."""

    name: str
    definition: str
    """`pg_get_triggerdef` without the trigger's own name."""
    source: str = ""
    """Body of its function."""
    enabled: str = "O"


@dataclass(frozen=True, slots=True)
class Table:
    """One table with everything that hangs on it, policies left out."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...] = ()
    indexes: tuple[Index, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    grants: frozenset[Grant] = frozenset()
    comment: str = ""
    estimated_rows: int = 0

    @property
    def full_name(self) -> str:
        """Schema and name, as reports and facts write it."""
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column | None:
        """Return a column, or None when there is none of that name."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def foreign_key_columns(self) -> frozenset[str]:
        """Columns that take part in a foreign key."""
        return frozenset(name for each in self.constraints if each.kind == "f" for name in each.columns)


@dataclass(frozen=True, slots=True)
class Function:
    """One function of a declared schema."""

    schema: str
    signature: str
    definition: str
    comment: str = ""
    grants: frozenset[Grant] = frozenset()


@dataclass(frozen=True, slots=True)
class Schema:
    """One schema's own facts."""

    name: str
    comment: str = ""
    grants: frozenset[Grant] = frozenset()


@dataclass(frozen=True, slots=True)
class Shape:
    """Schemas, tables and functions by name."""

    tables: Mapping[str, Table] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    schemas: Mapping[str, Schema] = field(default_factory=dict)


def load_adopt_sql(name: str) -> bytes:
    """Return one of the adoption's own queries."""
    return resources.files("agents.migrate.adopt").joinpath("sql", f"{name}.sql").read_bytes()


def read_shape(conn: Connection, schemas: Sequence[str]) -> Shape:
    """Read the shape of some schemas from the catalog; touches no user row."""
    parameters = {"schemas": list(schemas)}
    # With an empty search path every name in a definition carries its schema, on both sides of a comparison.
    with conn.transaction():
        conn.execute(b"set local search_path = ''")
        tables = [_table(row) for row in conn.execute(load_adopt_sql("read_tables"), parameters).fetchall()]
        functions = [_function(row) for row in conn.execute(load_adopt_sql("read_functions"), parameters).fetchall()]
        found = [
            Schema(str(row[0]), str(row[1]), _grants(row[2]))
            for row in conn.execute(load_adopt_sql("read_schemas"), parameters).fetchall()
        ]
    return Shape(
        tables={table.full_name: table for table in tables},
        functions={function.signature: function for function in functions},
        schemas={schema.name: schema for schema in found},
    )


def _table(row: Sequence[Any]) -> Table:
    schema, name, rows, comment, columns, constraints, indexes, triggers, grants = row
    return Table(
        schema=schema,
        name=name,
        estimated_rows=max(0, int(rows)),
        comment=comment,
        columns=tuple(
            Column(**{**each, "sequence_grants": _grants(each["sequence_grants"])}) for each in _parse(columns)
        ),
        constraints=tuple(Constraint(**{**each, "columns": tuple(each["columns"])}) for each in _parse(constraints)),
        indexes=tuple(Index(**{**each, "columns": tuple(each["columns"])}) for each in _parse(indexes)),
        triggers=tuple(Trigger(**each) for each in _parse(triggers)),
        grants=_grants(grants),
    )


def _function(row: Sequence[Any]) -> Function:
    schema, signature, definition, comment, grants = row
    return Function(schema, signature, definition, comment, _grants(grants))


def _grants(value: object) -> frozenset[Grant]:
    return frozenset((str(grantee), str(privilege)) for grantee, privilege in _parse(value))


def _parse(value: Any) -> list[Any]:  # noqa: ANN401 - jsonb as the driver decodes it, a list or its text
    return list(json.loads(value)) if isinstance(value, str) else list(value)
