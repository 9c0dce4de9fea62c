"""Keeps the rows that a removal would take away by ON DELETE CASCADE, however far that reaches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from agents.migrate.foreign_keys.catalog import load_sql
from agents.migrate.foreign_keys.declaration import TableName
from agents.migrate.foreign_keys.orphans import OrphanSql, in_batch, keep_rows, row_key, table_source
from agents.runtime.postgres import Connection


@dataclass(frozen=True, slots=True)
class Cascade:
    """One constraint by which the removal of a parent removes children."""

    constraint: str
    child: TableName
    child_columns: tuple[str, ...]
    child_is_partitioned: bool
    child_primary_key: tuple[str, ...]
    parent: TableName
    parent_columns: tuple[str, ...]
    parent_is_partitioned: bool

    @property
    def name(self) -> str:
        """How quarantined rows name it."""
        return f"{self.child}.{self.constraint}"


def read_cascades(conn: Connection, table: TableName) -> tuple[Cascade, ...]:
    """Return every cascading constraint at and below a table, declared or not."""
    found: list[Cascade] = []
    waiting, seen = [table], {table}
    while waiting:
        parent = waiting.pop()
        rows: list[tuple[Any, ...]] = conn.execute(
            load_sql("cascades"), {"schema": parent.schema, "table": parent.table}
        ).fetchall()
        for row in rows:
            cascade = _parse(parent, row)
            found.append(cascade)
            if cascade.child not in seen:
                seen.add(cascade.child)
                waiting.append(cascade.child)
    return tuple(found)


def keep_cascaded_rows(
    conn: Connection, cascades: Sequence[Cascade], broken: OrphanSql, batch: tuple[int, int], migration: str
) -> int:
    """Quarantine whatever will disappear together with one batch; the caller's transaction then removes the batch.

    Every row found is locked, and a locked parent gets no new children, so nothing can join the doomed rows
    between being kept and being removed.

    Args:
        conn: inside the batch's transaction, which holds locks on the batch's rows.
        cascades: as `read_cascades` returned them for the batch's table.
        broken: how the batch's rows are told.
        batch: first page of the work list, and number of pages.
        migration: written beside each row.

    Returns:
        Number of rows kept.
    """
    conn.execute(load_sql("create_doomed"))
    roots = "insert into cryo_doomed select child.tableoid, child.ctid, 0, null from {} where {} and {}"
    conn.execute(sql.SQL(roots).format(broken.child, in_batch(*batch), broken.condition))
    kept = depth = 0
    while True:
        found = 0
        for number, cascade in enumerate(cascades):
            added = conn.execute(_doom(number, cascade, depth)).rowcount
            if added:
                conn.execute(_keep(number, cascade, depth + 1, broken.relation.name, migration))
            found += added
        if not found:
            return kept
        kept += found
        depth += 1


def _doom(number: int, cascade: Cascade, depth: int) -> sql.Composed:
    """Add the children of the rows of one depth."""
    template = (
        "insert into cryo_doomed select victim.tableoid, victim.ctid, {depth} + 1, {number} from ("
        "select child.tableoid, child.ctid from {child} where ({columns}) in ("
        "select {parent_columns} from {parent} where {is_doomed}) for update of child"
        ") as victim on conflict do nothing"
    )
    return sql.SQL(template).format(
        depth=sql.Literal(depth),
        number=sql.Literal(number),
        child=table_source(cascade.child, "child", is_partitioned=cascade.child_is_partitioned),
        columns=sql.SQL(", ").join(sql.Identifier("child", name) for name in cascade.child_columns),
        parent=table_source(cascade.parent, "parent", is_partitioned=cascade.parent_is_partitioned),
        parent_columns=sql.SQL(", ").join(sql.Identifier("parent", name) for name in cascade.parent_columns),
        is_doomed=_is_doomed("parent", sql.SQL("depth = {}").format(depth)),
    )


def _keep(number: int, cascade: Cascade, depth: int, root: str, migration: str) -> sql.Composed:
    reason = f"its parent was removed, because that broke {root}"
    head = keep_rows(
        cascade.name,
        cascade.child,
        row_key=row_key(cascade.child_primary_key),
        reason=reason,
        migration=migration,
    )
    which = sql.SQL("depth = {} and cascade_number = {}").format(depth, number)
    source = table_source(cascade.child, "broken", is_partitioned=cascade.child_is_partitioned)
    return sql.SQL("{} from {} where {}").format(head, source, _is_doomed("broken", which))


def _is_doomed(alias: str, which: sql.Composable) -> sql.Composed:
    """Say that a row is among the doomed ones; an address alone is not unique across tables and partitions."""
    template = (
        "{row_ctid} = any(array(select row_address from cryo_doomed where {which})) and exists ("
        "select from cryo_doomed where table_oid = {row_table} and row_address = {row_ctid} and {which})"
    )
    return sql.SQL(template).format(
        row_ctid=sql.Identifier(alias, "ctid"), row_table=sql.Identifier(alias, "tableoid"), which=which
    )


def _parse(parent: TableName, row: tuple[Any, ...]) -> Cascade:
    schema, table, child_is_partitioned, parent_is_partitioned, constraint, columns, parent_columns, key = row
    return Cascade(
        constraint=constraint,
        child=TableName(schema, table),
        child_columns=tuple(columns),
        child_is_partitioned=child_is_partitioned,
        child_primary_key=tuple(key),
        parent=parent,
        parent_columns=tuple(parent_columns),
        parent_is_partitioned=parent_is_partitioned,
    )
