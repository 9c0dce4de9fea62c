"""Counters and histograms for one thread: an increment is one addition, the rest happens when Prometheus asks.

prometheus-client takes a lock per increment; five of them are a tenth of what a prediction costs here.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

Labels = tuple[str, ...]


class Cell:
    """One counter."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        """Start at zero."""
        self.value = 0.0


class Tally(Collector):
    """Counters of one name, told apart by labels."""

    def __init__(self, name: str, documentation: str, labels: Labels) -> None:
        """Name the counters; `_total` is added by the exposition."""
        self._name, self._documentation, self._labels = name, documentation, labels
        self._cells: dict[Labels, Cell] = {}

    def cell(self, *values: str) -> Cell:
        """Return the counter of some label values."""
        found = self._cells.get(values)
        if found is None:
            found = self._cells[values] = Cell()
        return found

    def collect(self) -> Iterator[Metric]:
        """Yield every counter."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for values, cell in self._cells.items():
            family.add_metric(values, cell.value)
        yield family


class Histogram:
    """One distribution."""

    __slots__ = ("_edges", "counts", "total")

    def __init__(self, edges: Sequence[float]) -> None:
        """Start empty.

        Args:
            edges: upper ends of the buckets, ascending; one without end is added.
        """
        self._edges = edges
        self.counts = [0] * (len(edges) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self._edges, value)] += 1
        self.total += value


class Distribution(Collector):
    """Histograms of one name, told apart by labels."""

    def __init__(self, name: str, documentation: str, labels: Labels, edges: Sequence[float]) -> None:
        """Name the histograms and choose the buckets."""
        self._name, self._documentation, self._labels = name, documentation, labels
        self._edges = tuple(edges)
        self._histograms: dict[Labels, Histogram] = {}

    def histogram(self, *values: str) -> Histogram:
        """Return the histogram of some label values."""
        found = self._histograms.get(values)
        if found is None:
            found = self._histograms[values] = Histogram(self._edges)
        return found

    def collect(self) -> Iterator[Metric]:
        """Yield every histogram with running totals, as the exposition wants them."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        names = [*(str(edge) for edge in self._edges), "+Inf"]
        for values, histogram in self._histograms.items():
            running, buckets = 0, []
            for name, count in zip(names, histogram.counts, strict=True):
                running += count
                buckets.append((name, float(running)))
            family.add_metric(values, buckets, histogram.total)
        yield family
