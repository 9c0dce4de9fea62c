"""The one door to PostgreSQL: single connections, a pool with measurements, and what the server's errors mean."""

from agents.runtime.postgres.connection import Connection, open_connection
from agents.runtime.postgres.database import Database
from agents.runtime.postgres.errors import (
    CommitUnknownError,
    PoolExhaustedError,
    as_our_error,
    database_error,
    is_retryable,
    is_temporary,
    sqlstate_of,
)
from agents.runtime.postgres.identifiers import quote, quote_all, quote_literal
from agents.runtime.postgres.pool import PoolSettings, Surroundings, Target
from agents.runtime.postgres.query import Query, load_queries
from agents.runtime.postgres.roles import allow_role_login
from agents.runtime.postgres.session import Column, Session, Table

__all__ = [
    "Column",
    "CommitUnknownError",
    "Connection",
    "Database",
    "PoolExhaustedError",
    "PoolSettings",
    "Query",
    "Session",
    "Surroundings",
    "Table",
    "Target",
    "allow_role_login",
    "as_our_error",
    "database_error",
    "is_retryable",
    "is_temporary",
    "load_queries",
    "open_connection",
    "quote",
    "quote_all",
    "quote_literal",
    "sqlstate_of",
]
