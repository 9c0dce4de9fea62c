"""The checks before any traffic moves: each asks something outside and hands the answer to a pure gate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.release.gates import judge_capacity, judge_openapi, judge_predictions
from agents.release.orders import OrderBook
from agents.release.policy import Policy
from agents.release.probe import HttpProbe, NoAnswerError
from agents.release.record import ReleaseRecord
from agents.release.smoke import REFERENCE_PREDICTION, await_pass, await_verdict, smoke_once
from agents.release.verdicts import Finding, Verdict, join_findings
from agents.release.webhook import ask_webhook
from agents.runtime import names
from agents.runtime.clock import Clock, Deadline
from agents.runtime.cluster import Kube
from agents.runtime.errors import ClusterUnavailableError
from agents.runtime.names import Colour


@dataclass(frozen=True, slots=True)
class Proofs:
    """What is asked of one new colour."""

    policy: Policy
    kube: Kube
    namespace: str
    app: str
    target: Colour
    probe: HttpProbe
    urls: Mapping[Colour, str]
    """Each colour's own Service."""
    clock: Clock
    deadline_s: float
    find_backup: Callable[[float], Finding]
    """Asks for a verified backup that is at most so many seconds old."""

    def backup(self) -> Finding:
        """Ask the catalogue for a fresh backup that was proven to restore."""
        if self.policy.backup_max_age_s is None:
            return _not_asked("backup")
        return self.find_backup(self.policy.backup_max_age_s)

    def migrations(self) -> Finding:
        """Say what the graph of the update guarantees: its Job of expansions ended well before this one began."""
        return Finding(Verdict.PASS, ("migrations: their Job is a part of the same update and ended before this one",))

    def permission(self, record: ReleaseRecord) -> Finding:
        """Wait for a service and a person, where asked for, and look at the capacity again just before the step."""
        findings = []
        if (url := self.policy.webhook_url) is not None:
            deadline = Deadline.after(self.policy.webhook_deadline_s, self.clock)
            findings.append(await_verdict(lambda: ask_webhook(self.probe, url, record), deadline))
            if not findings[0].has_passed:
                return findings[0]
        if self.policy.approval_deadline_s is not None:
            deadline = Deadline.after(self.policy.approval_deadline_s, self.clock)
            book = OrderBook(self.kube, self.namespace, self.app)
            findings.append(await_pass(lambda: book.judge_approval(record.release_id), deadline))
        return join_findings([*findings, self.capacity()])

    def capacity(self, deadline_s: float = 0.0) -> Finding:
        """Compare the ready pods of the new colour with the size that the live colour has now."""
        if not self.policy.capacity:
            return _not_asked("capacity")

        def check() -> Finding:
            try:
                sizes = {colour: self._size(colour) for colour in Colour}
            except ClusterUnavailableError as error:
                return Finding(Verdict.INCONCLUSIVE, (f"capacity: {error}",))
            ready, needed = sizes[self.target], sizes[self.target.other]
            return judge_capacity(
                ready=ready[1] if ready else None, needed=needed[0] if needed else None, target=self.target
            )

        return await_pass(check, Deadline.after(deadline_s, self.clock))

    def fitness(self) -> Finding:
        """Ask the new colour alone: smoke, contract and model."""
        deadline = Deadline.after(self.deadline_s, self.clock)
        checks: list[Callable[[], Finding]] = [lambda: smoke_once(self.probe, self.urls[self.target], self.target)]
        if self.policy.openapi:
            checks.append(self._openapi)
        if self.policy.parity_tolerance is not None:
            checks.append(self._parity)
        findings: list[Finding] = []
        for check in checks:
            findings.append(await_pass(check, deadline))
            if not findings[-1].has_passed:
                break
        return join_findings(findings)

    def _openapi(self) -> Finding:
        def judge(stable: Any, canary: Any) -> Finding:  # noqa: ANN401 - JSON of any shape
            return judge_openapi(stable, canary)

        return self._compare("/api/v1/openapi.json", None, judge)

    def _parity(self) -> Finding:
        tolerance = self.policy.parity_tolerance or 0.0

        def judge(stable: Any, canary: Any) -> Finding:  # noqa: ANN401 - JSON of any shape
            old, new = ([float(each["prediction"]) for each in found["predictions"]] for found in (stable, canary))
            return judge_predictions(old, new, tolerance=tolerance)

        return self._compare("/api/v1/predictions", REFERENCE_PREDICTION, judge)

    def _compare(self, path: str, payload: object | None, judge: Callable[[Any, Any], Finding]) -> Finding:
        """Ask both colours the same; what cannot be asked or read is inconclusive."""
        try:
            stable, canary = (
                self.probe.ask(self.urls[colour].rstrip("/") + path, payload=payload).parse_json()
                for colour in (self.target.other, self.target)
            )
            return judge(stable, canary)
        except (NoAnswerError, ValueError, KeyError, TypeError, AttributeError) as error:
            return Finding(Verdict.INCONCLUSIVE, (f"{path} of both colours cannot be compared: {error!r}",))

    def _size(self, colour: Colour) -> tuple[int, int] | None:
        labels = {names.LABEL_NAME: self.app, names.LABEL_COLOUR: colour.value}
        found = self.kube.list_deployments(self.namespace, labels)
        return (sum(each.wanted for each in found), sum(each.ready for each in found)) if found else None


def _not_asked(gate: str) -> Finding:
    return Finding(Verdict.PASS, (f"{gate}: this environment does not ask for it",))
