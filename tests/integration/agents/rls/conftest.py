"""A database with the declared schema, the planted world in it, and one transaction that never commits."""

import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

# Tests are imported by path; their own modules are found here.
sys.path.insert(0, str(Path(__file__).parent))

import caller
import world as planted


@pytest.fixture(scope="session")
def rls_database(cluster, repository: Path) -> Iterator[str]:
    name = f"cryo_rls_{secrets.token_hex(4)}"
    with cluster.connect() as conn:
        conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    with cluster.connect(name) as conn:
        conn.execute((repository / "migrations" / "schema.sql").read_bytes())
        planted.plant(conn, planted.build_world())
        conn.execute("analyze")
    yield name
    with cluster.connect() as conn:
        conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def connection(cluster, rls_database: str) -> Iterator[psycopg.Connection]:
    with cluster.connect(rls_database) as conn:
        conn.autocommit = False
        conn.prepare_threshold = None  # attacks prepare and deallocate by themselves
        yield conn
        conn.rollback()


@pytest.fixture
def rls(connection: psycopg.Connection) -> caller.Database:
    return caller.Database(connection, planted.build_world())
