"""Takes messages out of the outbox and hands them to their channel, one worker per channel.

The state `sending` is committed before the channel is asked. Whoever finds it after a crash cannot know whether the
message left, so it is sent again, and a message arrives at most `outbox.MAX_COPIES` times through one channel.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from agents.oncall.around import Around
from agents.oncall.channels import Channel
from agents.oncall.errors import ChannelError, ChannelRefusedError, OutcomeUnknownError
from agents.oncall.escalation import Order
from agents.oncall.incident import Incident
from agents.oncall.ledger import Ledger, decode_incident, read_delivery
from agents.oncall.links import PATH, Grant, make_token
from agents.oncall.messages import About, Message, write_message
from agents.oncall.outbox import MAX_COPIES, Delivery, Draft, Situation, State, is_moot, judge_failure
from agents.oncall.roster import ChannelName, Roster
from agents.runtime.errors import SettingsError
from agents.runtime.postgres import Database, Session, load_queries

_ERROR_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Signing:
    """How links to incidents are made."""

    key: bytes
    public_url: str
    """Where people reach the agent; empty for no links."""
    lasts_s: float


@dataclass(frozen=True, slots=True)
class Bench:
    """What every worker shares."""

    database: Database
    ledger: Ledger
    roster: Roster
    usable: frozenset[ChannelName]
    signing: Signing
    lease_s: float
    """A message that was being sent for longer has lost its sender."""
    around: Around


class Dispatcher:
    """Sends the messages of one channel."""

    def __init__(self, name: ChannelName, channel: Channel, bench: Bench) -> None:
        """Prepare; nothing is sent yet."""
        self._name = name
        self._channel = channel
        self._bench = bench
        self._queries = load_queries("agents.oncall")
        self._closed_until: datetime | None = None

    def send_next(self) -> bool:
        """Send one message; return whether there was one to deal with."""
        bench = self._bench
        if self._closed_until is not None and bench.around.clock.now() < self._closed_until:
            return False
        found = bench.database.transact("oncall_claim", self._claim)
        if found is None:
            return False
        delivery, incident = found
        if delivery.state is not State.SENDING:
            bench.around.metrics.count_delivery(self._name, delivery.state.value)
            bench.around.log.info("oncall.delivery.dropped", delivery=delivery.id, state=delivery.state.value)
            return True
        try:
            self._channel.send(self._write(delivery, incident), bench.roster.people.get(delivery.person))
        except ChannelError as error:
            self._fail(delivery, error)
        except SettingsError as error:
            # A secret that is not there is a refusal like a wrong password: it is tried again, and others take over.
            self._fail(delivery, ChannelRefusedError(str(error)))
        else:
            self._finish(delivery)
        return True

    def _claim(self, session: Session) -> tuple[Delivery, Incident] | None:
        now = self._bench.around.clock.now()
        abandoned_at = now - timedelta(seconds=self._bench.lease_s)
        row = session.fetch_one(
            self._queries["find_delivery"], {"channel": self._name, "now": now, "abandoned_at": abandoned_at}
        )
        if row is None:
            return None
        before, incident = read_delivery(row), decode_incident(row[-1])
        after = _take(before, incident)
        self._store(session, before, after, now=now)
        return after, incident

    def _write(self, delivery: Delivery, incident: Incident) -> Message:
        bench, now = self._bench, self._bench.around.clock.now()
        link = ""
        if bench.signing.public_url:
            expires_at = now + timedelta(seconds=bench.signing.lasts_s)
            token = make_token(Grant(delivery.incident_id, delivery.person, expires_at), bench.signing.key)
            link = f"{bench.signing.public_url}{PATH}{token}"
        about = About(delivery.kind, delivery.incident_id, delivery.id, delivery.stage)
        return write_message(about, incident, link=link, now=now)

    def _finish(self, delivery: Delivery) -> None:
        now = self._bench.around.clock.now()
        sent = msgspec.structs.replace(delivery, state=State.SENT)
        # Repeated after a lost commit it finds another state and touches nothing.
        self._bench.database.transact(
            "oncall_sent", lambda session: self._store(session, delivery, sent, now=now), idempotent=True
        )
        self._bench.around.metrics.observe_delivery(self._name, (now - delivery.created_at).total_seconds())
        self._bench.around.log.info(
            "oncall.delivery.sent",
            delivery=delivery.id,
            incident=delivery.incident_id,
            kind=delivery.kind.value,
            channel=self._name,
            person=delivery.person,
            attempt=delivery.attempts,
        )

    def _fail(self, delivery: Delivery, error: ChannelError) -> None:
        bench, now = self._bench, self._bench.around.clock.now()
        counted = delivery
        if isinstance(error, OutcomeUnknownError):
            counted = msgspec.structs.replace(delivery, unknowns=delivery.unknowns + 1)
        reason = str(error)[:_ERROR_LIMIT]

        def work(session: Session) -> ChannelName | None:
            rows = session.fetch_all(self._queries["read_siblings"], msgspec.structs.asdict(delivery))
            siblings = [read_delivery(row) for row in rows]
            verdict = judge_failure(counted, error, siblings, Situation(bench.roster, bench.usable, now))
            after = msgspec.structs.replace(counted, state=verdict.state)
            if not self._store(session, delivery, after, now=now, not_before=verdict.not_before, error=reason):
                return None
            if verdict.fallback is not None:
                told = f"{self._name} failed: {reason}"
                draft = Draft(delivery.kind, delivery.round, delivery.stage, delivery.person, verdict.fallback, told)
                bench.ledger.add_draft(session, delivery.incident_id, draft)
            if verdict.unreached and delivery.kind is Order.PAGE:
                bench.ledger.hurry(session, delivery.incident_id, delivery.stage)
            return verdict.fallback

        fallback = bench.database.transact("oncall_failed", work, idempotent=True)
        if error.outcome == "limited":
            self._closed_until = now + timedelta(seconds=error.retry_after_s)
        bench.around.metrics.count_delivery(self._name, error.outcome)
        bench.around.log.warning(
            "oncall.delivery.failed",
            delivery=delivery.id,
            incident=delivery.incident_id,
            channel=self._name,
            outcome=error.outcome,
            reason=reason,
            fallback=fallback,
        )

    def _store(  # noqa: PLR0913 - one row has as many parts
        self,
        session: Session,
        before: Delivery,
        after: Delivery,
        *,
        now: datetime,
        not_before: datetime | None = None,
        error: str | None = None,
    ) -> bool:
        over = after.state not in {State.WAITING, State.SENDING}
        parameters = {
            "id": before.id,
            "held_state": before.state.value,
            "held_attempts": before.attempts,
            "state": after.state.value,
            "attempts": after.attempts,
            "unknowns": after.unknowns,
            "not_before": not_before or now,
            "claimed_at": now if after.state is State.SENDING else None,
            "finished_at": now if over else None,
            "error": error,
        }
        return session.execute(self._queries["write_delivery"], parameters) == 1


def _take(before: Delivery, incident: Incident) -> Delivery:
    """Return the message as it is when this worker has it: to be sent, or not to be sent any more."""
    lost = before.state is State.SENDING
    unknowns = before.unknowns + 1 if lost else before.unknowns
    if is_moot(before, incident):
        # Whether a lost one arrived is not known, and nobody needs another copy.
        return msgspec.structs.replace(before, state=State.UNKNOWN if lost else State.MOOT, unknowns=unknowns)
    if lost and unknowns >= MAX_COPIES:
        return msgspec.structs.replace(before, state=State.UNKNOWN, unknowns=unknowns)
    return msgspec.structs.replace(before, state=State.SENDING, attempts=before.attempts + 1, unknowns=unknowns)
