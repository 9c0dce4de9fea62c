"""One shape for the request metrics of every service, so that a rule is written once.

Three families exist: the model server's, the flags service's, and that of the CryoProtect API, which names its metrics
`app_*` and its routes `endpoint`. A family that nobody emits adds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from alerts.source.model import Recording

# Probes and scrapes are not what users feel, and would dilute the share of errors.
_NOT_USERS = "/?(livez|readyz|startupz|healthz|health|metrics)"
SHORT = "5m"
# Cited: the windows of the SRE workbook, chapter "Alerting on SLOs".
WINDOWS = (SHORT, "30m", "1h", "2h", "6h", "1d", "3d")


@dataclass(frozen=True, slots=True)
class Family:
    """The request metrics of one service.

    Attributes:
        requests: counter with `status`.
        durations: histogram.
        route: label that holds the route template.
        edge: bucket edge that divides fast from slow requests; it has to exist in the histogram.
    """

    requests: str
    durations: str
    route: str
    edge: str

    def select(self, metric: str, *more: str) -> str:
        """Return a selector of what users asked."""
        matchers = ", ".join((f'{self.route}!~"{_NOT_USERS}"', *more))
        return f"{metric}{{{matchers}}}"

    def rate(self, metric: str, by: str, window: str, *more: str) -> str:
        """Return the rate of a counter, summed by these labels, with the route under its common name."""
        rate = f"rate({self.select(metric, *more)}[{window}])"
        if "route" in by and self.route != "route":
            rate = f'label_replace({rate}, "route", "$1", "{self.route}", "(.+)")'
        return f"sum by ({by}) ({rate})"


# Chosen edges: half a second for what computes or asks a database, a quarter for flags, which answer from memory.
FAMILIES = (
    Family("cryo_model_requests_total", "cryo_model_request_duration_seconds", "route", "0.5"),
    Family("cryo_flags_requests_total", "cryo_flags_request_duration_seconds", "route", "0.25"),
    Family("app_request_count_total", "app_request_latency_seconds", "endpoint", "0.5"),
)
_APP, _ROUTE = "app, colour", "app, colour, route"


def recordings() -> tuple[Recording, ...]:
    """Return the common metrics: rates and shares by service and colour for each window, and means by route."""
    found = [
        Recording("app_route:http_requests:rate5m", _union("requests", _ROUTE, SHORT)),
        Recording("app_route:http_request_duration_seconds:mean5m", _mean()),
    ]
    for window in WINDOWS:
        requests = f"app:http_requests:rate{window}"
        found += [
            Recording(requests, _union("requests", _APP, window)),
            Recording(f"app:http_errors:ratio_rate{window}", _share(requests, _union("errors", _APP, window))),
            Recording(f"app:http_slow:ratio_rate{window}", _share(requests, _union("slow", _APP, window))),
        ]
    return tuple(found)


def _union(what: str, by: str, window: str) -> str:
    return "\nor\n".join(_one(family, what, by, window) for family in FAMILIES)


def _one(family: Family, what: str, by: str, window: str) -> str:
    if what == "requests":
        return family.rate(family.requests, by, window)
    if what == "errors":
        return family.rate(family.requests, by, window, 'status=~"5.."')
    all_of_them = family.rate(f"{family.durations}_count", by, window)
    fast = family.rate(f"{family.durations}_bucket", by, window, f'le="{family.edge}"')
    return f"({all_of_them} - {fast})"


def _share(requests: str, part: str) -> str:
    # A service without one error has no series of errors: its share is zero, not unknown.
    return f"((\n{part}\n) or {requests} * 0)\n/ {requests}"


def _mean() -> str:
    def mean(family: Family) -> str:
        total = family.rate(f"{family.durations}_sum", _ROUTE, SHORT)
        return f"{total}\n/ {family.rate(f'{family.durations}_count', _ROUTE, SHORT)}"

    return "\nor\n".join(mean(family) for family in FAMILIES)
