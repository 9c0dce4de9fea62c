"""API: rate, errors and duration by service and route, and the gateway before them."""

from dashboards.source.model import Dashboard, Panel, Query, Unit, watched

_CHOSEN = '{app=~"$app", colour=~"$colour"}'
_WHO = "{{app}} {{colour}}"

DASHBOARD = Dashboard(
    name="api",
    title="API",
    says="Which service and which route fails or is slow, and whether the gateway or the service is the cause.",
    panels=(
        Panel(
            "Requests per second by route",
            "Where the load is. A route that vanished from here is not asked any more, or fails before its service.",
            (Query(f"app_route:http_requests:rate5m{_CHOSEN}", f"{_WHO} {{{{route}}}}"),),
            Unit.PER_SECOND,
        ),
        Panel(
            "Share of failed requests, 5 m",
            "5xx answers of each service. Over the line for two minutes HighErrorRate wakes somebody.",
            (Query(f"app:http_errors:ratio_rate5m{_CHOSEN}", _WHO),),
            Unit.SHARE,
            ("HighErrorRate",),
            ("HighErrorRate",),
        ),
        Panel(
            "Mean duration by route, 5 m",
            "Which route is slow. Over the line for five minutes SlowEndpoint fires.",
            (Query(f"app_route:http_request_duration_seconds:mean5m{_CHOSEN}", f"{_WHO} {{{{route}}}}"),),
            Unit.SECONDS,
            ("SlowEndpoint",),
            ("SlowEndpoint",),
        ),
        Panel(
            "Failed requests in the last hour",
            "For times of little traffic, when a share says nothing: the errors themselves.",
            (Query(f"app:http_errors:ratio_rate1h{_CHOSEN} * app:http_requests:rate1h{_CHOSEN} * 3600", _WHO),),
            Unit.COUNT,
            ("ApiErrorsAtLowTraffic",),
            ("ApiErrorsAtLowTraffic",),
        ),
        Panel(
            "Targets by colour",
            "Pods that answer scrapes, of each colour. A colour that falls has pods that do not answer.",
            (Query('count by (job, colour) (up{colour=~"$colour", job="model-server"} == 1)', "{{job}} {{colour}}"),),
            Unit.COUNT,
            ("ApiTargetMissing",),
        ),
        watched(
            "GatewayErrorRate",
            "Share of failed requests at the gateway",
            "Includes the gateway's own answers for missing backends; higher than the services' share means these.",
            Unit.SHARE,
            "{{job}}",
        ),
        Panel(
            "Requests per second at the gateway by answer",
            "What the gateway answered, by status. 502 and 503 without errors of a service are missing backends.",
            (
                Query(
                    "sum by (code) (rate(traefik_entrypoint_requests_total"
                    '{job="gateway", entrypoint!="metrics"}[$__rate_interval]))',
                    "{{code}}",
                ),
            ),
            Unit.PER_SECOND,
        ),
    ),
)
