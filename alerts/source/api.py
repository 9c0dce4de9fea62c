"""The API as its users feel it: reachable, without errors, fast. Limits named in issue text are marked as such."""

from __future__ import annotations

from alerts.source.families import recordings
from alerts.source.model import Alert, RuleFile, Scene, Series, Severity, Team
from alerts.source.slo import ERRORS, LATENCY, budget_alerts, traffic

# Asked for: errors over 5 % of requests in 5 minutes.
ERROR_SHARE = 0.05
# Asked for: a mean over one second.
SLOW_MEAN_S = 1.0
# Chosen: below this many requests in 5 minutes a single error would be a share of 5 %.
_MINIMUM_REQUESTS = 20
_FIVE_MINUTES_S = 300
# Every service that answers users; the second job is that of the CryoProtect API where it is deployed.
_API_JOBS = "model-server|cryoprotect-api"
_PREDICTIONS = {"app": "model-server", "colour": "blue", "service": "model-server"}


def _targets(alive: float) -> Series:
    return {
        'up{job="model-server", app="model-server", colour="blue", instance="a"}': f"{alive:g}",
        'up{job="model-server", app="model-server", colour="green", instance="b"}': "0",
    }


def _unreachable(name: str, for_s: int, *, summary: str) -> Alert:
    labels = {"job": "model-server", "service": "model-server"}
    return Alert(
        name=name,
        severity=Severity.CRITICAL,
        service="{{ $labels.job }}",
        team=Team.PLATFORM,
        # The second half fires when every target has vanished, which leaves nothing to compare with zero.
        expr=f'sum by (job) (up{{job=~"{_API_JOBS}"}}) == 0\nor absent(up{{job="model-server"}})',
        for_s=for_s,
        summary=summary,
        description=f"No target of {{{{ $labels.job }}}}, of either colour, has answered a scrape for {for_s} s.",
        scenes=(Scene(_targets, over=0, limit=1, healthy=1, labels=labels, settle_s=0),),
        fires_without_data=(labels,),
    )


def _api_traffic(share: float) -> Series:
    """Return the CryoProtect API's own family with a share of errors, a sample a minute."""
    counter = 'app_request_count_total{app="cryoprotect-api", method="GET", endpoint="/api/v1/mixtures", status='
    return {f'{counter}"200"}}': f"0+{600 * (1 - share):g}", f'{counter}"500"}}': f"0+{600 * share:g}"}


def _few_requests(in_five_minutes: float) -> Series:
    counter = 'cryo_model_requests_total{app="model-server", colour="blue", route="/api/v1/predictions", status='
    each = f"0+{in_five_minutes / 10:g}"
    return {f'{counter}"200"}}': each, f'{counter}"503"}}': each}


def _few_at_the_gateway(in_five_minutes: float) -> Series:
    counter = 'traefik_entrypoint_requests_total{job="gateway", entrypoint="web", method="GET", code='
    each = f"0+{in_five_minutes / 10:g}"
    return {f'{counter}"200"}}': each, f'{counter}"503"}}': each}


HIGH_ERROR_RATE = Alert(
    name="HighErrorRate",
    severity=Severity.CRITICAL,
    service="{{ $labels.app }}",
    team=Team.PLATFORM,
    expr=(
        f"app:http_errors:ratio_rate5m > {ERROR_SHARE}\n"
        f"and app:http_requests:rate5m * {_FIVE_MINUTES_S} > {_MINIMUM_REQUESTS}"
    ),
    for_s=120,
    summary="More than 5 % of the requests fail",
    description=(
        "{{ $value | humanizePercentage }} of the requests to {{ $labels.app }} ({{ $labels.colour }}) in the last 5 "
        "minutes were answered with 5xx; the limit is 5 %."
    ),
    scenes=(
        Scene(_few_requests, over=22, limit=18, healthy=1, labels=_PREDICTIONS, settle_s=360, name="few"),
        Scene(
            lambda share: traffic(ERRORS, share=share, per_sample=600),
            over=0.054,
            limit=0.0499,
            healthy=0.001,
            labels=_PREDICTIONS,
        ),
        Scene(
            _api_traffic,
            over=0.054,
            limit=0.0499,
            healthy=0.001,
            labels={"app": "cryoprotect-api", "service": "cryoprotect-api"},
            name="cryoprotect-api",
        ),
    ),
    keep_firing_s=60,
)


