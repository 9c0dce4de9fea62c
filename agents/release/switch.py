"""Runs one release: prove the new colour, move the traffic, see it arrive, or put it back.

The record is written before each effect, so that a killed run tells the next one where it stood.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from structlog.typing import FilteringBoundLogger

from agents.release.errors import ConfirmationMissingError, ReleaseRefusedError, ReleaseRolledBackError
from agents.release.plan import Decision, Start, decide_start
from agents.release.probe import HttpProbe
from agents.release.record import RecordStore, ReleaseRecord
from agents.release.routes import Weights, point_at, read_weights
from agents.release.smoke import Finding, Gateway, Verdict, await_confirmation, await_pass, smoke_once
from agents.release.states import Phase, has_moved_traffic
from agents.runtime import names
from agents.runtime.clock import Clock, Deadline
from agents.runtime.cluster import Kube
from agents.runtime.errors import ClusterConflictError, ClusterUnavailableError, TemporaryError
from agents.runtime.names import Colour

# Chosen: putting traffic back matters more than ending soon; the API server of one node restarts in about 20 s.
ROLLBACK_DEADLINE_S = 60.0
# Chosen: the way back is judged by the route, the gateway is only asked for the record.
_ROLLBACK_CONFIRM_S = 10.0
_CLUSTER_PAUSE_S = 0.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SwitchRequest:
    """What is asked for."""

    namespace: str
    app: str
    target: Colour
    smoke_url: str
    gateway: Gateway
    release_id: str
    deadline_s: float = 120.0
    """Longest wait for the smoke test, and again for the confirmation."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended, when it ended well."""

    result: str
    because: tuple[str, ...]
    record: ReleaseRecord | None


