"""The SQL of a cast, with the column filled in."""

from psycopg import sql

from agents.migrate.foreign_keys.casts import Cast


def convert(cast: Cast, column: sql.Composable) -> sql.Composed:
    """Return the cast value; a value that cannot be cast is the server's error."""
    return sql.SQL(cast.value).format(column)


def convert_or_null(cast: Cast, column: sql.Composable) -> sql.Composed:
    """Return the cast value, or null for one that cannot be cast."""
    if not cast.test:
        return convert(cast, column)
    test = sql.SQL(cast.test).format(column)
    return sql.SQL("case when {} then {} end").format(test, convert(cast, column))
