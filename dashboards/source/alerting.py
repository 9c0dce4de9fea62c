"""Alerting health: would somebody be told."""

from dashboards.source.limits import ALERTS
from dashboards.source.model import Dashboard, Panel, Query, Unit, watched

_YES = "Zero is an old configuration in force."

DASHBOARD = Dashboard(
    name="alerting",
    title="Alerting health",
    says="Whether alerts are evaluated, sent and delivered; a broken watcher looks like a quiet day.",
    panels=(
        Panel(
            "Targets that answer, by job",
            "A job that is gone from here is not watched.",
            (Query("sum by (job) (up)", "{{job}}"),),
            Unit.COUNT,
        ),
        Panel(
            "Metrics that rules miss",
            "One line for each metric that has vanished, whose rules cannot fire. Empty when all is well.",
            (Query(ALERTS["RuleMetricMissing"].expr, "{{job}} {{metric}}"),),
            Unit.COUNT,
            ("RuleMetricMissing",),
        ),
        watched("TargetScrapeSlow", "Scrape duration, 15 m", "Cut off at 5 s.", Unit.SECONDS, "{{job}}"),
        watched("PrometheusConfigReloadFailed", "Prometheus configuration in force", _YES, Unit.YES_NO, "{{job}}"),
        watched(
            "PrometheusRuleFailures",
            "Failed rule evaluations in 5 m",
            "What a failing rule watches is unwatched.",
            Unit.COUNT,
            "{{job}}",
        ),
        watched(
            "PrometheusMissesEvaluations",
            "Missed evaluations in 5 m",
            "Rules take longer than their interval.",
            Unit.COUNT,
            "{{job}}",
        ),
        watched(
            "PrometheusHasNoAlertmanager",
            "Alertmanagers known",
            "At zero no alert leaves Prometheus.",
            Unit.COUNT,
            "{{job}}",
        ),
        watched(
            "PrometheusCannotSendAlerts",
            "Share of alerts that could not be sent",
            "Between Prometheus and Alertmanager. Without a value nothing was sent.",
            Unit.SHARE,
            "{{job}}",
        ),
        watched("AlertmanagerDown", "Alertmanagers that answer", "At zero nobody is told.", Unit.COUNT, "{{job}}"),
        watched("AlertmanagerConfigRejected", "Alertmanager configuration in force", _YES, Unit.YES_NO, "{{job}}"),
        watched(
            "AlertmanagerCannotDeliver",
            "Share of notifications that failed",
            "By way of delivery. Without a value nothing was to be delivered.",
            Unit.SHARE,
            "{{integration}}",
        ),
        watched(
            "PrometheusStorageFailing",
            "Failed compactions in 30 m",
            "Any is a full or broken volume.",
            Unit.COUNT,
            "{{job}}",
        ),
    ),
)
