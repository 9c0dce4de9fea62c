"""Compares both colours while both have load, and answers as soon as the gates can tell; the effect is reading."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from agents.release.evidence import Block, Counts
from agents.release.gates import FALSE_ROLLBACKS, Comparison, judge_burn, judge_comparison
from agents.release.limits import LimitGates
from agents.release.load import Seen, synthetic_load
from agents.release.policy import Policy
from agents.release.prometheus import NoMetricsError
from agents.release.samples import Span
from agents.release.user_traffic import UserTraffic
from agents.release.verdicts import Finding, Verdict, join_findings
from agents.runtime.clock import Clock, Deadline
from agents.runtime.names import Colour

# Chosen: five spans of two scrapes are 100 s at 10 s, the least in which a burn of the budget shows.
_BURN_BLOCKS = 5
# Chosen: what the stable colour's fastest 95 % need is not slow.
_FAST_SHARE = 0.95
_ALPHA = FALSE_ROLLBACKS / 4
# Chosen: half again as bad is left to alerts; a release is stopped by what users notice.
_TOLERATED_ODDS = 1.25
# Chosen: each later step wants a quarter of the first one's requests again, so that each is seen under its own share.
_MORE_PER_STEP = 0.25


@dataclass
class OwnRequests:
    """The gate's own requests so far, in blocks; slow is what the stable colour's first block calls slow."""

    canary: Colour
    floor_s: float
    errors: list[Block] = field(default_factory=list)
    slow: list[Block] = field(default_factory=list)
    edge_s: float | None = None

    def add(self, seen: Mapping[Colour, Seen]) -> None:
        """Add one span; the first only sets the edge of slowness, which must not depend on what it judges."""
        canary, stable = seen[self.canary], seen[self.canary.other]
        self.errors.append(Block(canary.count_bad(), stable.count_bad()))
        if self.edge_s is not None:
            self.slow.append(Block(canary.count_slow(self.edge_s), stable.count_slow(self.edge_s)))
        elif stable.seconds:
            ordered = sorted(stable.seconds)
            self.edge_s = max(self.floor_s, ordered[min(len(ordered) - 1, int(_FAST_SHARE * len(ordered)))])


@dataclass(frozen=True)
class Watch:
    """One comparison over all steps of a release."""

    policy: Policy
    urls: Mapping[Colour, str]
    """Where each colour predicts, through its own Service."""
    payload: object
    users: UserTraffic
    limits: LimitGates
    clock: Clock
    log: FilteringBoundLogger
    own: OwnRequests
    interrupted: Callable[[], Finding | None]
    """Asked at every look: a person's order to stop, or a route that somebody else wrote."""

    def until_verdict(self, *, since_s: float, step: int) -> Finding:
        """Watch one step until its gates pass or fail, or its deadline makes the gap itself the verdict.

        Args:
            since_s: Unix time at which the canary got its first share.
            step: number of the step, from 0; later ones want more requests.
        """
        minimum = round(self.policy.minimum_requests * (1 + _MORE_PER_STEP * step))

        def is_enough(finding: Finding, _deadline: Deadline) -> bool:
            return finding.verdict is not Verdict.INCONCLUSIVE

        return self._look(since_s, minimum, self.policy.step_deadline_s, is_enough)

    def until_end(self, *, since_s: float, seconds: float) -> Finding:
        """Watch the soak to its end, or until something fails; a gap in the data at the end is told, not judged."""

        def is_enough(finding: Finding, _deadline: Deadline) -> bool:
            return finding.verdict is Verdict.FAIL

        return self._look(since_s, 1, seconds, is_enough)

    def _look(
        self, since_s: float, minimum: int, seconds: float, is_enough: Callable[[Finding, Deadline], bool]
    ) -> Finding:
        deadline = Deadline.after(seconds, self.clock)
        pause_s = max(1.0, self.policy.scrape_interval_s)
        with synthetic_load(
            self.urls, payload=self.payload, rate_per_s=self.policy.load_per_s, clock=self.clock
        ) as load:
            while True:
                deadline.sleep(pause_s)
                self.own.add(load.take())
                finding = self.interrupted() or self._judge(since_s, minimum)
                self.log.info("release.watch.judged", verdict=finding.verdict, because=finding.because)
                if deadline.is_over or is_enough(finding, deadline):
                    return finding

    def _judge(self, since_s: float, minimum: int) -> Finding:
        def rule(name: str, least: int) -> Comparison:
            return Comparison(name, least, _ALPHA, _TOLERATED_ODDS)

        findings = [judge_comparison(rule("failed requests of the gate", minimum), self.own.errors)]
        if self.own.slow:
            edge = f"{1000 * (self.own.edge_s or 0):.0f} ms"
            findings.append(judge_comparison(rule(f"requests of the gate over {edge}", 0), self.own.slow))
        try:
            findings += self._judge_users(since_s, rule)
        except NoMetricsError as error:
            findings.append(Finding(Verdict.INCONCLUSIVE, (f"users: {error}",)))
        findings += self.limits.judge(self.clock.now().timestamp())
        return join_findings(findings)

    def _judge_users(self, since_s: float, rule: Callable[[str, int], Comparison]) -> list[Finding]:
        block_s = max(2.0, 2 * self.policy.scrape_interval_s)
        now_s = self.clock.now().timestamp()
        blocks = self.users.read(Span(since_s, max(now_s, since_s + block_s), block_s))
        findings = [judge_comparison(rule("failed requests of users", 0), blocks.errors)]
        if blocks.slow_edge:
            name = f"requests of users over {blocks.slow_edge} s"
            findings.append(judge_comparison(rule(name, 0), blocks.slow))
        recent = sum((block.canary for block in blocks.errors[-_BURN_BLOCKS:]), Counts(0, 0))
        during = sum((block.stable for block in blocks.errors), Counts(0, 0))
        findings.append(judge_burn(recent, before=blocks.before + during))
        return findings
