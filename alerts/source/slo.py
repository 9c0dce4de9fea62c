"""Alerts on how fast an error budget burns: several windows, several rates, and never on a handful of requests.

Source: SRE workbook, "Alerting on SLOs", multiwindow multi-burn-rate alerts; the factors hold for a 30-day budget.
"""

from __future__ import annotations

from dataclasses import dataclass

from alerts.source.model import Alert, Scene, Series, Severity, Team

# Chosen: with fewer requests in the short window one error would be a burn; errors at low traffic have their own alert.
MINIMUM_REQUESTS = 100


@dataclass(frozen=True, slots=True)
class Objective:
    """What share of requests may be bad.

    Attributes:
        name: start of the alerts' names.
        metric: recorded share, without its window.
        target: share of good requests, such as 0.999.
        bad: what a bad request is, in words.
    """

    name: str
    metric: str
    target: float
    bad: str


@dataclass(frozen=True, slots=True)
class Burn:
    """One pair of windows and the burn rate that both have to exceed."""

    suffix: str
    long: str
    short: str
    factor: float
    for_s: int
    severity: Severity
    budget: str


BURNS = (
    Burn("BurnFast", "1h", "5m", 14.4, 120, Severity.CRITICAL, "2 % of the month's budget in an hour"),
    Burn("BurnSlow", "6h", "30m", 6, 900, Severity.CRITICAL, "5 % of the month's budget in six hours"),
    Burn("TicketFast", "1d", "2h", 3, 3600, Severity.WARNING, "10 % of the month's budget in a day"),
    Burn("TicketSlow", "3d", "6h", 1, 10800, Severity.WARNING, "10 % of the month's budget in three days"),
)
ERRORS = Objective("ApiErrorBudget", "app:http_errors:ratio_rate", 0.999, "failed with 5xx")
LATENCY = Objective("ApiLatencyBudget", "app:http_slow:ratio_rate", 0.99, "were slower than their objective")


def budget_alerts(objective: Objective) -> tuple[Alert, ...]:
    """Return the four alerts of an objective."""
    return tuple(_alert(objective, burn) for burn in BURNS)


def _alert(objective: Objective, burn: Burn) -> Alert:
    limit = round(burn.factor * (1 - objective.target), 6)
    seconds = _seconds(burn.short)
    floor = f"app:http_requests:rate{burn.short} * {seconds} > {MINIMUM_REQUESTS}"
    return Alert(
        name=f"{objective.name}{burn.suffix}",
        severity=burn.severity,
        service="{{ $labels.app }}",
        team=Team.PLATFORM,
        expr=(
            f"{objective.metric}{burn.long} > {limit:g}\nand {objective.metric}{burn.short} > {limit:g}\nand {floor}"
        ),
        for_s=burn.for_s,
        summary=f"Requests {objective.bad}: {burn.budget}",
        description=(
            f"{{{{ $value | humanizePercentage }}}} of the requests to {{{{ $labels.app }}}} "
            f"({{{{ $labels.colour }}}}) {objective.bad} in the last {burn.long}; the limit is {limit:.2%} "
            f"({burn.factor:g} times the budget), in {burn.long} and in {burn.short}."
        ),
        scenes=_scenes(objective, limit),
    )


def _scenes(objective: Objective, limit: float) -> tuple[Scene, ...]:
    def series(share: float) -> Series:
        return traffic(objective, share=share, per_sample=6000)

    labels = {"app": "model-server", "colour": "blue", "service": "model-server"}
    return (Scene(series, over=limit * 1.1, limit=limit * 0.99, healthy=limit / 10, labels=labels, settle_s=300),)


def traffic(objective: Objective, *, share: float, per_sample: float) -> Series:
    """Return series of the model server in which this share of the requests of each sample is bad."""
    bad = round(share * per_sample, 6)
    good = round(per_sample - bad, 6)
    labels = 'app="model-server", colour="blue", route="/api/v1/predictions"'
    if objective is ERRORS:
        counter = f'cryo_model_requests_total{{{labels}, method="POST", status='
        return {f'{counter}"200"}}': f"0+{good}", f'{counter}"503"}}': f"0+{bad}"}
    counter = f'cryo_model_requests_total{{{labels}, status="200"}}'
    histogram = "cryo_model_request_duration_seconds"
    return {
        counter: f"0+{per_sample}",
        f"{histogram}_count{{{labels}}}": f"0+{per_sample}",
        f'{histogram}_bucket{{{labels}, le="0.5"}}': f"0+{good}",
    }


def _seconds(window: str) -> int:
    return int(window[:-1]) * {"m": 60, "h": 3600, "d": 86400}[window[-1]]