def _mean_latency(mean_s: float) -> Series:
    labels = 'app="model-server", colour="blue", route="/api/v1/predictions"'
    histogram = "cryo_model_request_duration_seconds"
    return {f"{histogram}_sum{{{labels}}}": f"0+{mean_s * 60:g}", f"{histogram}_count{{{labels}}}": "0+60"}


def _api_latency(mean_s: float) -> Series:
    labels = 'app="cryoprotect-api", method="GET", endpoint="/api/v1/mixtures"'
    histogram = "app_request_latency_seconds"
    return {f"{histogram}_sum{{{labels}}}": f"0+{mean_s * 60:g}", f"{histogram}_count{{{labels}}}": "0+60"}


SLOW_ENDPOINT = Alert(
    name="SlowEndpoint",
    severity=Severity.WARNING,
    service="{{ $labels.app }}",
    team=Team.PLATFORM,
    expr=f"app_route:http_request_duration_seconds:mean5m > {SLOW_MEAN_S:g}",
    for_s=300,
    summary="An endpoint needs more than a second on average",
    description=(
        "{{ $labels.route }} of {{ $labels.app }} ({{ $labels.colour }}) took {{ $value | humanizeDuration }} on "
        "average over 5 minutes; the limit is 1 s."
    ),
    scenes=(
        Scene(
            _mean_latency,
            over=1.1,
            limit=0.999,
            healthy=0.02,
            labels={**_PREDICTIONS, "route": "/api/v1/predictions"},
        ),
        Scene(
            _api_latency,
            over=1.1,
            limit=0.999,
            healthy=0.02,
            labels={"app": "cryoprotect-api", "route": "/api/v1/mixtures", "service": "cryoprotect-api"},
            name="cryoprotect-api",
        ),
    ),
)

TARGET_MISSING = Alert(
    name="ApiTargetMissing",
    severity=Severity.WARNING,
    service="{{ $labels.job }}",
    team=Team.PLATFORM,
    expr=f'count by (job, colour) (up{{job=~"{_API_JOBS}"}} == 0)',
    for_s=300,
    summary="Some pods of the API do not answer scrapes",
    description="{{ $value }} targets of {{ $labels.job }} ({{ $labels.colour }}) have not answered for 5 minutes.",
    scenes=(
        Scene(
            lambda alive: {
                'up{job="model-server", colour="blue", instance="a"}': "1",
                'up{job="model-server", colour="blue", instance="b"}': f"{alive:g}",
            },
            over=0,
            limit=1,
            healthy=1,
            labels={"job": "model-server", "colour": "blue", "service": "model-server"},
            beside={'up{job="another"}': "0"},
        ),
    ),
)


def _few_errors(per_hour: float) -> Series:
    errors = per_hour / 12
    counter = 'cryo_model_requests_total{app="model-server", colour="blue", route="/api/v1/predictions", status='
    return {f'{counter}"200"}}': "0+10", f'{counter}"503"}}': f"0+{errors:g}"}


LOW_TRAFFIC = Alert(
    name="ApiErrorsAtLowTraffic",
    severity=Severity.WARNING,
    service="{{ $labels.app }}",
    team=Team.PLATFORM,
    # Where too few ask for a burn rate, errors are counted instead of divided.
    expr=(
        "app:http_errors:ratio_rate1h * app:http_requests:rate1h * 3600 > 5\nand app:http_requests:rate1h * 3600 < 1200"
    ),
    for_s=900,
    summary="Several requests failed although few were made",
    description=(
        "{{ $value | humanize }} requests to {{ $labels.app }} ({{ $labels.colour }}) failed in the "
        "last hour, in which "
        "fewer than 1,200 were made; burn rates say nothing about so few."
    ),
    scenes=(Scene(_few_errors, over=6, limit=4.9, healthy=0, labels=_PREDICTIONS, settle_s=3600),),
)