@dataclass(frozen=True, slots=True)
class Switch:
    """One release with everything it needs from outside."""

    request: SwitchRequest
    kube: Kube
    probe: HttpProbe
    clock: Clock
    log: FilteringBoundLogger
    store: RecordStore

    def run(self) -> Outcome:
        """Bring all traffic to the target.

        Raises:
            ReleaseRefusedError: nothing was changed, and the new colour or the route is not fit.
            ReleaseRolledBackError: traffic was moved and is back.
            ConfirmationMissingError: nothing was changed, and the gateway does not show what the route says.
            ClusterUnavailableError: the API server did not answer; run again.
        """
        record = self.store.load()
        decision = self._decide(record)
        self.log.info("release.plan.made", start=decision.start, because=decision.because)
        if self.request.dry_run:
            return Outcome("dry_run", decision.because, record)
        if record is not None and decision.start is Start.FINISH_ROLLBACK:
            self._put_back(record, decision.because)
            if record.target is self.request.target:
                message = f"finished the rollback of release {record.release_id}; run again to try a new release"
                raise ReleaseRolledBackError(message)
            decision = self._decide(self.store.load())
        if decision.start is Start.ALREADY_THERE:
            return self._confirm_only(decision)
        if record is None or decision.start is not Start.RESUME:
            record = self.store.save(
                ReleaseRecord.begin(
                    self.request.release_id,
                    self.request.app,
                    self.request.target,
                    at=self.clock.now(),
                    because=decision.because,
                )
            )
        record = self._smoke(record)
        promoted = self._move(record)
        self.log.info("release.switch.promoted", release_id=promoted.release_id, target=promoted.target)
        return Outcome("promoted", promoted.transitions[-1].because, promoted)

    def _decide(self, record: ReleaseRecord | None) -> Decision:
        route = self.kube.get_http_route(self.request.namespace, names.route_name(self.request.app))
        return decide_start(read_weights(route, self.request.app), record, self.request.target)

    def _confirm_only(self, decision: Decision) -> Outcome:
        finding = self._confirm(self.request.target, self.request.deadline_s)
        if finding.verdict is not Verdict.PASS:
            message = f"{decision.because[0]}, but {finding.because[0]}; nothing was changed, look at the gateway"
            raise ConfirmationMissingError(message)
        self.log.info("release.switch.unneeded", target=self.request.target)
        return Outcome("already_there", (*decision.because, *finding.because), None)

    def _smoke(self, record: ReleaseRecord) -> ReleaseRecord:
        """Ask the new colour; when it is not fit, go back if traffic may have moved, else refuse."""

        def check() -> Finding:
            return smoke_once(self.probe, self.request.smoke_url, self.request.target)

        finding = await_pass(check, Deadline.after(self.request.deadline_s, self.clock))
        self.log.info("release.smoke.judged", verdict=finding.verdict, because=finding.because)
        if finding.verdict is Verdict.PASS:
            return self._advance(record, Phase.WEIGHTS, finding.because)
        because = (f"smoke test {finding.verdict}", *finding.because)
        if has_moved_traffic(record.phase):
            self._roll_back(record, because)
        self._advance(record, Phase.REFUSED, because)
        message = (
            f"release {record.release_id}: {'; '.join(because)}; traffic stays on {record.source}, "
            f"look at the logs of {names.service_name(record.app, record.target)}"
        )
        raise ReleaseRefusedError(message)

    def _move(self, record: ReleaseRecord) -> ReleaseRecord:
        """Write the weights and see them arrive; whatever goes wrong, go back."""
        try:
            weights = self._point_at(record.target, self.request.deadline_s)
            self.log.info("release.weights.applied", target=record.target, weights=str(weights))
            record = self._advance(record, Phase.CONFIRM, (f"weights are {weights}",))
            finding = self._confirm(record.target, self.request.deadline_s)
        except ClusterConflictError:
            raise  # another release wrote the record: the traffic is its business now
        except Exception as error:  # noqa: BLE001 - whatever it was, termination and defects too: users come first
            self._roll_back(record, (f"{type(error).__name__}: {error}",))
        if finding.verdict is not Verdict.PASS:
            self._roll_back(record, (f"confirmation {finding.verdict}", *finding.because))
        self.log.info("release.confirm.passed", because=finding.because)
        return self._advance(record, Phase.PROMOTED, finding.because)

    def _roll_back(self, record: ReleaseRecord, because: tuple[str, ...]) -> NoReturn:
        self.log.error("release.rollback.started", release_id=record.release_id, because=because)
        if record.phase is not Phase.ROLLING_BACK:
            record = self._insist(lambda: self._advance(record, Phase.ROLLING_BACK, because))
        self._put_back(record, because)
        message = f"release {record.release_id}: {'; '.join(because)}; traffic is back on {record.source}"
        raise ReleaseRolledBackError(message)

    def _put_back(self, record: ReleaseRecord, because: tuple[str, ...]) -> None:
        """Write the old weights; the record is in ROLLING_BACK when this is called."""
        weights = self._point_at(record.source, ROLLBACK_DEADLINE_S)
        finding = self._confirm(record.source, min(_ROLLBACK_CONFIRM_S, self.request.deadline_s))
        told = (*because, f"weights are {weights}", *finding.because)
        self._insist(lambda: self._advance(record, Phase.ROLLED_BACK, told))
        self.log.error("release.rollback.done", release_id=record.release_id, confirmed=finding.verdict, because=told)

    def _confirm(self, colour: Colour, deadline_s: float) -> Finding:
        return await_confirmation(
            self.probe, self.request.gateway, colour, deadline=Deadline.after(deadline_s, self.clock)
        )

    def _point_at(self, colour: Colour, deadline_s: float) -> Weights:
        """Write the weights, reading the route again whenever somebody else wrote it in between."""

        def write() -> Weights:
            route = self.kube.get_http_route(self.request.namespace, names.route_name(self.request.app))
            wanted = point_at(route, self.request.app, colour)
            written = self.kube.apply_http_route(wanted, field_manager=names.FIELD_MANAGER_RELEASE)
            return read_weights(written, self.request.app)

        return self._insist(write, deadline_s=deadline_s, also=ClusterConflictError)

    def _advance(self, record: ReleaseRecord, phase: Phase, because: tuple[str, ...]) -> ReleaseRecord:
        return self.store.save(record.advance(phase, at=self.clock.now(), because=because))

    def _insist(
        self,
        effect: Callable[[], T],
        *,
        deadline_s: float = ROLLBACK_DEADLINE_S,
        also: type[TemporaryError] = ClusterUnavailableError,
    ) -> T:
        """Repeat an effect while the API server does not answer, until the deadline."""
        deadline = Deadline.after(deadline_s, self.clock)
        while True:
            try:
                return effect()
            except (ClusterUnavailableError, also) as error:
                if deadline.is_over:
                    message = f"{error}; gave up after {deadline_s:.0f} s"
                    raise ClusterUnavailableError(message) from error
                self.log.warning("release.cluster.retried", reason=str(error))
                deadline.sleep(_CLUSTER_PAUSE_S)
