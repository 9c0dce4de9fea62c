"""What users got from each colour, as the gateway counted it.

The gate's own requests go to the colours' Services and never through the gateway, so the two are not mixed: their
shares of bad requests differ, and a colour with few users would look better or worse than it is.
"""

from dataclasses import dataclass

from agents.release.evidence import Block, Counts
from agents.release.prometheus import NoMetricsError, Prometheus
from agents.release.samples import Series, Span, Tally, choose_edge, cut_blocks, newest_sample_s, split_at
from agents.runtime.names import Colour, service_name

# Cited: Traefik, metrics "traefik_service_requests_total" and "traefik_service_request_duration_seconds".
_REQUESTS = "traefik_service_requests_total"
_DURATIONS = "traefik_service_request_duration_seconds_bucket"
_UP = 'up{job="gateway"}'
_STALE_SCRAPES = 3
_HISTORY_S = 600.0


@dataclass(frozen=True, slots=True)
class UserBlocks:
    """The two comparisons of what users got."""

    errors: list[Block]
    before: Counts
    """What users of the old colour got in the minutes before the span."""
    slow: list[Block]
    slow_edge: str | None
    """Label `le` above which a request counts as slow; None when the stable colour has no such bucket."""


@dataclass(frozen=True, slots=True)
class UserTraffic:
    """Reads one application's share of the gateway's metrics."""

    prometheus: Prometheus
    app: str
    canary: Colour
    scrape_interval_s: float
    slow_floor_s: float

    def read(self, span: Span) -> UserBlocks:
        """Count both colours over a span.

        Raises:
            NoMetricsError: Prometheus does not answer, or the gateway's newest sample is stale: then silence is no
                proof that nothing went wrong.
        """
        self._check_fresh(span.end_s)
        requests = self._samples(_REQUESTS, "", span)
        tally = Tally(
            bad=tuple(each for each in requests if each.labels.get("code", "").startswith("5")),
            good=tuple(each for each in requests if not each.labels.get("code", "").startswith("5")),
        )
        edge = self._slow_edge(span.begin_s)
        buckets = self._samples(_DURATIONS, f',le=~"{edge}|\\\\+Inf"', span) if edge else ()
        slow = cut_blocks(split_at(buckets, edge), self.canary, span) if edge else []
        history = Span(span.begin_s - _HISTORY_S, span.begin_s, _HISTORY_S)
        before = cut_blocks(tally, self.canary, history)[0].stable
        return UserBlocks(errors=cut_blocks(tally, self.canary, span), before=before, slow=slow, slow_edge=edge)

    def _check_fresh(self, at_s: float) -> None:
        window_s = _STALE_SCRAPES * self.scrape_interval_s
        newest = newest_sample_s(self.prometheus.read_samples(_UP, begin_s=at_s - window_s, end_s=at_s))
        if newest is None:
            message = f"no scrape of the gateway in the last {window_s:.0f} s ({self.prometheus.url})"
            raise NoMetricsError(message)
        values = self.prometheus.read_now(f"min({_UP})", at_s=at_s)
        if set(values.values()) != {1.0}:
            message = f"the gateway's last scrape failed ({self.prometheus.url})"
            raise NoMetricsError(message)

    def _samples(self, metric: str, more: str, span: Span) -> tuple[Series, ...]:
        # Some scrapes more, so that the value from which a counter rose into the history is known.
        begin_s = span.begin_s - _HISTORY_S - _STALE_SCRAPES * self.scrape_interval_s
        found: list[Series] = []
        for colour in Colour:
            selector = f"{metric}{{{self._service(colour)}{more}}}"
            series = self.prometheus.read_samples(selector, begin_s=begin_s, end_s=span.end_s)
            found += [Series({**each.labels, "colour": colour.value}, each.samples) for each in series]
        return tuple(found)

    def _slow_edge(self, at_s: float) -> str | None:
        selector = f"{_DURATIONS}{{{self._service(self.canary.other)}}}"
        query = f"sum by (le) (increase({selector}[{_HISTORY_S:.0f}s]))"
        found = self.prometheus.read_now(query, at_s=at_s)
        return choose_edge({dict(labels)["le"]: value for labels, value in found.items()}, floor_s=self.slow_floor_s)

    def _service(self, colour: Colour) -> str:
        # Seen with Traefik 3.7: "httproute-<route>-...-svc-<namespace>-<service>-<number>@kubernetesgateway".
        return f'service=~".*-{service_name(self.app, colour)}-.*"'