TRAFFIC_DROP = Alert(
    name="ApiTrafficDrop",
    severity=Severity.WARNING,
    service="{{ $labels.app }}",
    team=Team.PLATFORM,
    # Summed over colours, because a release moves the traffic and loses none.
    expr=(
        "sum by (app) (app:http_requests:rate30m)\n"
        "< 0.1 * sum by (app) (app:http_requests:rate30m offset 1d)\n"
        "and sum by (app) (app:http_requests:rate30m offset 1d) > 0.2"
    ),
    for_s=900,
    summary="Traffic fell to a tenth of yesterday's at this hour",
    description="{{ $labels.app }} gets {{ $value | humanize }} requests/s, less than a tenth of 24 hours ago.",
    scenes=(
        Scene(
            lambda per_sample: {
                # A day of 600 requests in each 5 minutes, then another number.
                'cryo_model_requests_total{app="model-server", route="/api/v1/predictions", status="200"}': (
                    f"0+600x288 172800+{per_sample:g}"
                )
            },
            over=55,
            limit=61,
            healthy=600,
            labels={"app": "model-server", "service": "model-server"},
            begins_s=86400 + 1500,
            settle_s=86400 + 2100,
        ),
    ),
)


def _gateway_codes(share: float) -> Series:
    counter = 'traefik_entrypoint_requests_total{job="gateway", app="gateway", entrypoint="web", method="GET", code='
    return {f'{counter}"200"}}': f"0+{600 * (1 - share):g}", f'{counter}"503"}}': f"0+{600 * share:g}"}


GATEWAY_ERRORS = Alert(
    name="GatewayErrorRate",
    severity=Severity.CRITICAL,
    service="gateway",
    team=Team.PLATFORM,
    expr=(
        'sum by (job) (rate(traefik_entrypoint_requests_total{code=~"5..", entrypoint!="metrics"}[5m]))\n'
        '/ sum by (job) (rate(traefik_entrypoint_requests_total{entrypoint!="metrics"}[5m]))\n'
        f"> {ERROR_SHARE}\n"
        'and sum by (job) (increase(traefik_entrypoint_requests_total{entrypoint!="metrics"}[5m]))\n'
        f"> {_MINIMUM_REQUESTS}"
    ),
    for_s=120,
    summary="More than 5 % of what users ask the gateway fails",
    description=(
        "The gateway answered {{ $value | humanizePercentage }} of the requests of the last 5 minutes "
        "with 5xx, its own "
        "answers for missing backends included; the limit is 5 %."
    ),
    scenes=(
        Scene(_few_at_the_gateway, over=22, limit=18, healthy=1, labels={"job": "gateway"}, settle_s=360, name="few"),
        Scene(_gateway_codes, over=0.054, limit=0.0499, healthy=0.001, labels={"job": "gateway"}, settle_s=120),
    ),
    keep_firing_s=60,
)

GATEWAY_DOWN = Alert(
    name="GatewayDown",
    severity=Severity.CRITICAL,
    service="gateway",
    team=Team.PLATFORM,
    expr='sum by (job) (up{job="gateway"}) == 0\nor absent(up{job="gateway"})',
    for_s=20,
    summary="No gateway answers, so users reach nothing",
    description="No target of the gateway has answered a scrape for 20 s.",
    scenes=(
        Scene(
            lambda alive: {'up{job="gateway", instance="a"}': f"{alive:g}"},
            over=0,
            limit=1,
            healthy=1,
            labels={"job": "gateway"},
            settle_s=0,
            beside={'up{job="another"}': "0"},
        ),
    ),
    fires_without_data=({"job": "gateway"},),
)

FILE = RuleFile(
    name="api",
    component="api",
    recordings=recordings(),
    alerts=(
        # Two ages of one fact: the first is as early as two scrapes allow, the second is the limit that was asked for.
        _unreachable("ApiUnreachable", 20, summary="Nothing of the API answers"),
        _unreachable("ApiDown", 60, summary="The API has been down for a minute"),
        TARGET_MISSING,
        HIGH_ERROR_RATE,
        SLOW_ENDPOINT,
        LOW_TRAFFIC,
        TRAFFIC_DROP,
        *budget_alerts(ERRORS),
        *budget_alerts(LATENCY),
        GATEWAY_ERRORS,
        GATEWAY_DOWN,
    ),
)
