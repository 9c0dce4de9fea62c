"""The watchers themselves: a heartbeat, Prometheus, Alertmanager, and metrics that vanished."""

from __future__ import annotations

from functools import partial

from alerts.source.metrics import ALWAYS
from alerts.source.model import Alert, RuleFile, Scene, Series, Severity, Team

_JOB = {"job": "prometheus"}
# Chosen: targets, rules and a first scrape are there within minutes of a start.
_MISSING_FOR_S = 900


_alert = partial(Alert, service="prometheus", team=Team.PLATFORM)


def _rising(series: str, *, over: float = 1, settle_s: int = 120) -> Scene:
    """Return the scene of a counter that must stand still."""

    def rise(by: float) -> Series:
        return {f'{series}{{job="prometheus"}}': f"0+{by:g}"}

    return Scene(rise, over=over, limit=0, healthy=0, labels=_JOB, settle_s=settle_s, name=series)


def _metric_missing() -> Alert:
    """Return one alert with an absent twin for every metric that something must always emit."""
    twins = [
        f'label_replace(absent({name}{{job="{job}"}}), "metric", "{name}", "", "")'
        for name, job in sorted(ALWAYS.items())
    ]

    def all_but_one(exists: float) -> Series:
        first, *others = sorted(ALWAYS.items())
        shown = [first, *others] if exists else others
        return {f'{name}{{job="{job}"}}': "1" for name, job in shown}

    name, job = min(ALWAYS.items())
    scene = Scene(all_but_one, over=0, limit=1, healthy=1, labels={"metric": name, "job": job}, settle_s=0)
    return Alert(
        name="RuleMetricMissing",
        severity=Severity.WARNING,
        service="prometheus",
        team=Team.PLATFORM,
        expr="\nor ".join(twins),
        for_s=_MISSING_FOR_S,
        summary="A metric that rules ask for is no longer scraped",
        description="{{ $labels.metric }} of {{ $labels.job }} has been absent for 15 minutes; its rules cannot fire.",
        scenes=(scene,),
        fires_without_data=tuple({"metric": name, "job": job} for name, job in sorted(ALWAYS.items())),
    )


