"""Weighs whether one colour does worse than the other, so that looking again and again is no reason to be wrong; pure.

Each block of counts is judged given how many bad requests both colours had together: if the colours are alike, these
fall on them like balls drawn without return (a hypergeometric law), whatever the share of bad requests was at that
moment. The likelihood ratio of "worse by odds t" against "worse by the tolerated odds at most" has a mean of one or
less in each block, so the product over blocks, and a mean over several t, is a test martingale: the chance that it
ever reaches 1/alpha is alpha at most, for any number of looks, any split of traffic and any course of the day
(Ville's inequality; Howard et al. 2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences"; Turner, Ly
and Gruenwald 2024, "Generic E-variables for exact sequential k-sample tests").
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

# Chosen: from a third worse to hopeless; the mean over them costs ln(5) of evidence and finds each.
_WORSE_ODDS = (2.0, 3.0, 5.0, 10.0, 40.0)


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of one colour in one span of time."""

    total: int
    bad: int

    def __post_init__(self) -> None:
        """Refuse counts that cannot be; they would weigh nothing and pass."""
        if not 0 <= self.bad <= self.total:
            message = f"{self.bad} bad requests of {self.total} cannot be"
            raise ValueError(message)

    def __add__(self, other: "Counts") -> "Counts":
        """Return both spans together."""
        return Counts(self.total + other.total, self.bad + other.bad)

    @property
    def share(self) -> float:
        """Share of bad requests; 0 without requests."""
        return self.bad / self.total if self.total else 0.0

    def __str__(self) -> str:
        """Write it for a reason."""
        return f"{self.bad} of {self.total} ({100 * self.share:.2f} %)"


@dataclass(frozen=True, slots=True)
class Block:
    """What both colours did in the same span, so that the hour of the day touches both."""

    canary: Counts
    stable: Counts


def log_evidence(blocks: Iterable[Block], *, tolerated_odds: float) -> float:
    """Return the highest logarithm of the evidence, after any block, that the canary is worse than tolerated.

    Args:
        blocks: spans in order of time.
        tolerated_odds: 1 for "not worse at all"; above it, how many times the odds of a bad request may rise.
    """
    logs = dict.fromkeys((tolerated_odds * odds for odds in _WORSE_ODDS), 0.0)
    highest = 0.0
    for block in blocks:
        for odds in logs:
            logs[odds] += _log_ratio(block, odds, tolerated_odds)
        highest = max(highest, _log_mean_exp(logs.values()))
    return highest


# A release looks at the same blocks again and again; each look brings one new.
@lru_cache(maxsize=1 << 14)
def _log_ratio(block: Block, worse: float, tolerated: float) -> float:
    bad = block.canary.bad + block.stable.bad
    if bad == 0 or block.canary.total == 0 or block.stable.total == 0:
        return 0.0
    fewest, most = max(0, bad - block.stable.total), min(bad, block.canary.total)
    ways = [
        (split, _log_choose(block.canary.total, split) + _log_choose(block.stable.total, bad - split))
        for split in range(fewest, most + 1)
    ]
    log_worse, log_tolerated = math.log(worse), math.log(tolerated)
    of_worse = _log_sum_exp([log + split * log_worse for split, log in ways])
    of_tolerated = _log_sum_exp([log + split * log_tolerated for split, log in ways])
    return block.canary.bad * (log_worse - log_tolerated) + of_tolerated - of_worse


def _log_choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)


def _log_sum_exp(logs: list[float]) -> float:
    top = max(logs)
    return top + math.log(sum(math.exp(log - top) for log in logs))


def _log_mean_exp(logs: Iterable[float]) -> float:
    found = list(logs)
    return _log_sum_exp(found) - math.log(len(found))
