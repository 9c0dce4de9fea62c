"""The data access layer against a real PostgreSQL: what it measures, what it refuses, and what it repeats."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog
from prometheus_client import CollectorRegistry

from agents.runtime.clock import Deadline, SystemClock
from agents.runtime.errors import DatabaseRefusedError, DatabaseUnavailableError, PermanentError, TemporaryError
from agents.runtime.logs import Redactor
from agents.runtime.metrics import DatabaseMetrics
from agents.runtime.names import Colour, SessionName
from agents.runtime.postgres import (
    Column,
    CommitUnknownError,
    Database,
    PoolExhaustedError,
    PoolSettings,
    Query,
    Session,
    Surroundings,
    Table,
    Target,
)
from agents.runtime.retry import Backoff
from agents.runtime.settings import DatabaseSettings

ONE = Query("one", b"select 1")
SLEEP = Query("sleep", b"select pg_sleep(5)")
BREAK_CLIENT = Query("suicide", b"select pg_terminate_backend(pg_backend_pid())")
CREATE = Query("create", b"create table thing (id bigint primary key, name text, made_at timestamptz)")
INSERT = Query("insert", b"insert into thing (id, name) values (%(id)s, %(name)s)")
UPSERT = Query("upsert", INSERT.text + b" on conflict (id) do nothing")
COUNT = Query("count", b"select count(*) from thing")
FAST = Backoff(tries=5, first_s=0.01, cap_s=0.1)


class Opened:
    """A pool, and the registry that it counts into."""

    def __init__(self, settings: DatabaseSettings, pool: PoolSettings) -> None:
        self.registry = CollectorRegistry()
        self.redactor = Redactor()
        session = SessionName("test", Colour.BLUE, "1.0.0")
        around = Surroundings(structlog.get_logger())
        target = Target(settings, session, self.redactor)
        self.database = Database(target, pool, metrics=DatabaseMetrics(self.registry), around=around)

    def sample(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def connect(database) -> Iterator[Callable[..., Opened]]:
    opened: list[Opened] = []

    def start(environ: dict[str, str] | None = None, **pool: object) -> Opened:
        settings = DatabaseSettings.from_environ({**database.environ, **(environ or {})})
        one = Opened(settings, PoolSettings(**{"backoff": FAST, **pool}))
        one.database.open()
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.database.close()


def count(database) -> int:
    with database.connect() as conn:
        return conn.execute("select count(*) from thing").fetchone()[0]


def test_session_tells_the_server_who_it_is(connect) -> None:
    query = Query("who", b"select current_setting('application_name')")

    assert connect().database.fetch_one(query) == ("cryo-test/blue/1.0.0",)


def test_query_is_measured_by_its_name_and_its_text_appears_nowhere(connect) -> None:
    opened = connect(max_size=3)
    secret = Query("lookup", b"select 'the text of the query' where 'the value' = %(value)s")
    opened.database.fetch_all(secret, {"value": "the value"})
    with pytest.raises(DatabaseRefusedError):
        opened.database.fetch_all(Query("broken", b"select the_missing_column"))

    assert opened.sample("cryo_db_query_duration_seconds_count", query="lookup") == 1
    assert opened.sample("cryo_db_errors_total", query="broken", sqlstate_class="42") == 1
    assert opened.sample("cryo_db_pool_wait_seconds_count") == 2
    assert opened.sample("cryo_db_pool_limit_connections") == 3
    assert opened.sample("cryo_db_pool_in_use_connections") == 0
    labels = [
        value for family in opened.registry.collect() for each in family.samples for value in each.labels.values()
    ]
    assert not [value for value in labels if "text" in value or "value" in value or "missing" in value]


def test_exhausted_pool_says_how_many_wait_and_asks_to_come_back(connect) -> None:
    opened = connect(max_size=2, wait_s=0.4)
    release, held = threading.Event(), threading.Barrier(3)

    def hold(session: Session) -> None:
        session.fetch_one(ONE)
        held.wait(10)
        release.wait(10)

    def ask() -> str:
        with pytest.raises(PoolExhaustedError) as caught:
            opened.database.fetch_one(ONE)
        assert isinstance(caught.value, TemporaryError)
        return str(caught.value)

    with ThreadPoolExecutor(5) as threads:
        holders = [threads.submit(opened.database.transact, "hold", hold) for _ in range(2)]
        held.wait(10)
        in_use = opened.sample("cryo_db_pool_in_use_connections")
        told = [each.result() for each in [threads.submit(ask) for _ in range(3)]]
        release.set()
        for holder in holders:
            holder.result()

    assert in_use == 2
    assert all("2 of 2 are in use" in each for each in told)
    assert any("3 callers wait" in each for each in told)
    assert opened.database.fetch_one(ONE) == (1,)


def test_server_restart_in_the_middle_is_survived_by_reads(connect, cluster) -> None:
    opened = connect(min_size=2, wait_s=2, read_only=True, backoff=Backoff(tries=100, first_s=0.05, cap_s=0.3))
    stop, answers = threading.Event(), []

    def keep_reading() -> None:
        while not stop.is_set():
            deadline = Deadline.after(30, SystemClock())
            answers.append(opened.database.fetch_one(ONE, deadline=deadline))

    with ThreadPoolExecutor(1) as threads:
        reader = threads.submit(keep_reading)
        cluster.control("stop", "--mode=fast")
        time.sleep(1.5)
        cluster.control("restart", "--mode=fast")
        before = len(answers)
        while len(answers) < before + 20 and not reader.done():
            time.sleep(0.01)
        stop.set()
        reader.result(30)

    assert set(answers) == {(1,)}
    assert (opened.sample("cryo_db_retries_total", query="one") or 0) >= 1


def test_outage_longer_than_the_wait_is_a_temporary_error_that_names_the_server(connect, cluster) -> None:
    opened = connect(wait_s=0.3)
    opened.database.fetch_one(ONE)
    cluster.control("stop", "--mode=fast")
    try:
        with pytest.raises(DatabaseUnavailableError, match=rf"127\.0\.0\.1:{cluster.port}/.* did not answer"):
            opened.database.fetch_one(ONE)
    finally:
        cluster.control("restart", "--mode=fast")


def test_wrong_password_is_permanent_and_not_a_timeout(connect, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("not-the-password\n")
    opened = connect({"CRYO_DB_PASSWORD_FILE": str(tmp_path / "password")}, wait_s=1)

    with pytest.raises(DatabaseRefusedError, match="password authentication failed") as caught:
        opened.database.fetch_one(ONE)
    assert "not-the-password" not in str(caught.value)


def test_rotated_password_is_read_by_the_next_connection(connect, database, cluster, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first-secret")
    name = f"role_{database.name}"
    with cluster.connect() as conn:
        conn.execute(f"create role {name} login password 'first-secret'")
    opened = connect({"CRYO_DB_PASSWORD_FILE": str(file), "CRYO_DB_USER": name}, read_only=True, max_size=1)
    opened.database.fetch_one(ONE)
    with cluster.connect() as conn:
        conn.execute(f"alter role {name} password 'second-secret'")
    file.write_text("second-secret")
    with pytest.raises(DatabaseUnavailableError):
        opened.database.transact("break", lambda session: session.fetch_one(BREAK_CLIENT))

    assert opened.database.fetch_one(ONE) == (1,)
    assert opened.redactor.redact_text("x second-secret") == "x [redacted]"
    opened.database.close()
    with cluster.connect() as conn:
        conn.execute(f"drop role {name}")


def test_read_only_session_refuses_to_write(connect) -> None:
    with pytest.raises(DatabaseRefusedError, match="read-only transaction"):
        connect(read_only=True).database.fetch_all(CREATE)


def test_read_sees_one_moment_and_refuses_to_write(connect, database) -> None:
    opened = connect()
    opened.database.transact("create", lambda session: session.execute(CREATE))

    def look_twice(session: Session) -> tuple[object, object]:
        before = session.fetch_one(COUNT)
        with database.connect() as conn:
            conn.execute("insert into thing values (1)")
        return before, session.fetch_one(COUNT)

    assert opened.database.read("look", look_twice) == ((0,), (0,))
    with pytest.raises(DatabaseRefusedError, match="read-only transaction"):
        opened.database.read("write", lambda session: session.execute(INSERT, {"id": 2, "name": "x"}))
    assert opened.database.fetch_one(COUNT) == (1,)


def test_statement_beyond_its_limit_is_ended_and_not_repeated(connect) -> None:
    opened = connect(read_only=True, statement_timeout_s=0.1)

    with pytest.raises(DatabaseRefusedError, match=r"query sleep: .*statement timeout"):
        opened.database.fetch_one(SLEEP)
    assert opened.sample("cryo_db_query_duration_seconds_count", query="sleep") == 1


def test_limit_of_one_query_is_gone_after_it(connect) -> None:
    opened = connect(statement_timeout_s=7)
    show = Query("show", b"select current_setting('statement_timeout')")

    def three(session: Session) -> list[object]:
        return [session.fetch_one(show), session.fetch_one(show.within(2.5)), session.fetch_one(show)]

    assert opened.database.transact("limits", three) == [("7s",), ("2500ms",), ("7s",)]
    with pytest.raises(DatabaseRefusedError, match="statement timeout"):
        opened.database.fetch_one(SLEEP.within(0.05))
    assert opened.database.fetch_one(show) == ("7s",)


def test_copy_writes_100000_rows_and_nothing_when_one_is_wrong(connect, database) -> None:
    opened = connect()
    table = Table("public", "thing")
    columns = [Column("id", "int8"), Column("name", "text")]
    opened.database.transact("create", lambda session: session.execute(CREATE))
    rows = ((number, f"name {number}") for number in range(100_000))

    written = opened.database.transact("copy", lambda session: session.copy_rows(table, columns, rows))
    with pytest.raises(DatabaseRefusedError, match="query copy_thing: duplicate key"):
        opened.database.transact(
            "copy", lambda session: session.copy_rows(table, columns, [(200_000, "new"), (1, "old")])
        )

    assert written == 100_000
    assert count(database) == 100_000


def test_hostile_names_are_quoted_in_a_copy(connect, database) -> None:
    opened = connect()
    hostile = 'thing"; drop table thing; --'
    with database.connect() as conn:
        conn.execute("create table thing (id bigint)")
        conn.execute(f'create table "{hostile.replace(chr(34), chr(34) * 2)}" ("a b" int)')

    written = opened.database.transact(
        "copy", lambda session: session.copy_rows(Table("public", hostile), [Column("a b", "int4")], [(1,)])
    )

    assert written == 1
    assert count(database) == 0


def test_batch_is_there_as_a_whole_or_not_at_all(connect, database) -> None:
    opened = connect()
    opened.database.transact("create", lambda session: session.execute(CREATE))
    good = [{"id": number, "name": None} for number in range(1000)]

    touched = opened.database.transact("batch", lambda session: session.execute_batch(INSERT, good))
    with pytest.raises(DatabaseRefusedError, match="query insert: duplicate key"):
        opened.database.transact(
            "batch", lambda session: session.execute_batch(INSERT, [{"id": -1, "name": None}, good[5]])
        )

    assert touched == 1000
    assert count(database) == 1000


@pytest.mark.parametrize(("sqlstate", "attempts"), [("40001", 3), ("40P01", 3), ("55P03", 1), ("23505", 1)])
def test_idempotent_work_is_repeated_only_when_the_server_undid_it(connect, sqlstate: str, attempts: int) -> None:
    opened, tried = connect(), []
    fail = Query("fail", b"do $$ begin raise exception 'told to' using errcode = '%s'; end $$" % sqlstate.encode())

    def work(session: Session) -> int:
        tried.append(1)
        return session.execute(fail) if len(tried) < 3 else len(tried)

    if attempts == 3:
        assert opened.database.transact("work", work, idempotent=True) == 3
        assert opened.sample("cryo_db_retries_total", query="work") == 2
    else:
        with pytest.raises((TemporaryError, PermanentError), match=f"SQLSTATE {sqlstate}"):
            opened.database.transact("work", work, idempotent=True)
    assert len(tried) == attempts


def test_work_that_is_not_idempotent_is_attempted_once(connect) -> None:
    opened, tried = connect(), []

    def work(session: Session) -> None:
        tried.append(1)
        session.fetch_one(BREAK_CLIENT)

    with pytest.raises(DatabaseUnavailableError):
        opened.database.transact("work", work)
    assert len(tried) == 1
    assert opened.database.fetch_one(ONE) == (1,)


def test_lost_connection_is_replaced_for_idempotent_work(connect, database) -> None:
    opened, tried = connect(), []
    opened.database.transact("create", lambda session: session.execute(CREATE))

    def work(session: Session) -> int:
        tried.append(1)
        touched = session.execute(UPSERT, {"id": 1, "name": "x"})
        if len(tried) == 1:
            session.fetch_one(BREAK_CLIENT)
        return touched

    assert opened.database.transact("work", work, idempotent=True) == 1
    assert (len(tried), count(database)) == (2, 1)


def test_single_statement_of_a_writing_pool_is_never_repeated(connect) -> None:
    """A query may write, and nothing but a read-only session proves that it did not."""
    opened = connect()

    with pytest.raises(DatabaseUnavailableError):
        opened.database.fetch_one(BREAK_CLIENT)
    assert opened.sample("cryo_db_query_duration_seconds_count", query="suicide") == 1


def test_error_that_the_caller_swallowed_is_not_committed_as_success(connect, database) -> None:
    opened = connect()
    opened.database.transact("create", lambda session: session.execute(CREATE))

    def careless(session: Session) -> None:
        session.execute(INSERT, {"id": 1, "name": "x"})
        with pytest.raises(DatabaseRefusedError):
            session.execute(INSERT, {"id": 1, "name": "x"})

    with pytest.raises(DatabaseRefusedError, match="a statement in it failed and the caller went on"):
        opened.database.transact("careless", careless)
    assert count(database) == 0


class CuttingProxy:
    """Forwards to the server; the first of a given statement arrives there, but its answer never comes back."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self.statement = b"COMMIT"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cuts_left = 1
        self._open: list[socket.socket] = []
        self._listener.settimeout(0.05)
        self._closing = threading.Event()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            server = socket.create_connection(("127.0.0.1", self._server_port))
            self._open += [client, server]
            cut = threading.Event()
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink, cut, source is client), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, cut: threading.Event, from_client: bool) -> None:  # noqa: FBT001 - a thread's arguments
        try:
            while data := source.recv(65536):
                if from_client and self.statement in data.upper() and self.cuts_left:
                    self.cuts_left -= 1
                    cut.set()
                if not from_client and cut.is_set():
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self) -> None:
        """End the thread that accepts before anything is closed, so that no late connection stays open."""
        self._closing.set()
        self._acceptor.join()
        for each in (self._listener, *self._open):
            each.close()