FILE = RuleFile(
    name="meta",
    component="monitoring",
    alerts=(
        _alert(
            name="Watchdog",
            severity=Severity.NONE,
            expr="vector(1)",
            for_s=0,
            summary="The heartbeat of alerting; its silence is the alarm",
            description="Always fires. Whoever waits for it outside pages when it stops.",
            scenes=(Scene(lambda _: {}, over=1, limit=1, healthy=1),),
            fires_without_data=({},),
        ),
        _alert(
            name="PrometheusConfigReloadFailed",
            severity=Severity.CRITICAL,
            expr="max_over_time(prometheus_config_last_reload_successful[5m]) == 0",
            for_s=300,
            summary="Prometheus runs an old configuration",
            description=(
                "The last reload of the configuration or of the rules failed; changes since then are not in force."
            ),
            scenes=(
                Scene(
                    lambda good: {'prometheus_config_last_reload_successful{job="prometheus"}': f"{good:g}"},
                    over=0,
                    limit=1,
                    healthy=1,
                    labels=_JOB,
                    settle_s=0,
                ),
            ),
        ),
        _alert(
            name="PrometheusRuleFailures",
            severity=Severity.CRITICAL,
            expr="sum by (job) (increase(prometheus_rule_evaluation_failures_total[5m])) > 0",
            for_s=300,
            summary="Rules fail to evaluate",
            description=(
                "{{ $value | humanize }} rule evaluations failed in 5 minutes; what those rules watch is unwatched."
            ),
            scenes=(_rising("prometheus_rule_evaluation_failures_total"),),
        ),
        _alert(
            name="PrometheusMissesEvaluations",
            severity=Severity.WARNING,
            expr="sum by (job) (increase(prometheus_rule_group_iterations_missed_total[5m])) > 0",
            for_s=900,
            summary="Rules take longer than their interval",
            description="{{ $value | humanize }} evaluations were skipped in 5 minutes; alerts come late.",
            scenes=(_rising("prometheus_rule_group_iterations_missed_total"),),
        ),
        _alert(
            name="PrometheusHasNoAlertmanager",
            severity=Severity.CRITICAL,
            expr="max_over_time(prometheus_notifications_alertmanagers_discovered[5m]) == 0",
            for_s=300,
            summary="Prometheus knows no Alertmanager, so no alert leaves it",
            description=(
                "No Alertmanager has been found for 5 minutes. This alert itself reaches people by the heartbeat."
            ),
            scenes=(
                Scene(
                    lambda found: {'prometheus_notifications_alertmanagers_discovered{job="prometheus"}': f"{found:g}"},
                    over=0,
                    limit=1,
                    healthy=1,
                    labels=_JOB,
                    settle_s=0,
                ),
            ),
        ),
        _alert(
            name="PrometheusCannotSendAlerts",
            severity=Severity.CRITICAL,
            expr=(
                "sum by (job) (rate(prometheus_notifications_errors_total[5m]))\n"
                "/ sum by (job) (rate(prometheus_notifications_sent_total[5m])) > 0.1"
            ),
            for_s=300,
            summary="Alerts do not arrive at Alertmanager",
            description=(
                "{{ $value | humanizePercentage }} of the alerts sent to Alertmanager failed; the limit is 10 %."
            ),
            scenes=(
                Scene(
                    lambda share: {
                        'prometheus_notifications_errors_total{job="prometheus"}': f"0+{60 * share:g}",
                        'prometheus_notifications_sent_total{job="prometheus"}': "0+60",
                    },
                    over=0.11,
                    limit=0.099,
                    healthy=0,
                    labels=_JOB,
                    settle_s=60,
                ),
            ),
        ),
        _alert(
            name="AlertmanagerDown",
            severity=Severity.CRITICAL,
            expr='sum by (job) (up{job="alertmanager"}) == 0',
            for_s=300,
            summary="Alertmanager does not answer, so nobody is told of anything",
            description="No Alertmanager has answered a scrape for 5 minutes; the heartbeat has stopped as well.",
            scenes=(
                Scene(
                    lambda alive: {'up{job="alertmanager", instance="a"}': f"{alive:g}"},
                    over=0,
                    limit=1,
                    healthy=1,
                    labels={"job": "alertmanager"},
                    settle_s=0,
                    beside={'up{job="another"}': "0"},
                ),
            ),
        ),
        _alert(
            name="AlertmanagerCannotDeliver",
            severity=Severity.CRITICAL,
            expr=(
                "sum by (job, integration) (rate(alertmanager_notifications_failed_total[5m]))\n"
                "/ sum by (job, integration) (rate(alertmanager_notifications_total[5m])) > 0.01"
            ),
            for_s=120,
            summary="Messages are refused or lost on one channel",
            description=(
                "{{ $value | humanizePercentage }} of what was sent by {{ $labels.integration }} failed in 5 minutes; "
                "other channels still deliver."
            ),
            scenes=(
                Scene(
                    lambda share: {
                        'alertmanager_notifications_failed_total{job="alertmanager", integration="email"}': (
                            f"0+{60 * share:g}"
                        ),
                        'alertmanager_notifications_total{job="alertmanager", integration="email"}': "0+60",
                    },
                    over=0.011,
                    limit=0.0099,
                    healthy=0,
                    labels={"job": "alertmanager", "integration": "email"},
                    settle_s=60,
                ),
            ),
            keep_firing_s=300,
        ),
        _alert(
            name="AlertmanagerConfigRejected",
            severity=Severity.CRITICAL,
            expr="max_over_time(alertmanager_config_last_reload_successful[5m]) == 0",
            for_s=300,
            summary="Alertmanager runs an old configuration",
            description="The last reload of Alertmanager's configuration failed; changed routes are not in force.",
            scenes=(
                Scene(
                    lambda good: {'alertmanager_config_last_reload_successful{job="alertmanager"}': f"{good:g}"},
                    over=0,
                    limit=1,
                    healthy=1,
                    labels={"job": "alertmanager"},
                    settle_s=0,
                ),
            ),
        ),
        _alert(
            name="PrometheusStorageFailing",
            severity=Severity.CRITICAL,
            expr=(
                "sum by (job) (increase(prometheus_tsdb_compactions_failed_total[30m])) > 0\n"
                "or sum by (job) (increase(prometheus_tsdb_wal_corruptions_total[30m])) > 0"
            ),
            for_s=0,
            summary="Prometheus cannot keep its data in order",
            description="{{ $value | humanize }} compactions failed, or the write-ahead log was found corrupt.",
            scenes=(
                _rising("prometheus_tsdb_compactions_failed_total"),
                _rising("prometheus_tsdb_wal_corruptions_total"),
            ),
        ),
        _alert(
            name="TargetScrapeSlow",
            severity=Severity.WARNING,
            expr="max by (job) (avg_over_time(scrape_duration_seconds[15m])) > 3",
            for_s=900,
            summary="A target takes so long to answer that scrapes will soon time out",
            description="Scrapes of {{ $labels.job }} take {{ $value | humanizeDuration }}; they are cut off at 5 s.",
            scenes=(
                Scene(
                    lambda seconds: {'scrape_duration_seconds{job="model-server", instance="a"}': f"{seconds:g}"},
                    over=3.1,
                    limit=3,
                    healthy=0.02,
                    labels={"job": "model-server"},
                    settle_s=0,
                ),
            ),
        ),
        _metric_missing(),
    ),
)
