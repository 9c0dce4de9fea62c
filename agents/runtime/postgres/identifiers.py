"""Names written so that the server reads them as names, whatever is in them."""

from collections.abc import Iterable

from psycopg import sql


def quote(*parts: str) -> str:
    """Quote a name, with its schema in front if there is one."""
    return sql.Identifier(*parts).as_string()


def quote_all(names: Iterable[str], *, alias: str = "") -> str:
    """Quote names and join them by commas, each as a column of the alias if there is one."""
    return ", ".join(quote(alias, name) if alias else quote(name) for name in names)


def quote_literal(text: str) -> str:
    """Write a text as a constant."""
    return sql.Literal(text).as_string()
