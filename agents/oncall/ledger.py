"""Keeps incidents and their outbox in PostgreSQL; each decision and its messages are there together or not at all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import msgspec

from agents.oncall import escalation
from agents.oncall.errors import IncidentUnknownError
from agents.oncall.escalation import Decision, Order
from agents.oncall.incident import Incident, Status
from agents.oncall.outbox import Delivery, Draft, Situation, plan_drafts
from agents.oncall.payload import Notice
from agents.oncall.roster import ChannelName, Roster
from agents.runtime.clock import Clock
from agents.runtime.postgres import Database, Session, load_queries

_LISTED_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was decided about an incident and written."""

    incident_id: int | None
    decision: Decision
    drafts: tuple[Draft, ...] = ()


@dataclass(frozen=True, slots=True)
class _Cause:
    """What made an incident change."""

    event: str
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """What is not finished at one moment."""

    incidents: Mapping[str, int]
    """Incidents that are not over, by status."""
    waiting: Mapping[str, tuple[int, float]]
    """Messages that are not sent, by channel, with the age of the oldest in seconds."""


class Ledger:
    """The incidents of one database, under one roster."""

    def __init__(self, database: Database, roster: Roster, *, usable: frozenset[ChannelName], clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Args:
            database: with the schema `oncall`.
            roster: whom to tell.
            usable: channels that are configured here.
            clock: gives the instant of every decision.
        """
        self._database = database
        self._roster = roster
        self._usable = usable
        self._clock = clock
        self._queries = load_queries("agents.oncall")

    def receive(self, notice: Notice) -> Recorded:
        """Take in what Alertmanager says; twice the same leaves the same."""
        now = self._clock.now()
        fingerprints = sorted(alert.fingerprint for alert in notice.alerts)
        place = {"group_key": notice.group_key, "fingerprints": fingerprints}

        def work(session: Session) -> Recorded:
            session.fetch_one(self._queries["lock_group"], place)
            row = session.fetch_one(self._queries["find_incident"], place)
            found = _read_incident(row) if row else None
            decision = escalation.decide_notice(found[1] if found else None, notice, self._roster, now)
            # An incident that was over for long keeps its row; what begins now is another one.
            if found is not None and decision.incident is not None and _is_new(found[1], decision.incident):
                found = None
            return self._write(session, found, decision, _Cause("notice"))

        return self._database.transact("oncall_receive", work, idempotent=True)

    def plant(self, notice: Notice) -> int:
        """Open an incident whose first step the running agent takes; return its number."""
        now = self._clock.now()
        decision = escalation.decide_notice(None, notice, self._roster, now)
        incident = msgspec.structs.replace(cast("Incident", decision.incident), stage=0, paged_at=None, due_at=now)

        def work(session: Session) -> int:
            row = session.fetch_one(self._queries["add_incident"], _columns(incident))
            return cast("int", cast("tuple[object, ...]", row)[0])

        return self._database.transact("oncall_plant", work)

    def acknowledge(self, incident_id: int, actor: str) -> Recorded:
        """Stop the escalation of an incident.

        Raises:
            IncidentUnknownError: no incident has that number.
        """
        now = self._clock.now()
        return self._act(
            incident_id,
            "acknowledge",
            actor,
            lambda incident: escalation.decide_acknowledge(incident, actor, self._roster, now),
        )

    def resolve(self, incident_id: int, actor: str) -> Recorded:
        """End an incident by hand; errors as with `acknowledge`."""
        now = self._clock.now()
        return self._act(
            incident_id, "resolve", actor, lambda incident: escalation.decide_resolve(incident, actor, now)
        )

    def advance(self) -> Recorded | None:
        """Do what time asks of one incident; None when nothing is due."""
        now = self._clock.now()

        def work(session: Session) -> Recorded | None:
            row = session.fetch_one(self._queries["find_due"], {"now": now})
            if row is None:
                return None
            found = _read_incident(row)
            decision = escalation.decide_tick(found[1], self._roster, now)
            return self._write(session, found, decision, _Cause("tick"))

        return self._database.transact("oncall_advance", work, idempotent=True)

    def read(self, incident_id: int) -> Incident:
        """Return one incident; errors as with `acknowledge`."""
        return self._database.transact("oncall_read", lambda session: self._find(session, incident_id), idempotent=True)

    def list_incidents(self, limit: int) -> tuple[tuple[int, Incident], ...]:
        """Return what is not over, and what ended within a day."""
        parameters = {"since": self._clock.now() - _LISTED_FOR, "limit": limit}
        rows = self._database.fetch_all(self._queries["list_incidents"], parameters)
        return tuple(_read_incident(row) for row in rows)

    def list_deliveries(self, incident_id: int) -> tuple[Delivery, ...]:
        """Return every message of one incident."""
        rows = self._database.fetch_all(self._queries["list_deliveries"], {"id": incident_id})
        return tuple(read_delivery(row) for row in rows)

    def count_work(self) -> Work:
        """Count what is not finished."""
        rows = self._database.fetch_all(self._queries["count_work"], {"now": self._clock.now()})
        counted = [(str(row[0]), str(row[1]), cast("int", row[2]), cast("float", row[3])) for row in rows]
        return Work(
            incidents={label: amount for kind, label, amount, _ in counted if kind == "incident"},
            waiting={label: (amount, age_s) for kind, label, amount, age_s in counted if kind == "delivery"},
        )

    def hurry(self, session: Session, incident_id: int, stage: int) -> None:
        """Let the next step begin at once; part of the caller's transaction."""
        incident = self._find(session, incident_id)
        decision = escalation.decide_unreached(incident, stage, self._clock.now())
        self._write(session, (incident_id, incident), decision, _Cause("unreached"))

    def add_draft(self, session: Session, incident_id: int, draft: Draft) -> None:
        """Put a message into the outbox; part of the caller's transaction."""
        parameters = {**msgspec.structs.asdict(draft), "incident_id": incident_id, "now": self._clock.now()}
        session.execute(self._queries["add_delivery"], parameters)

    def _act(self, incident_id: int, event: str, actor: str, decide: Callable[[Incident], Decision]) -> Recorded:
        def work(session: Session) -> Recorded:
            incident = self._find(session, incident_id)
            return self._write(session, (incident_id, incident), decide(incident), _Cause(event, actor))

        return self._database.transact(f"oncall_{event}", work, idempotent=True)

    def _find(self, session: Session, incident_id: int) -> Incident:
        row = session.fetch_one(self._queries["read_incident"], {"id": incident_id})
        if row is None:
            message = f"no incident has number {incident_id}; `cryo oncall list` shows them"
            raise IncidentUnknownError(message)
        return _read_incident(row)[1]

    def _write(
        self, session: Session, found: tuple[int, Incident] | None, decision: Decision, cause: _Cause
    ) -> Recorded:
        """Write what was decided about the incident that was found; None begins another one."""
        incident_id, before = found or (None, None)
        after = decision.incident
        if after is None or (after == before and not decision.orders):
            return Recorded(incident_id, decision)
        if incident_id is None:
            row = session.fetch_one(self._queries["add_incident"], _columns(after))
            incident_id = cast("int", cast("tuple[object, ...]", row)[0])
        else:
            session.execute(self._queries["write_incident"], {**_columns(after), "id": incident_id})
        drafts = self._draft(session, incident_id, after, decision.orders)
        for draft in drafts:
            self.add_draft(session, incident_id, draft)
        entry = {"incident_id": incident_id, "now": self._clock.now(), "event": cause.event, "actor": cause.actor}
        session.execute(self._queries["add_entry"], {**entry, "because": decision.because})
        return Recorded(incident_id, decision, drafts)

    def _draft(self, session: Session, incident_id: int, after: Incident, orders: Sequence[Order]) -> tuple[Draft, ...]:
        told: list[tuple[str, ChannelName]] = []
        if set(orders) - {Order.PAGE}:
            rows = session.fetch_all(self._queries["read_told"], {"id": incident_id})
            told = [(str(row[0]), cast("ChannelName", row[1])) for row in rows]
        situation = Situation(self._roster, self._usable, self._clock.now())
        return tuple(draft for order in orders for draft in plan_drafts(order, after, told, situation))


def read_delivery(row: Sequence[object]) -> Delivery:
    """Read the eleven columns of a message."""
    names = Delivery.__struct_fields__
    return msgspec.convert(dict(zip(names, row[: len(names)], strict=True)), Delivery)


def _read_incident(row: Sequence[object]) -> tuple[int, Incident]:
    return cast("int", row[0]), msgspec.json.decode(str(row[1]), type=Incident)


def _columns(incident: Incident) -> dict[str, object]:
    return {
        "group_key": incident.group_key,
        "status": incident.status.value,
        "due_at": incident.due_at,
        "opened_at": incident.opened_at,
        "since": incident.since,
        "fingerprints": sorted(incident.fingerprints),
        "document": msgspec.json.encode(incident).decode(),
    }


def _is_new(before: Incident, after: Incident) -> bool:
    """Whether what begins is another incident than the one that was over."""
    return before.status is Status.RESOLVED and after.status is not Status.RESOLVED and after.round <= before.round


def decode_incident(document: object) -> Incident:
    """Read the column of that name."""
    return msgspec.json.decode(str(document), type=Incident)
