"""Turns raw counter samples into counts of requests per span, for both colours alike; pure.

Raw samples and not `rate`, because a test needs whole requests: extrapolated ones were never sent.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agents.release.evidence import Block, Counts
from agents.runtime.names import Colour

# Chosen: p95 leaves enough slow requests to count; at p99 a doubling would need five times the requests.
_FAST_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Series:
    """One counter with its raw samples in order of time."""

    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...]
    """(Unix time in seconds, value) pairs."""


def increase_within(series: Series, begin_s: float, end_s: float) -> float:
    """Return how far a counter rose after begin_s and until end_s.

    A drop is a restart: the new process began at zero, so its whole value counts. A counter that appears inside the
    span rose from zero. Samples that are no number are left out.
    """
    rose, last = 0.0, 0.0
    for at_s, value in series.samples:
        if at_s > end_s or not math.isfinite(value):
            continue
        if at_s > begin_s:
            rose += value - last if value >= last else value
        last = value
    return rose


def newest_sample_s(found: Iterable[Series]) -> float | None:
    """Return the time of the newest sample of any series, or None."""
    return max((series.samples[-1][0] for series in found if series.samples), default=None)


@dataclass(frozen=True, slots=True)
class Tally:
    """Counters of requests, told apart into bad and good ones; each has a label `colour`."""

    bad: tuple[Series, ...]
    good: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of Unix time in equal parts."""

    begin_s: float
    end_s: float
    block_s: float
    """Length of one part; two scrapes or more, so that none is empty by chance."""


def cut_blocks(tally: Tally, canary: Colour, span: Span) -> list[Block]:
    """Count both colours in each whole part of the span; the unfinished last one is left out."""
    blocks = []
    edge_s = span.begin_s
    while edge_s + span.block_s <= span.end_s:
        until_s = edge_s + span.block_s
        sides = [_count(tally, colour, edge_s, until_s) for colour in (canary, canary.other)]
        blocks.append(Block(canary=sides[0], stable=sides[1]))
        edge_s = until_s
    return blocks


def _count(tally: Tally, colour: Colour, begin_s: float, end_s: float) -> Counts:
    bad, good = (
        round(sum(increase_within(each, begin_s, end_s) for each in found if each.labels.get("colour") == colour))
        for found in (tally.bad, tally.good)
    )
    return Counts(total=bad + good, bad=bad)


def split_at(buckets: Sequence[Series], edge: str) -> Tally:
    """Tell slow requests from fast ones by a cumulative histogram.

    Args:
        buckets: the series of two edges, `edge` and `+Inf`, for every combination of the other labels.
        edge: label `le` of the bucket that holds the fast ones.
    """
    keyed: dict[frozenset[tuple[str, str]], dict[str, Series]] = {}
    for each in buckets:
        rest = frozenset((key, value) for key, value in each.labels.items() if key != "le")
        keyed.setdefault(rest, {})[each.labels.get("le", "")] = each
    pairs = [(found[edge], found["+Inf"]) for found in keyed.values() if edge in found and "+Inf" in found]
    return Tally(bad=tuple(_subtract(every, fast) for fast, every in pairs), good=tuple(fast for fast, _ in pairs))


def _subtract(every: Series, fast: Series) -> Series:
    values = dict(fast.samples)
    left = tuple((at_s, value - values[at_s]) for at_s, value in every.samples if at_s in values)
    return Series({key: value for key, value in every.labels.items() if key != "le"}, left)


def choose_edge(cumulative: Mapping[str, float], *, floor_s: float) -> str | None:
    """Return the bucket edge above which a request is slow: the stable colour's p95, and the floor at least.

    Args:
        cumulative: requests of the stable colour by label `le`, before the canary began.
        floor_s: no smaller edge is taken, because nobody notices one millisecond more.
    """
    edges = sorted((float(edge), edge) for edge in cumulative)
    total = cumulative.get("+Inf", 0.0)
    for edge_s, edge in edges:
        if edge_s >= floor_s and math.isfinite(edge_s) and cumulative[edge] >= _FAST_SHARE * total:
            return edge
    return None
