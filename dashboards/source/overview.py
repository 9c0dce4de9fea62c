"""Overview: are users served, and how much of the error budget is left."""

from dashboards.source.model import Dashboard, Panel, Query, Unit, watched

_CHOSEN = '{app=~"$app", colour=~"$colour"}'
_WHO = "{{app}} {{colour}}"
_WINDOWS = (("1h", "BurnFast"), ("6h", "BurnSlow"), ("1d", "TicketFast"), ("3d", "TicketSlow"))


def _burns(objective: str, metric: str, bad: str) -> tuple[Panel, ...]:
    return tuple(
        Panel(
            title=f"Share of requests that {bad}, {window}",
            says=f"How fast the budget burns. Over the line, for long enough, {objective}{suffix} fires.",
            queries=(Query(f"{metric}{window}{_CHOSEN}", _WHO),),
            unit=Unit.SHARE,
            alerts=(f"{objective}{suffix}",),
            lines=(f"{objective}{suffix}",),
        )
        for window, suffix in _WINDOWS
    )


DASHBOARD = Dashboard(
    name="overview",
    title="Overview and objectives",
    says="Are users served, and how fast is the error budget used? Everything else explains this page.",
    panels=(
        Panel(
            "Alerts that fire now",
            "Empty when nothing is wrong but for the Watchdog, which always fires; its absence is the worst sign.",
            (Query('count by (alertname, severity) (ALERTS{alertstate="firing"})', "{{severity}} {{alertname}}"),),
            Unit.COUNT,
            ("Watchdog",),
        ),
        watched(
            "ApiDown",
            "API targets that answer",
            "How many pods of each API answer scrapes; at zero nobody is served.",
            Unit.COUNT,
            "{{job}}",
        ).with_line("ApiUnreachable"),
        watched(
            "GatewayDown",
            "Gateway targets that answer",
            "How many gateways answer scrapes; at zero users reach nothing.",
            Unit.COUNT,
            "{{job}}",
        ),
        Panel(
            "Requests per second",
            "What users ask, without probes and scrapes. Compare with the same hour of yesterday.",
            (
                Query(f"app:http_requests:rate5m{_CHOSEN}", _WHO),
                Query('sum by (app) (app:http_requests:rate30m{app=~"$app"} offset 1d)', "{{app}} yesterday"),
            ),
            Unit.PER_SECOND,
            ("ApiTrafficDrop",),
        ),
        *_burns("ApiErrorBudget", "app:http_errors:ratio_rate", "failed"),
        *_burns("ApiLatencyBudget", "app:http_slow:ratio_rate", "were too slow"),
    ),
)
