"""Where everything comes together: notifications, the heartbeat and links in, escalation and workers behind."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from agents.oncall.around import Around
from agents.oncall.emergency import Emergency
from agents.oncall.escalation import Order
from agents.oncall.heartbeat import Heartbeat
from agents.oncall.incident import Incident
from agents.oncall.ledger import Ledger, Recorded
from agents.oncall.links import Grant, read_token
from agents.oncall.metrics import STATUSES
from agents.oncall.payload import Notice
from agents.oncall.worker import Worker
from agents.runtime.errors import DatabaseRefusedError, DatabaseUnavailableError

_COUNT_EVERY_S = 5.0


class Desk:
    """The one place that changes incidents while the service runs."""

    def __init__(
        self, ledger: Ledger, emergency: Emergency, *, keys: Sequence[bytes], heartbeat_s: float, around: Around
    ) -> None:
        """Prepare; the workers are added before they start."""
        self._ledger = ledger
        self._emergency = emergency
        self._keys = keys
        self._clock = around.clock
        self._log = around.log
        self._metrics = around.metrics
        self._heartbeat = Heartbeat(self._clock.now(), heartbeat_s)
        # None: an incident of a process before this one may be open, so the first sign of life ends it.
        self._silence_told: bool | None = None
        self._counted_at_s = float("-inf")
        self.workers: list[Worker] = []
        self._metrics.watch_heartbeat(lambda: self._heartbeat.age_s(self._clock.now()))

    def receive(self, notice: Notice) -> Recorded:
        """Take in a notification; without the database tell people from memory and let the error pass.

        Raises:
            DatabaseUnavailableError: nothing was kept; the sender has to come again.
            DatabaseRefusedError: the same, and a person has to look at the schema or the role.
        """
        try:
            recorded = self._ledger.receive(notice)
        except (DatabaseUnavailableError, DatabaseRefusedError) as error:
            self._metrics.count_notice("failed")
            self._metrics.show_store(up=False)
            self._log.error("oncall.notice.failed", group=notice.group_key, reason=str(error))
            self._emergency.tell(notice)
            raise
        self._metrics.show_store(up=True)
        self._metrics.count_notice("recorded" if recorded.decision.orders else "unchanged")
        self._tell(recorded, "notice")
        return recorded

    def beat(self) -> None:
        """Take in a sign of life of the Watchdog."""
        self._heartbeat = self._heartbeat.beat(self._clock.now())

    def read_link(self, token: str) -> Grant:
        """Return what a link allows.

        Raises:
            LinkInvalidError: forged, changed or too old.
        """
        return read_token(token, self._keys, self._clock.now())

    def read(self, grant: Grant) -> Incident:
        """Return the incident of a link."""
        return self._ledger.read(grant.incident_id)

    def act(self, grant: Grant, action: str) -> tuple[Incident, str]:
        """Do what the button of a link says; return the incident afterwards and what was done."""
        act = self._ledger.acknowledge if action == "acknowledge" else self._ledger.resolve
        recorded = act(grant.incident_id, grant.person)
        self._tell(recorded, action)
        return cast("Incident", recorded.decision.incident), recorded.decision.because

    def advance(self) -> bool:
        """Do one thing that time asks for; the step of the worker `escalation`."""
        self._watch_heartbeat(self._clock.now())
        recorded = self._ledger.advance()
        self._metrics.show_store(up=True)
        self._count()
        if recorded is None:
            return False
        self._tell(recorded, "tick")
        return True

    def dead_workers(self) -> list[str]:
        """Return the names of workers whose thread has ended."""
        return [worker.name for worker in self.workers if not worker.is_alive]

    def _watch_heartbeat(self, now: datetime) -> None:
        missing = self._heartbeat.is_missing(now)
        heard = not missing and self._heartbeat.limit_s > 0
        if missing and self._silence_told is not True:
            self.receive(self._heartbeat.as_notice(firing=True))
            self._silence_told = True
        elif heard and self._silence_told is not False:
            self.receive(self._heartbeat.as_notice(firing=False))
            self._silence_told = False

    def _tell(self, recorded: Recorded, event: str) -> None:
        if Order.PAGE in recorded.decision.orders:
            self._metrics.count_page()
        self._log.info(
            "oncall.incident.decided",
            incident=recorded.incident_id,
            event_kind=event,
            because=recorded.decision.because,
            status=recorded.decision.incident.status.value if recorded.decision.incident else "none",
            messages=[f"{draft.kind.value} {draft.person} {draft.channel}" for draft in recorded.drafts],
        )
        for worker in self.workers:
            worker.wake()

    def _count(self) -> None:
        if self._clock.monotonic() - self._counted_at_s < _COUNT_EVERY_S:
            return
        self._counted_at_s = self._clock.monotonic()
        work = self._ledger.count_work()
        for status in STATUSES:
            self._metrics.incidents.labels(status).set(work.incidents.get(status, 0))
        for channel in self._metrics.channels:
            amount, oldest_s = work.waiting.get(channel, (0, 0.0))
            self._metrics.waiting.labels(channel).set(amount)
            self._metrics.waiting_age.labels(channel).set(oldest_s)
