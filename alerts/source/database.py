"""The database as the services that use it feel it: reached, answering in time, with connections to spare.

Numbers that only the server knows, such as its locks, are the health agent's.
"""

from __future__ import annotations

from functools import partial

from alerts.source.model import Alert, RuleFile, Scene, Series, Severity, Team

_alert = partial(Alert, service="postgres", team=Team.DATA)
_CLIENT = {"app": "flags"}


def _reads(succeed: float) -> Series:
    counter = 'cryo_flags_refreshes_total{app="flags", pod="a", outcome='
    # A sample is ten seconds, in which the flags are read twice.
    return {f'{counter}"failed"}}': f"0+{2 - 2 * succeed:g}", f'{counter}"unchanged"}}': f"0+{2 * succeed:g}"}


def _latency(mean_s: float) -> Series:
    labels = 'app="flags", query="read_snapshot"'
    histogram = "cryo_db_query_duration_seconds"
    return {f"{histogram}_sum{{{labels}}}": f"0+{mean_s * 12:g}", f"{histogram}_count{{{labels}}}": "0+12"}


def _pool(waiting: float) -> Series:
    labels = 'app="flags", pod="a"'
    return {f"cryo_db_pool_waiting_connections{{{labels}}}": f"{waiting:g}"}


def _errors(share: float) -> Series:
    labels = 'app="flags", query="read_snapshot"'
    return {
        f'cryo_db_errors_total{{{labels}, sqlstate_class="57"}}': f"0+{60 * share:g}",
        f"cryo_db_query_duration_seconds_count{{{labels}}}": "0+60",
    }


def _volume(free_share: float) -> Series:
    labels = 'namespace="cryoprotect", persistentvolumeclaim="data-postgres-0"'
    return {
        f"kubelet_volume_stats_available_bytes{{{labels}}}": f"{free_share * 1000:g}",
        f"kubelet_volume_stats_capacity_bytes{{{labels}}}": "1000",
    }


FILE = RuleFile(
    name="database",
    component="database",
    alerts=(
        _alert(
            name="DatabaseUnreachable",
            severity=Severity.CRITICAL,
            # The flags service reads every five seconds, so that half a minute without one success is no accident.
            expr=(
                "sum by (app) (rate(cryo_flags_refreshes_total[30s])) > 0\n"
                "unless on (app)\n"
                'sum by (app) (rate(cryo_flags_refreshes_total{outcome=~"changed|unchanged"}[30s])) > 0'
            ),
            for_s=10,
            summary="A service that asks the database every five seconds has had no answer",
            description=(
                "Every read of {{ $labels.app }} has failed for half a minute; it tries {{ $value | humanize }} "
                "times a second."
            ),
            scenes=(Scene(_reads, over=0, limit=0.1, healthy=1, labels=_CLIENT, begins_s=10, settle_s=10),),
        ),
        _alert(
            name="DatabaseQueriesSlow",
            severity=Severity.WARNING,
            expr=(
                "sum by (app, query) (rate(cryo_db_query_duration_seconds_sum[10m]))\n"
                "/ sum by (app, query) (rate(cryo_db_query_duration_seconds_count[10m]))\n"
                "> 0.5"
            ),
            for_s=600,
            summary="A query takes more than half a second on average",
            description=(
                "{{ $labels.query }} of {{ $labels.app }} takes {{ $value | humanizeDuration }}; the limit is 0.5 s."
            ),
            scenes=(
                Scene(_latency, over=0.55, limit=0.499, healthy=0.002, labels={**_CLIENT, "query": "read_snapshot"}),
            ),
        ),
        _alert(
            name="DatabaseErrors",
            severity=Severity.WARNING,
            expr=(
                "sum by (app) (rate(cryo_db_errors_total[10m]))\n"
                "/ sum by (app) (rate(cryo_db_query_duration_seconds_count[10m]))\n"
                "> 0.05"
            ),
            for_s=300,
            summary="More than 5 % of a service's queries fail",
            description=(
                "{{ $value | humanizePercentage }} of the queries of {{ $labels.app }} failed; the limit is 5 %."
            ),
            scenes=(Scene(_errors, over=0.055, limit=0.0499, healthy=0, labels=_CLIENT),),
        ),
        _alert(
            name="DatabasePoolExhausted",
            severity=Severity.CRITICAL,
            expr="max by (app, pod) (min_over_time(cryo_db_pool_waiting_connections[2m])) > 0",
            for_s=180,
            summary="Callers wait for a database connection without a pause",
            description="{{ $value }} callers in {{ $labels.pod }} have been waiting for a connection for 5 minutes.",
            scenes=(Scene(_pool, over=1, limit=0, healthy=0, labels={**_CLIENT, "pod": "a"}, settle_s=0),),
        ),
        _alert(
            name="DatabaseVolumeFilling",
            severity=Severity.CRITICAL,
            expr=(
                "min by (persistentvolumeclaim) (\n"
                '  kubelet_volume_stats_available_bytes{persistentvolumeclaim=~".*postgres.*"}\n'
                "  / kubelet_volume_stats_capacity_bytes\n"
                ") < 0.1"
            ),
            for_s=300,
            summary="The database's volume has less than a tenth of its room left",
            description="{{ $labels.persistentvolumeclaim }} has {{ $value | humanizePercentage }} of its room left.",
            scenes=(
                Scene(
                    _volume,
                    over=0.09,
                    limit=0.1,
                    healthy=0.6,
                    labels={"persistentvolumeclaim": "data-postgres-0"},
                    settle_s=0,
                    beside={
                        'kubelet_volume_stats_available_bytes{persistentvolumeclaim="other"}': "1",
                        'kubelet_volume_stats_capacity_bytes{persistentvolumeclaim="other"}': "1000",
                    },
                ),
            ),
        ),
    ),
)
