"""What a caller does with a borrowed connection: named queries, batches and copies, each measured by name."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import psycopg
from psycopg import sql

from agents.runtime.clock import Clock
from agents.runtime.metrics import DatabaseMetrics
from agents.runtime.postgres.connection import Connection
from agents.runtime.postgres.errors import database_error, sqlstate_class
from agents.runtime.postgres.query import Query

Row = tuple[object, ...]
Parameters = Mapping[str, object]

_REMEDY = "correct the query, the values, or the role's rights"
_SHOW_LIMIT = b"select current_setting('statement_timeout')"
_SET_LIMIT = b"select set_config('statement_timeout', %s, true)"


@dataclass(frozen=True, slots=True)
class Table:
    """A table by schema and name."""

    schema: str
    name: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a copy."""

    name: str
    type: str
    """PostgreSQL's name of its type, such as `int8` or `timestamptz`; the rows' values are written as that type."""


class Session:
    """One connection in the hands of one caller; not for two threads at once."""

    def __init__(self, conn: Connection, metrics: DatabaseMetrics, clock: Clock) -> None:
        """Wrap a connection that somebody else opens and closes."""
        self._conn = conn
        self._metrics = metrics
        self._clock = clock

    def fetch_all(self, query: Query, parameters: Parameters | None = None) -> list[Row]:
        """Return every row of the answer."""
        with self._measured(query):
            return self._conn.execute(query.text, parameters).fetchall()

    def fetch_one(self, query: Query, parameters: Parameters | None = None) -> Row | None:
        """Return the first row of the answer, or None when there is none."""
        with self._measured(query):
            return self._conn.execute(query.text, parameters).fetchone()

    def execute(self, query: Query, parameters: Parameters | None = None) -> int:
        """Run a statement; return how many rows it touched."""
        with self._measured(query):
            return self._conn.execute(query.text, parameters).rowcount

    def execute_batch(self, query: Query, rows: Iterable[Parameters]) -> int:
        """Run a statement once per row, in pipeline mode; return how many rows were touched.

        Without a transaction around it the driver makes one, so that a batch is there as a whole or not at all.
        """
        with self._measured(query), self._conn.transaction(), self._conn.cursor() as cursor:
            cursor.executemany(query.text, rows)
            return cursor.rowcount

    def copy_rows(self, table: Table, columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> int:
        """Write rows by COPY in its binary form; return how many, all of them or none.

        Args:
            table: the target.
            columns: names and types, in the order of each row's values.
            rows: read one by one, so that they need not fit into memory.
        """
        statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(
            sql.Identifier(table.schema, table.name),
            sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        )
        with self._measured(Query(f"copy_{table.name}", b"")), self._conn.cursor() as cursor:
            with cursor.copy(statement) as copy:
                copy.set_types([column.type for column in columns])
                write = copy.write_row
                for row in rows:
                    write(row)
            return cursor.rowcount

    @contextmanager
    def _measured(self, query: Query) -> Iterator[None]:
        began_s = self._clock.monotonic()
        limit_s = query.statement_timeout_s
        try:
            with nullcontext() if limit_s is None else self._limited(limit_s):
                yield
        except psycopg.Error as error:
            self._metrics.count_error(query.name, sqlstate_class(error))
            raise database_error(error, f"query {query.name}", remedy=_REMEDY) from error
        finally:
            self._metrics.observe_query(query.name, self._clock.monotonic() - began_s)

    @contextmanager
    def _limited(self, limit_s: float) -> Iterator[None]:
        """Set a limit for what runs inside; leaving by an error undoes it with the savepoint."""
        with self._conn.transaction():
            before = self._conn.execute(_SHOW_LIMIT).fetchone()
            self._conn.execute(_SET_LIMIT, (str(math.ceil(limit_s * 1000)),))
            yield
            self._conn.execute(_SET_LIMIT, before)