@pytest.fixture
def proxy(cluster) -> Iterator[CuttingProxy]:
    one = CuttingProxy(cluster.port)
    yield one
    one.close()


def through(proxy: CuttingProxy) -> dict[str, str]:
    return {"CRYO_DB_PORT": str(proxy.port), "CRYO_DB_SSLMODE": "disable"}


def test_commit_without_an_answer_is_not_repeated(proxy, connect, database) -> None:
    with database.connect() as conn:
        conn.execute(CREATE.text)
    opened, tried = connect(through(proxy)), []

    def work(session: Session) -> None:
        tried.append(1)
        session.execute(INSERT, {"id": len(tried), "name": "x"})

    with pytest.raises(CommitUnknownError, match="may be there or not") as caught:
        opened.database.transact("work", work)

    assert caught.value.exit_code == 70
    assert (len(tried), count(database)) == (1, 1), "the work was done, which only the server knew"


def test_connection_lost_before_the_work_is_not_taken_for_an_unknown_commit(proxy, connect) -> None:
    proxy.statement, tried = b"BEGIN", []

    with pytest.raises(DatabaseUnavailableError):
        connect(through(proxy)).database.transact("work", lambda _session: tried.append(1))
    assert tried == []


def test_commit_without_an_answer_is_repeated_for_idempotent_work(proxy, connect, database) -> None:
    with database.connect() as conn:
        conn.execute(CREATE.text)
    opened, touched = connect(through(proxy)), []

    def work(session: Session) -> None:
        touched.append(session.execute(UPSERT, {"id": 1, "name": "x"}))

    opened.database.transact("work", work, idempotent=True)

    assert touched == [1, 0]
    assert count(database) == 1
