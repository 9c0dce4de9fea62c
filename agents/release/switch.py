"""Runs one release: prove the new colour, move the traffic in steps, watch it, or put it back.

The record is written before each effect, so that a killed run tells the next one where it stood. What follows what is
decided in `states`; here each phase's effect and gate are run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from structlog.typing import FilteringBoundLogger

from agents.release.company import refuse_company
from agents.release.errors import ConfirmationMissingError, ReleaseRefusedError, ReleaseRolledBackError
from agents.release.orders import Order, OrderBook
from agents.release.plan import Decision, Start, decide_start
from agents.release.probe import HttpProbe, NoAnswerError
from agents.release.proofs import Proofs
from agents.release.record import RecordStore, ReleaseRecord
from agents.release.request import Outcome, SwitchRequest
from agents.release.routes import Weights, weights_for
from agents.release.states import FULL_SHARE, Move, Phase, decide_move, has_moved_traffic, has_promoted
from agents.release.traffic import ROLLBACK_DEADLINE_S, Traffic
from agents.release.verdicts import Finding, Verdict, join_findings
from agents.release.watch import Watch
from agents.runtime import names
from agents.runtime.clock import Clock
from agents.runtime.cluster import Kube
from agents.runtime.errors import ClusterConflictError
from agents.runtime.names import Colour

# Chosen: the way back is judged by the route, the gateway is only asked for the record.
_ROLLBACK_CONFIRM_S = 10.0


@dataclass(frozen=True, slots=True)
class Switch:
    """One release with everything it needs from outside."""

    request: SwitchRequest
    kube: Kube
    probe: HttpProbe
    clock: Clock
    log: FilteringBoundLogger
    store: RecordStore
    find_backup: Callable[[float], Finding]
    open_watch: Callable[[ReleaseRecord], Watch] | None = None
    """How both colours are compared; None when the policy does not ask for it."""
    judge_downgrade: Callable[[str, str], Finding] | None = None
    """Says whether the schema still fits the new version (first) that comes after the old one (second)."""

    def run(self) -> Outcome:
        """Bring all traffic to the target.

        Raises:
            ReleaseRefusedError: nothing was changed, and the new colour or the route is not fit.
            ReleaseRolledBackError: traffic was moved and is back.
            ConfirmationMissingError: nothing was changed, and the gateway does not show what the route says.
            ReleaseUnderWayError: nothing was changed, and another pod drives a release of this route.
            ClusterUnavailableError: the API server did not answer; run again.
        """
        record = self.store.load()
        decision = self._decide(record)
        refuse_company(self.kube, self.request, record, decision)
        self.log.info("release.plan.made", start=decision.start, because=decision.because)
        if self.request.dry_run:
            return Outcome("dry_run", decision.because, record)
        if record is not None and decision.start in {Start.FINISH_ROLLBACK, Start.TAKE_BACK}:
            self._put_back(record, decision.because)
            if record.target is self.request.target:
                message = f"finished the rollback of release {record.release_id}; run again to try a new release"
                raise ReleaseRolledBackError(message)
            decision = self._decide(self.store.load())
        if decision.start is Start.ALREADY_THERE:
            return self._confirm_only(decision)
        if record is None or decision.start is not Start.RESUME:
            record = self._begin(decision)
        return self._drive(record)

    def _decide(self, record: ReleaseRecord | None) -> Decision:
        version = ""
        if record is not None and has_moved_traffic(record.phase):
            version = self._versions().get(self.request.target, "")
        asked = self.request
        orders = OrderBook(self.kube, asked.namespace, asked.app).read() if record else {}
        return decide_start(
            self._traffic.read(),
            record,
            asked.target,
            target_version=version,
            content=asked.content,
            retry_of=orders.get(Order.RETRY),
        )

    def _begin(self, decision: Decision) -> ReleaseRecord:
        begun = ReleaseRecord.begin(
            self.request.release_id,
            self.request.app,
            self.request.target,
            at=self.clock.now(),
            because=decision.because,
            versions=self._versions(),
            content=self.request.content,
        )
        return self.store.save(begun)

    def _versions(self) -> dict[Colour, str]:
        """Ask each colour once who it is; one that does not answer is left out, the proofs will find it."""
        found = {}
        for colour, url in self.request.urls.items():
            try:
                answer = self.probe.ask(url.rstrip("/") + "/livez") if url else None
            except NoAnswerError:
                continue
            if answer is not None and answer.colour == colour and answer.version:
                found[colour] = answer.version
        return found

    def _drive(self, record: ReleaseRecord) -> Outcome:
        """Run phase after phase; whatever goes wrong once traffic has moved puts it back."""
        watch = self.open_watch(record) if self.open_watch else None
        while not record.is_over:
            if record.phase is Phase.ROLLING_BACK:
                self._give_up(record)
            try:
                finding = self._find(record, watch)
            except ClusterConflictError:
                raise  # another release wrote the record: the traffic is its business now
            except Exception as error:  # termination and defects too: users come first
                # Before the first step nothing is to be undone; after promotion only a verdict moves users again.
                if not has_moved_traffic(record.phase) or has_promoted(record.phase):
                    raise
                finding = Finding(Verdict.INCONCLUSIVE, (f"{type(error).__name__}: {error}",))
            record = self._advance(record, finding)
        if record.phase is Phase.REFUSED:
            self._refuse(record)
        self.log.info("release.switch.promoted", release_id=record.release_id, target=record.target)
        return Outcome("promoted", record.transitions[-1].because, record)

    def _advance(self, record: ReleaseRecord, finding: Finding) -> ReleaseRecord:
        move = decide_move(record.phase, record.share, finding, self.request.policy.course)
        self.log.info(
            "release.phase.ended",
            release_id=record.release_id,
            phase=record.phase,
            verdict=finding.verdict,
            next=move.phase,
            share=move.share,
            because=finding.because,
        )

        def save() -> ReleaseRecord:
            return self._save(record, move)

        # Once traffic has moved, an API server that restarts is waited for; before, the next run takes the step again.
        return self._traffic.insist(save) if has_moved_traffic(record.phase) else save()

    def _find(self, record: ReleaseRecord, watch: Watch | None) -> Finding:
        """Run the effect and the gate of the phase in which the record is."""
        proofs = self._proofs
        found: dict[Phase, Callable[[], Finding]] = {
            Phase.PREPARING: lambda: join_findings([self._fits_schema(record), proofs.backup()]),
            Phase.BACKED_UP: proofs.migrations,
            Phase.MIGRATED: lambda: proofs.capacity(self.request.deadline_s),
            Phase.IDLE_READY: proofs.fitness,
            Phase.PROVED: lambda: proofs.permission(record),
            Phase.SHIFTING: lambda: self._shift(record),
            Phase.WATCHING: lambda: self._while_ours(record, lambda: self._watch_step(record, watch)),
            Phase.PROMOTED: lambda: self._while_ours(record, lambda: None),
            Phase.SOAKING: lambda: self._while_ours(record, lambda: self._soak(record, watch)),
        }
        return found[record.phase]()

    def _fits_schema(self, record: ReleaseRecord) -> Finding:
        if self.judge_downgrade is None:
            return Finding(Verdict.PASS, ("schema: nobody to ask whether a contract migration stands in the way",))
        new = self.request.version or record.versions.get(record.target, "")
        return self.judge_downgrade(new, record.versions.get(record.source, ""))

    def _while_ours(self, record: ReleaseRecord, look: Callable[[], Finding | None]) -> Finding:
        """Run a look that takes time; weights that are not this step's, before or after it, fail it."""
        finding = self._judge_ours(record)
        if not finding.has_passed:
            return finding
        found = look()
        if found is None or not found.has_passed:
            return found or finding
        after = self._judge_ours(record)
        return found if after.has_passed else after

    def _judge_ours(self, record: ReleaseRecord) -> Finding:
        ours, weights = weights_for(record.target, record.share), self._traffic.insist(self._traffic.read)
        if weights != ours:
            return Finding(Verdict.FAIL, (f"weights are {weights}, not {ours}: somebody else moved traffic",))
        return Finding(Verdict.PASS, (f"weights are {weights}",))

    def _shift(self, record: ReleaseRecord) -> Finding:
        written = self._traffic.write(
            record.target, record.share, expected=self._expected(record), deadline_s=self.request.deadline_s
        )
        self.log.info("release.weights.applied", target=record.target, share=record.share, because=written.because)
        if not written.has_passed:
            return written
        confirmed = self._traffic.confirm(record.target, record.share, deadline_s=self.request.deadline_s)
        because = (f"confirmation {confirmed.verdict}",) if not confirmed.has_passed else written.because
        return Finding(confirmed.verdict, (*because, *confirmed.because))

    def _expected(self, record: ReleaseRecord) -> frozenset[Weights]:
        """Return the weights that this step may find: those of the step before, and its own if it was killed."""
        before = next((step.share for step in reversed(record.transitions[:-1])), 0)
        return frozenset(weights_for(record.target, share) for share in (before, record.share))

    def _watch_step(self, record: ReleaseRecord, watch: Watch | None) -> Finding:
        if watch is None:
            return Finding(Verdict.INCONCLUSIVE, ("a share of the traffic is not promoted without a comparison",))
        number = len({step.share for step in record.transitions if step.phase is Phase.WATCHING}) - 1
        since = record.entered(Phase.WATCHING) or self.clock.now()
        finding = watch.until_verdict(since_s=since.timestamp(), step=number)
        return join_findings([finding, self._proofs.capacity()]) if finding.has_passed else finding

    def _soak(self, record: ReleaseRecord, watch: Watch | None) -> Finding:
        since = record.entered(Phase.SOAKING) or self.clock.now()
        left_s = self.request.policy.soak_s - (self.clock.now() - since).total_seconds()
        if watch is None:
            self.clock.sleep(max(0.0, left_s))
            return Finding(Verdict.PASS, (f"{self.request.policy.soak_s:.0f} s passed; nothing compares the colours",))
        begin = record.entered(Phase.WATCHING) or since
        return watch.until_end(since_s=begin.timestamp(), seconds=max(0.0, left_s))

    def _confirm_only(self, decision: Decision) -> Outcome:
        finding = self._traffic.confirm(self.request.target, FULL_SHARE, deadline_s=self.request.deadline_s)
        if finding.verdict is not Verdict.PASS:
            message = f"{decision.because[0]}, but {finding.because[0]}; nothing was changed, look at the gateway"
            raise ConfirmationMissingError(message)
        self.log.info("release.switch.unneeded", target=self.request.target)
        return Outcome("already_there", (*decision.because, *finding.because), None)

    def _refuse(self, record: ReleaseRecord) -> NoReturn:
        message = (
            f"release {record.release_id}: {'; '.join(record.transitions[-1].because)}; traffic stays on "
            f"{record.source}, look at the logs of {names.service_name(record.app, record.target)}"
        )
        raise ReleaseRefusedError(message)

    def _give_up(self, record: ReleaseRecord) -> NoReturn:
        because = record.transitions[-1].because
        self.log.error("release.rollback.started", release_id=record.release_id, because=because)
        self._put_back(record, because)
        message = f"release {record.release_id}: {'; '.join(because)}; traffic is back on {record.source}"
        raise ReleaseRolledBackError(message)

    def _put_back(self, record: ReleaseRecord, because: tuple[str, ...]) -> None:
        """Write the old weights first, then everything else."""
        if record.phase is not Phase.ROLLING_BACK:
            record = self._traffic.insist(lambda: self._save(record, Move(Phase.ROLLING_BACK, 0, because)))
        written = self._traffic.write(record.source, FULL_SHARE, expected=None, deadline_s=ROLLBACK_DEADLINE_S)
        confirm_s = min(_ROLLBACK_CONFIRM_S, self.request.deadline_s)
        finding = self._traffic.confirm(record.source, FULL_SHARE, deadline_s=confirm_s)
        told = (*because, *written.because, *finding.because)
        self._traffic.insist(lambda: self._save(record, Move(Phase.ROLLED_BACK, 0, told)))
        self.log.error("release.rollback.done", release_id=record.release_id, confirmed=finding.verdict, because=told)

    def _save(self, record: ReleaseRecord, move: Move) -> ReleaseRecord:
        return self.store.save(record.advance(move, at=self.clock.now()))

    @property
    def _traffic(self) -> Traffic:
        asked = self.request
        return Traffic(self.kube, asked.namespace, asked.app, self.probe, asked.gateway, self.clock, self.log)

    @property
    def _proofs(self) -> Proofs:
        asked = self.request
        return Proofs(
            asked.policy,
            self.kube,
            asked.namespace,
            asked.app,
            asked.target,
            self.probe,
            asked.urls,
            self.clock,
            asked.deadline_s,
            self.find_backup,
        )
