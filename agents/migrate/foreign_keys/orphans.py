"""The SQL of rows that break a relation: how they are told, counted and kept in a work list."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from agents.migrate.foreign_keys.cast_sql import convert_or_null
from agents.migrate.foreign_keys.casts import find_cast
from agents.migrate.foreign_keys.declaration import OrphanAction, Relation, TableName
from agents.migrate.foreign_keys.live import LiveTable

# Cited: TID range scans exist since PostgreSQL 14. Measured: a page of the list holds 226 row addresses, so 16 pages
# are 3,616 rows, inside the 1,000 to 5,000 of issue 4; the list needs neither an index nor a number per row.
PAGES_PER_BATCH = 16
# Chosen: a removed row may take children with it, so a batch of them stays within the same order of rows.
PAGES_PER_CASCADING_BATCH = 2

WORK_LIST = sql.Identifier("pg_temp", "cryo_orphans")
"""Addresses of rows that one scan found; rows may have moved or healed since, so every batch asks again."""


@dataclass(frozen=True, slots=True)
class OrphanSql:
    """The pieces that every statement about one relation's orphans is made of."""

    relation: Relation
    child: sql.Composed
    """What follows FROM, with the alias `child`."""
    condition: sql.Composed
    """True for a row that breaks the relation."""
    row_key: sql.Composed
    """The primary key of the row `broken`, as text."""

    def count(self) -> sql.Composed:
        """Return a query for the number of such rows."""
        return sql.SQL("select count(*) from {} where {}").format(self.child, self.condition)

    def collect(self) -> sql.Composed:
        """Return a statement that finds them once and keeps their addresses.

        CREATE TABLE AS, because it may scan in parallel; a cursor or INSERT would not.
        """
        template = "create temporary table cryo_orphans as select child.ctid as row_address from {} where {}"
        return sql.SQL(template).format(self.child, self.condition)

    def lock(self, first_page: int, pages: int) -> sql.Composed:
        """Return a statement that locks one batch, and counts what is still where it was.

        The batch is changed by a second statement, with a snapshot of its own. One that locked and changed at once
        would, after waiting for a writer, judge the writer's new row by the parents of before; only newer servers
        then look at the row's address again and let it go.
        """
        template = "select count(*) from (select from {} where {} for update of child) as locked"
        return sql.SQL(template).format(self.child, in_batch(first_page, pages))

    def handle(self, first_page: int, pages: int, *, reason: str, migration: str) -> sql.Composed:
        """Return the statement that does to one batch what the relation declares."""
        where = sql.SQL("{} and {}").format(in_batch(first_page, pages), self.condition)
        if self.relation.orphan is OrphanAction.SET_NULL:
            nulls = sql.SQL(", ").join(
                sql.SQL("{} = null").format(sql.Identifier(name)) for name in self.relation.columns
            )
            return sql.SQL("update {} set {} where {}").format(self.child, nulls, where)
        removal = sql.SQL("delete from {} where {}").format(self.child, where)
        if self.relation.orphan is OrphanAction.DELETE:
            return removal
        template = "with broken as ({} returning child.*) {} from broken"
        return sql.SQL(template).format(
            removal,
            keep_rows(
                self.relation.name, self.relation.child, row_key=self.row_key, reason=reason, migration=migration
            ),
        )


def orphan_sql(relation: Relation, child: LiveTable, parent: LiveTable) -> OrphanSql:
    """Build the SQL for rows without parent, or with a null where none may be.

    A row with a null in one column belongs to no parent by MATCH SIMPLE, so it is no orphan unless the relation is
    required; then the comparison with null finds no parent, and the row counts without being asked for.
    """
    matches, filled = [], []
    for name, parent_name in zip(relation.columns, relation.parent_columns, strict=True):
        value = _comparable(name, parent_name, child, parent)
        matches.append(sql.SQL("{} = {}").format(sql.Identifier("parent", parent_name), value))
        filled.append(sql.SQL("{} is not null and ").format(sql.Identifier("child", name)))
    condition = sql.SQL("{}not exists (select from {} where {})").format(
        sql.Composed([] if relation.required else filled),
        table_source(relation.parent, "parent", is_partitioned=parent.kind == "p"),
        sql.SQL(" and ").join(matches),
    )
    return _build(relation, child, condition)


def uncastable_sql(relation: Relation, child: LiveTable, parent: LiveTable) -> OrphanSql | None:
    """Build the SQL for rows whose value cannot become the parent's type; None when the types agree."""
    wrong = []
    for name, parent_name in zip(relation.columns, relation.parent_columns, strict=True):
        column = sql.Identifier("child", name)
        value = _comparable(name, parent_name, child, parent)
        if value != column:
            wrong.append(sql.SQL("({} is not null and {} is null)").format(column, value))
    if not wrong:
        return None
    return _build(relation, child, sql.SQL("({})").format(sql.SQL(" or ").join(wrong)))


def table_source(name: TableName, alias: str, *, is_partitioned: bool) -> sql.Composed:
    """Return a table for FROM; a foreign key does not reach into tables that inherit, so neither do we."""
    only = sql.SQL("" if is_partitioned else "only ")
    return sql.SQL("{}{} as {}").format(only, sql.Identifier(name.schema, name.table), sql.Identifier(alias))


def row_key(primary_key: Sequence[str]) -> sql.Composed:
    """Return the primary key of the row `broken` as the text of a JSON object."""
    pairs = [sql.SQL("{}, {}").format(sql.Literal(name), sql.Identifier("broken", name)) for name in primary_key]
    return sql.SQL("jsonb_build_object({})::text").format(sql.SQL(", ").join(pairs))


def keep_rows(relation: str, table: TableName, *, row_key: sql.Composable, reason: str, migration: str) -> sql.Composed:
    """Return the head of an INSERT that quarantines the rows called `broken`."""
    template = (
        "insert into private.quarantined_rows (relation, table_name, row_key, row_data, reason, migration) "
        "select {}, {}, {}, to_jsonb(broken), {}, {}"
    )
    values = (sql.Literal(relation), sql.Literal(str(table)), row_key, sql.Literal(reason), sql.Literal(migration))
    return sql.SQL(template).format(*values)


def _build(relation: Relation, child: LiveTable, condition: sql.Composed) -> OrphanSql:
    source = table_source(relation.child, "child", is_partitioned=child.kind == "p")
    return OrphanSql(relation, source, condition, row_key(child.primary_key))


def _comparable(name: str, parent_name: str, child: LiveTable, parent: LiveTable) -> sql.Composable:
    """Return the child's column as something that can be compared with the parent's."""
    identifier = sql.Identifier("child", name)
    column, parent_column = child.column(name), parent.column(parent_name)
    if column is None or parent_column is None or column.type_name == parent_column.type_name:
        return identifier
    cast = find_cast(column.type_name, parent_column.type_name)
    return identifier if cast is None else convert_or_null(cast, identifier)


def in_batch(first_page: int, pages: int) -> sql.Composed:
    """Return the condition that a row `child` is in some pages of the work list."""
    # ARRAY(...) makes it a TID scan of the child; a join would read the whole child again for every batch.
    template = (
        "child.ctid = any(array("
        "select row_address from {} as listed where listed.ctid >= {}::tid and listed.ctid < {}::tid))"
    )
    edges = (sql.Literal(f"({first_page},0)"), sql.Literal(f"({first_page + pages},0)"))
    return sql.SQL(template).format(WORK_LIST, *edges)
