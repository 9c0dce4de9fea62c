"""Passwords of roles, set without the server, its log or its statistics ever seeing them in plain text."""

import psycopg
from psycopg import sql

from agents.runtime.postgres.connection import Connection
from agents.runtime.postgres.errors import database_error


def allow_role_login(conn: Connection, role: str, password: str) -> None:
    """Let an existing role log in with a password.

    The verifier is made here by libpq, so a statement log shows what the catalogue holds and nothing more.

    Raises:
        DatabaseRefusedError: there is no such role, or ours may not change it.
    """
    try:
        verifier = conn.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        conn.execute(sql.SQL("alter role {} login password {}").format(sql.Identifier(role), sql.Literal(verifier)))
    except psycopg.Error as error:
        remedy = "apply the migrations first, and do it as a role that may create roles"
        raise database_error(error, f"role {role}: the password was not set", remedy=remedy) from error
