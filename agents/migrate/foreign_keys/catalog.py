"""Reads the live state of the declared tables from the system catalogs."""

from collections import defaultdict
from collections.abc import Iterable
from importlib import resources
from typing import Any

from agents.migrate.foreign_keys.declaration import Declaration, ReferentialAction, TableName
from agents.migrate.foreign_keys.live import Catalog, LiveColumn, LiveForeignKey, LiveIndex, LiveTable
from agents.runtime.postgres import Connection

_Row = tuple[Any, ...]

# Cited: confdeltype and confupdtype of pg_constraint.
_REFERENTIAL_ACTIONS = {
    "a": ReferentialAction.NO_ACTION,
    "r": ReferentialAction.RESTRICT,
    "c": ReferentialAction.CASCADE,
    "n": ReferentialAction.SET_NULL,
    "d": ReferentialAction.SET_DEFAULT,
}


def load_sql(name: str) -> bytes:
    """Return one of the engine's queries."""
    return resources.files("agents.migrate.foreign_keys").joinpath("sql", f"{name}.sql").read_bytes()


def read_catalog(conn: Connection, declaration: Declaration) -> Catalog:
    """Read every table that the declaration names; a table that does not exist is left out."""
    names = sorted({name for each in declaration.relations for name in (each.child, each.parent)})
    named: dict[str, object] = {"tables": [str(name) for name in names]}
    columns, constraints, indexes = (
        _group(_fetch(conn, query, named)) for query in ("columns", "constraints", "indexes")
    )
    tables = {}
    for schema, table, kind, is_partition, estimated_rows in _fetch(conn, "tables", named):
        name = TableName(schema, table)
        tables[name] = LiveTable(
            kind=kind,
            is_partition=is_partition,
            estimated_rows=estimated_rows,
            columns=tuple(_parse_column(row) for row in columns[name]),
            primary_key=next((tuple(row[3]) for row in constraints[name] if row[1] == "p"), ()),
            unique_keys=tuple(frozenset(row[1]) for row in indexes[name] if row[6]),
            foreign_keys=tuple(_parse_foreign_key(row) for row in constraints[name] if row[1] == "f"),
            indexes=tuple(_parse_index(row) for row in indexes[name]),
            other_constraints={row[0]: row[2] for row in constraints[name] if row[1] != "f"},
        )
    schemas: dict[str, object] = {"schemas": sorted({name.schema for name in names})}
    return Catalog(tables, {row[0]: frozenset(row[1]) for row in _fetch(conn, "taken_names", schemas)})


def _fetch(conn: Connection, query: str, parameters: dict[str, object]) -> list[_Row]:
    return conn.execute(load_sql(query), parameters).fetchall()


def _group(rows: Iterable[_Row]) -> defaultdict[TableName, list[_Row]]:
    """Sort rows by their table, which their first two columns name, and take those off."""
    grouped: defaultdict[TableName, list[_Row]] = defaultdict(list)
    for schema, table, *rest in rows:
        grouped[TableName(schema, table)].append(tuple(rest))
    return grouped


def _parse_column(row: _Row) -> LiveColumn:
    name, type_name, not_null, in_primary_key, default, blockers = row
    return LiveColumn(name, type_name, not_null, in_primary_key, default, tuple(blockers))


def _parse_foreign_key(row: _Row) -> LiveForeignKey:
    name, _, validated, columns, schema, table, parent_columns, on_delete, on_update, plain, enforced = row
    return LiveForeignKey(
        name=name,
        columns=tuple(columns),
        parent=TableName(schema, table),
        parent_columns=tuple(parent_columns),
        on_delete=_REFERENTIAL_ACTIONS[on_delete],
        on_update=_REFERENTIAL_ACTIONS[on_update],
        validated=validated,
        plain=plain,
        enforced=enforced,
    )


def _parse_index(row: _Row) -> LiveIndex:
    name, columns, valid, total, plain, owned, _, size_bytes = row
    return LiveIndex(name, tuple(columns), valid, total, plain, owned, size_bytes)
