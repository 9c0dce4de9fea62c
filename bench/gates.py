"""Simulates releases against the pure gates: how often a good canary is rolled back, how often a bad one is caught.

Nothing is deployed; the decision that runs in production is fed with seeded counts, one block per scrape.
Usage: python bench/gates.py [--releases 2000] [--seed 1]
"""

import argparse
import math
import random
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agents.release.evidence import Block, Counts
from agents.release.gates import FALSE_ROLLBACKS, Comparison, judge_burn, judge_comparison
from agents.release.policy import Policy
from agents.release.verdicts import Verdict

sys.path.insert(0, str(Path(__file__).parent))
from report import report

SCRAPE_S = 10.0
USERS_PER_S = 50.0
STEPS = (0.05, 0.25, 0.5)
SOAK_BLOCKS = 30
ALPHA = FALSE_ROLLBACKS / 4
TOLERATED = 1.25
CAUGHT_PERCENT = 95.0


@dataclass(frozen=True)
class Shares:
    """Share of bad requests of a stable and a canary colour; `slow` is of requests over the stable colour's p95."""

    stable: float
    canary: float
    stable_slow: float = 0.05
    canary_slow: float = 0.05


def draw(dice: random.Random, total: int, share: float) -> Counts:
    """Bad requests of so many, by the gaps between them."""
    bad, at = 0, 0
    while share > 0:
        at += 1 + int(math.log(1.0 - dice.random()) / math.log1p(-share))
        if at > total:
            break
        bad += 1
    return Counts(total, bad)


@dataclass
class Release:
    """One release's counts so far, as the watch holds them."""

    dice: random.Random
    shares: Shares
    own_per_s: float
    seconds: float = 0.0
    drift: float = 1.0

    def __post_init__(self) -> None:
        """Begin without a block."""
        self.own_errors: list[Block] = []
        self.own_slow: list[Block] = []
        self.user_errors: list[Block] = []
        self.user_slow: list[Block] = []

    def look(self, share: float) -> None:
        """Add one scrape; the hour of the day touches both colours alike."""
        self.seconds += SCRAPE_S
        self.drift = min(2.0, max(0.5, self.drift * math.exp(self.dice.gauss(0, 0.1))))
        own = (int(self.own_per_s * SCRAPE_S),) * 2
        users = (int(USERS_PER_S * SCRAPE_S * share), int(USERS_PER_S * SCRAPE_S * (1 - share)))
        errors = (self.shares.canary, self.shares.stable)
        slow = (self.shares.canary_slow, self.shares.stable_slow)
        for blocks, counts, both in (
            (self.own_errors, own, errors),
            (self.own_slow, own, slow),
            (self.user_errors, users, errors),
            (self.user_slow, users, slow),
        ):
            canary, stable = (draw(self.dice, n, each * self.drift) for n, each in zip(counts, both, strict=True))
            blocks.append(Block(canary, stable))

    def judge(self, minimum: int) -> Verdict:
        """Ask the four comparisons that production asks."""
        findings = [judge_comparison(Comparison("own", minimum, ALPHA, TOLERATED), self.own_errors)]
        more = (self.own_slow, self.user_errors, self.user_slow)
        findings += [judge_comparison(Comparison("more", 0, ALPHA, TOLERATED), blocks) for blocks in more]
        failed = any(finding.verdict is Verdict.FAIL for finding in findings)
        return Verdict.FAIL if failed else findings[0].verdict


def simulate(dice: random.Random, shares: Shares, policy: Policy) -> tuple[str, float]:
    """Run one release through its steps and its soak; return how it ended and after how many seconds."""
    release = Release(dice, shares, policy.load_per_s)
    for number, share in enumerate(STEPS):
        verdict = Verdict.INCONCLUSIVE
        while verdict is Verdict.INCONCLUSIVE:
            release.look(share)
            verdict = release.judge(round(policy.minimum_requests * (1 + number / 4)))
        if verdict is Verdict.FAIL:
            return f"step {number + 1}", release.seconds
    before = sum((block.stable for block in release.user_errors), Counts(0, 0))
    for _ in range(SOAK_BLOCKS):
        release.look(1.0)
        recent = sum((block.canary for block in release.user_errors[-5:]), Counts(0, 0))
        burns = judge_burn(recent, before=before).verdict is Verdict.FAIL
        if burns or release.judge(1) is Verdict.FAIL:
            return "soak", release.seconds
    return "promoted", release.seconds


def campaign(name: str, shares: Shares, policy: Policy, *, releases: int, seed: int) -> dict[str, float]:
    """Simulate many releases of one kind; rates in percent, times in seconds from the first share of traffic."""
    dice = random.Random(seed)  # noqa: S311 - a simulation
    ends = [simulate(dice, shares, policy) for _ in range(releases)]
    caught = sorted(seconds for end, seconds in ends if end != "promoted")
    figures = {
        "rolled_back_percent": 100 * len(caught) / releases,
        "in_first_step_percent": 100 * sum(end == "step 1" for end, _ in ends) / releases,
    }
    if caught:
        figures["decided_s_median"] = statistics.median(caught)
        figures["decided_s_p95"] = caught[min(len(caught) - 1, int(0.95 * len(caught)))]
    line = ", ".join(f"{key} {value:.2f}" for key, value in figures.items())
    print(f"{name}: {line}", flush=True)
    return {f"{name}_{key}": round(value, 2) for key, value in figures.items()}


CASES: dict[str, tuple[Shares, Callable[[int], int]]] = {
    "alike_at_1_percent": (Shares(0.01, 0.01), lambda n: n),
    "alike_at_0_1_percent": (Shares(0.001, 0.001), lambda n: n // 4),
    "errors_1_to_5_percent": (Shares(0.01, 0.05), lambda n: n // 2),
    "errors_0_to_1_percent": (Shares(0.0, 0.01), lambda n: n // 4),
    "errors_1_to_2_percent": (Shares(0.01, 0.02), lambda n: n // 4),
    "slow_5_to_15_percent": (Shares(0.001, 0.001, 0.05, 0.15), lambda n: n // 4),
}


def main() -> int:
    """Simulate every kind, print the rates, and fail when a promise of docs/release.md is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    policy = Policy()
    figures: dict[str, float] = {
        "minimum_requests": policy.minimum_requests,
        "load_per_s": policy.load_per_s,
        "users_per_s": USERS_PER_S,
    }
    for name, (shares, number) in CASES.items():
        figures |= campaign(name, shares, policy, releases=number(chosen.releases), seed=chosen.seed)
    kept = (
        figures["alike_at_1_percent_rolled_back_percent"] <= 100 * FALSE_ROLLBACKS
        and figures["errors_1_to_5_percent_rolled_back_percent"] >= CAUGHT_PERCENT
    )
    report("gates", figures, {}, releases=chosen.releases, seed=chosen.seed, promises_kept=kept)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
