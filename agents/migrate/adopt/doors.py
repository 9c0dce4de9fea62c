"""Finds what v2 left around row-level security: open views, tables and functions, and policies that are in the way."""

from collections.abc import Iterator, Sequence

from psycopg import sql

from agents.migrate.adopt.actions import Action, Step, code
from agents.migrate.adopt.shape import Shape, load_adopt_sql
from agents.runtime.postgres import Connection


def find_open_doors(conn: Connection, declared: Sequence[str]) -> Iterator[Action]:
    """Say what must be closed before our policies protect anything; the objects themselves stay.

    Args:
        conn: the database that is to be adopted.
        declared: tables that our own files protect, as `schema.table`.
    """
    rows = conn.execute(load_adopt_sql("read_open_doors"), {"declared": list(declared)}).fetchall()
    for name, statement, because in rows:
        yield Action(Step.CLOSE, str(name), str(because), (code(str(statement)),))


def find_policies_in_the_way(conn: Connection, declared: Shape, live: Shape) -> Iterator[Action]:
    """Say which policies must go before the repair of foreign keys can change the type of a column that they read.

    Row-level security stays switched on, so without them the table is closed until the files after the adoption
    write all policies anew.
    """
    for name, wanted in declared.tables.items():
        table = live.tables.get(name)
        if table is None:
            continue
        changing = [
            column.name
            for column in wanted.columns
            if column.name in wanted.foreign_key_columns
            and (found := table.column(column.name)) is not None
            and found.type != column.type
        ]
        quoted = sql.Identifier(wanted.schema, wanted.name).as_string(conn)
        rows = conn.execute(load_adopt_sql("dependents"), {"table": quoted, "columns": changing}).fetchall()
        for _, dependent, _, take_down, _ in rows:
            if str(dependent).startswith("policy "):
                because = f"reads {', '.join(changing)}, whose type the repair of foreign keys changes"
                yield Action(Step.DROP, str(dependent), because, (code(str(take_down)),))
