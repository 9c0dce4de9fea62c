"""A snapshot whose place in the WAL is known, so that recovery to that place brings exactly what the snapshot sees.

A commit is in the WAL a little before other sessions see it. So a snapshot belongs to one position only while no
transaction that writes is open: nothing finished and nothing began between the snapshot, the position, and a second
look. Such a pause is waited for, and nobody is made to wait for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from agents.backup.contents import Limits, snapshot
from agents.backup.engine import Lsn
from agents.runtime.clock import Deadline
from agents.runtime.postgres import Connection

_POLL_S = 0.005


@contextmanager
def quiet_snapshot(conn: Connection, witness: Connection, limits: Limits, deadline: Deadline) -> Iterator[Lsn | None]:
    """Hold a snapshot in a pause of all writing; yields its position, None when there was no pause before the deadline.

    Args:
        conn: gets the snapshot, in one read-only transaction.
        witness: another connection to the same database, in autocommit mode.
        limits: of statements inside.
        deadline: after it any moment is taken. A prepared transaction that nobody ends leaves no pause.
    """
    while True:
        with snapshot(conn, limits):
            position = _position_of(conn, witness)
            if position is not None or deadline.is_over:
                yield position
                return
        deadline.sleep(_POLL_S)


def _position_of(conn: Connection, witness: Connection) -> Lsn | None:
    seen = _text(conn, b"select pg_current_snapshot()::text")
    lowest, highest, running = seen.split(":")
    if running or lowest != highest:
        return None
    position = Lsn.parse(_text(witness, b"select pg_current_wal_insert_lsn()::text"))
    return position if _text(witness, b"select pg_current_snapshot()::text") == seen else None


def _text(conn: Connection, query: bytes) -> str:
    row = conn.execute(query).fetchone()
    return str(row[0]) if row else ""
