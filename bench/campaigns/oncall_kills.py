"""Kills the on-call agent at one point of its work and says what arrived; tests and bench share it.

The points are those between which something is written or sent: a trigger of the database ends a transaction slowly
enough to be seen, and the sinks call back when they hold a message and have not answered yet.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg

POINTS = (
    "notice written",
    "message claimed",
    "mail held by its server",
    "mail recorded",
    "Slack holds the message",
    "step taken",
)
# What the database tells of itself: which row changed into which state.
TRIGGERS = """
create function oncall.tell() returns trigger language plpgsql security definer as $$
begin
    perform pg_notify('oncall', tg_table_name || ' ' || (to_jsonb(new) ->> tg_argv[0]));
    return null;
end
$$;
create trigger tell after insert or update on oncall.deliveries for each row execute function oncall.tell('state');
create trigger tell after insert on oncall.journal for each row execute function oncall.tell('event');
"""
_SEEN = {
    "notice written": "journal notice",
    "message claimed": "deliveries sending",
    "mail recorded": "deliveries sent",
    "step taken": "journal tick",
}


@dataclass(frozen=True)
class Outcome:
    """What arrived of the page of one incident, by channel and person."""

    mails: dict[str, int]
    slacks: int


@dataclass(frozen=True)
class Accident:
    """Where and how late the agent dies."""

    point: str
    """One of `POINTS`."""
    delay_s: float = 0.0
    """So long after the point, in which it works on."""


def kill_at(accident: Accident, agent: Any, sinks: Any, database: Any, webhook: dict[str, Any]) -> Outcome:  # noqa: ANN401 - fixtures
    """Page, kill every process of the agent at the point, start it again, and wait until everybody was told.

    Args:
        accident: where it dies.
        agent: runs, with a second step that is due after a second.
        sinks: nothing has arrived yet.
        database: with `TRIGGERS`.
        webhook: what Alertmanager sends; it sends it again until it is kept.
    """
    killed, point = threading.Event(), accident.point

    def kill() -> None:
        if not killed.is_set():
            time.sleep(accident.delay_s)
            agent.kill()
            killed.set()

    listener = _watch(database, _SEEN[point], kill) if point in _SEEN else None
    if point == "mail held by its server":
        sinks.mail.on_message = kill
    if point == "Slack holds the message":
        sinks.slack.on_message = kill
    with suppress(httpx.TransportError):
        agent.post(**webhook)
    if not killed.wait(60):
        message = f"{point} was never reached"
        raise AssertionError(message)
    if listener is not None:
        listener.join(10)
    agent.start()
    agent.wait_for(lambda: agent.post(**webhook).status_code == httpx.codes.OK)
    agent.wait_for(lambda: _is_told(sinks))
    agent.wait_for(lambda: _is_idle(database))
    mails = [told.subject.split()[0] for told in sinks.mail.messages]
    return Outcome({address: mails.count(address) for address in sorted(set(mails))}, len(sinks.slack.messages))


def _watch(database: Any, wanted: str, found: Callable[[], None]) -> threading.Thread:  # noqa: ANN401 - a fixture
    conn: psycopg.Connection[Any] = database.connect()
    conn.execute("listen oncall")

    def run() -> None:
        with conn:
            for notice in conn.notifies(timeout=60):
                if notice.payload == wanted:
                    found()
                    return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def _is_told(sinks: Any) -> bool:  # noqa: ANN401 - a fixture
    people = {told.subject.split()[0] for told in sinks.mail.messages}
    return people == {"ann@example.org", "bob@example.org"} and bool(sinks.slack.messages)


def _is_idle(database: Any) -> bool:  # noqa: ANN401 - a fixture
    with database.connect() as conn:
        row = conn.execute("select count(*) from oncall.deliveries where state in ('waiting', 'sending')").fetchone()
    return row == (0,)
