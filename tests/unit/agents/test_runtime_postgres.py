"""What PostgreSQL's errors mean, and the rules of query files; the pool itself is tested against a real server."""

import sys
from pathlib import Path

import psycopg
import pytest
from psycopg import errors as pg

from agents.runtime.errors import DatabaseRefusedError, DatabaseUnavailableError
from agents.runtime.postgres import PoolSettings, Query, database_error, is_retryable, is_temporary, load_queries
from agents.runtime.postgres.errors import sqlstate_class
from agents.runtime.postgres.query import QueryFileError


@pytest.mark.parametrize(
    ("error", "temporary", "retryable", "label"),
    [
        (psycopg.OperationalError("server closed the connection"), True, True, "none"),
        (pg.ConnectionFailure(), True, True, "08"),
        (pg.AdminShutdown(), True, True, "57"),
        (pg.SerializationFailure(), True, True, "40"),
        (pg.DeadlockDetected(), True, True, "40"),
        (pg.LockNotAvailable(), True, False, "55"),
        (pg.TooManyConnections(), True, False, "53"),
        (pg.QueryCanceled(), False, False, "57"),
        (pg.UniqueViolation(), False, False, "23"),
        (pg.ReadOnlySqlTransaction(), False, False, "25"),
        (psycopg.InterfaceError("the connection is closed"), False, False, "none"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_error_says_whether_waiting_or_another_attempt_helps(
    error: psycopg.Error, label: str, *, temporary: bool, retryable: bool
) -> None:
    assert (is_temporary(error), is_retryable(error), sqlstate_class(error)) == (temporary, retryable, label)
    ours = database_error(error, "query a", remedy="do this")
    assert isinstance(ours, DatabaseUnavailableError if temporary else DatabaseRefusedError)


def test_limits_reach_the_server_as_settings_of_the_session() -> None:
    assert PoolSettings(statement_timeout_s=0.0015).options == "-c statement_timeout=2"
    assert PoolSettings(statement_timeout_s=5, read_only=True).options == (
        "-c statement_timeout=5000 -c default_transaction_read_only=on"
    )


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes query files into an importable package."""

    def write(**files: str) -> str:
        name = f"queries_of_{tmp_path.name.replace('-', '_')}"
        folder = tmp_path / name / "sql"
        folder.mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
        for stem, text in files.items():
            (folder / f"{stem}.sql").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


def test_query_has_the_name_of_its_file(package) -> None:
    queries = load_queries(package(read_all="-- All of them.\nselect 1\n"))

    assert queries == {"read_all": Query("read_all", b"-- All of them.\nselect 1\n")}


@pytest.mark.parametrize("files", [{"read": "select 1"}, {"Read": "-- All.\nselect 1"}, {"read": "--\nselect 1"}])
def test_query_file_that_does_not_say_what_it_answers_is_refused(package, files: dict[str, str]) -> None:
    with pytest.raises(QueryFileError, match="first line a comment"):
        load_queries(package(**files))


def test_every_query_of_the_flags_says_what_it_answers() -> None:
    assert {"read_snapshot", "read_history", "write_flag"} <= set(load_queries("agents.flags"))
