"""Looks at every declared relation, its rows included; changes nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import sql

from agents.migrate.foreign_keys.casts import find_cast
from agents.migrate.foreign_keys.catalog import load_sql, read_catalog
from agents.migrate.foreign_keys.declaration import Declaration, Relation
from agents.migrate.foreign_keys.errors import RelationRefusedError
from agents.migrate.foreign_keys.live import Catalog, LiveRelation, LiveTable
from agents.migrate.foreign_keys.orphans import OrphanSql, orphan_sql, table_source, uncastable_sql
from agents.runtime.postgres import Connection

# Measured: the hash table of 1 million uuid keys takes 55 MB; 256 MB keeps 5 million in one pass, and only the one
# session of the one runner may take it.
SCAN_WORK_MEM = "256MB"


@dataclass(frozen=True, slots=True)
class ScanBudget:
    """How long a scan may wait and run."""

    lock_ms: int
    statement_s: int
    rewrite_limit_rows: int
    """Largest table that is rewritten in place when a type must change."""


def survey(conn: Connection, declaration: Declaration, budget: ScanBudget) -> Mapping[Relation, LiveRelation]:
    """Read the state of every relation and count its orphans by query, whatever the catalogs say of them."""
    catalog = read_catalog(conn, declaration)
    return {relation: _look_at(conn, relation, catalog, budget) for relation in declaration.relations}


def read_tables(conn: Connection, relation: Relation) -> tuple[LiveTable, LiveTable]:
    """Return a relation's child and parent as they are at this moment, types included.

    Raises:
        RelationRefusedError: somebody dropped one of them during the run.
    """
    tables = read_catalog(conn, Declaration(relation.name, (relation,))).tables
    for name in (relation.child, relation.parent):
        if name not in tables:
            message = f"{relation.name}: {name} disappeared during the run; find who dropped it"
            raise RelationRefusedError(message)
    return tables[relation.child], tables[relation.parent]


def can_be_compared(relation: Relation, child: LiveTable, parent: LiveTable) -> bool:
    """Whether both are tables with the columns, and the columns have types that can meet."""
    if {child.kind, parent.kind} - {"r", "p"}:
        return False
    for name, parent_name in zip(relation.columns, relation.parent_columns, strict=True):
        column, parent_column = child.column(name), parent.column(parent_name)
        if column is None or parent_column is None:
            return False
        if column.type_name != parent_column.type_name and not find_cast(column.type_name, parent_column.type_name):
            return False
    return True


@contextmanager
def scan_settings(conn: Connection, budget: ScanBudget) -> Iterator[None]:
    """Give one transaction the memory of a scan, and make rows that policies would hide an error."""
    with conn.transaction():
        conn.execute(
            load_sql("set_scan_local"),
            {
                "work_mem": SCAN_WORK_MEM,
                "statement_ms": str(budget.statement_s * 1000),
                "lock_ms": str(budget.lock_ms),
            },
        )
        yield


def _look_at(conn: Connection, relation: Relation, catalog: Catalog, budget: ScanBudget) -> LiveRelation:
    child, parent = catalog.tables.get(relation.child), catalog.tables.get(relation.parent)
    names = catalog.taken_names.get(relation.child.schema, frozenset())
    if child is None or parent is None or not can_be_compared(relation, child, parent):
        return LiveRelation(child, parent, names)
    uncastable = uncastable_sql(relation, child, parent)
    with scan_settings(conn, budget):
        return LiveRelation(
            child=child,
            parent=parent,
            taken_names=names,
            orphans=_count(conn, orphan_sql(relation, child, parent)),
            uncastable=_count(conn, uncastable) if uncastable else 0,
            is_small=not uncastable or _is_small(conn, relation, child, budget.rewrite_limit_rows),
        )


def _count(conn: Connection, broken: OrphanSql) -> int:
    return _first_number(conn, broken.count())


def _is_small(conn: Connection, relation: Relation, child: LiveTable, limit_rows: int) -> bool:
    """Count up to the limit: a table that was never analysed has no estimate."""
    source = table_source(relation.child, "child", is_partitioned=child.kind == "p")
    query = sql.SQL("select count(*) from (select from {} limit {}) as counted").format(source, limit_rows + 1)
    return _first_number(conn, query) <= limit_rows


def _first_number(conn: Connection, query: sql.Composed) -> int:
    row = conn.execute(query).fetchone()
    if row is None or not isinstance(row[0], int):
        message = f"count returned {row!r}"
        raise TypeError(message)
    return row[0]
