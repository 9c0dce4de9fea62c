"""Predictions: served by the right version, in time, and for molecules that the models know."""

from __future__ import annotations

from functools import partial

from alerts.source.model import Alert, RuleFile, Scene, Series, Severity, Team

_MODEL = {"model": "tg", "version": "1.1.0"}
_SELECT = 'model="tg", version="1.1.0"'


_alert = partial(Alert, service="model-server", team=Team.MODELS)


def _inferences(failing: float) -> Series:
    counter = f'cryo_model_infer_requests_total{{job="model-server", {_SELECT}, outcome='
    return {
        f'{counter}"success", reason=""}}': f"0+{600 * (1 - failing):g}",
        f'{counter}"failure", reason="internal_error"}}': f"0+{600 * failing:g}",
        # What callers got wrong is not the model's failure.
        f'{counter}"failure", reason="bad_request"}}': "0+600",
    }


def _few_inferences(in_five_minutes: float) -> Series:
    counter = f"cryo_model_infer_requests_total{{{_SELECT}, outcome="
    each = in_five_minutes / 10
    return {
        f'{counter}"success", reason=""}}': f"0+{each:g}",
        f'{counter}"failure", reason="internal_error"}}': f"0+{each:g}",
    }


def _few_slow_inferences(in_ten_minutes: float) -> Series:
    histogram = "cryo_model_infer_duration_seconds"
    return {
        f"{histogram}_count{{{_SELECT}}}": f"0+{in_ten_minutes / 10:g}",
        f'{histogram}_bucket{{{_SELECT}, le="0.25"}}': f"0+{in_ten_minutes / 20:g}",
    }


def _slow_inferences(share: float) -> Series:
    histogram = "cryo_model_infer_duration_seconds"
    return {
        f"{histogram}_count{{{_SELECT}}}": "0+600",
        f'{histogram}_bucket{{{_SELECT}, le="0.25"}}': f"0+{600 * (1 - share):g}",
    }


FILE = RuleFile(
    name="model",
    component="model",
    alerts=(
        _alert(
            name="ModelNotReady",
            severity=Severity.CRITICAL,
            expr="min by (model, colour, pod) (cryo_model_ready) == 0",
            for_s=300,
            summary="A model that should be served is not loaded",
            description=(
                "{{ $labels.pod }} ({{ $labels.colour }}) has not had {{ $labels.model }} loaded for 5 minutes."
            ),
            scenes=(
                Scene(
                    lambda ready: {'cryo_model_ready{model="tg", colour="blue", pod="a"}': f"{ready:g}"},
                    over=0,
                    limit=1,
                    healthy=1,
                    labels={"model": "tg", "colour": "blue", "pod": "a"},
                    settle_s=0,
                ),
            ),
        ),
        _alert(
            name="ModelInferenceFailing",
            severity=Severity.CRITICAL,
            expr=(
                'sum by (model, version) (rate(cryo_model_infer_requests_total{outcome="failure", '
                'reason!~"bad_request|unknown_model|disabled"}[5m]))\n'
                "/ sum by (model, version) (rate(cryo_model_infer_requests_total[5m]))\n"
                "> 0.05\n"
                "and sum by (model, version) (increase(cryo_model_infer_requests_total[5m])) > 20"
            ),
            for_s=120,
            summary="More than 5 % of a model's inferences fail by its own fault",
            description=(
                "{{ $value | humanizePercentage }} of the inferences of {{ $labels.model }} {{ $labels.version "
                "}} failed; "
                "the limit is 5 %."
            ),
            # Two thirds of the requests are good ones here, and as many are bad requests: the share is of all.
            scenes=(
                Scene(_few_inferences, over=22, limit=18, healthy=1, labels=_MODEL, settle_s=360, name="few"),
                Scene(_inferences, over=0.108, limit=0.099, healthy=0.001, labels=_MODEL, settle_s=120),
            ),
        ),
        _alert(
            name="ModelInferenceSlow",
            severity=Severity.WARNING,
            expr=(
                '1 - sum by (model, version) (rate(cryo_model_infer_duration_seconds_bucket{le="0.25"}[10m]))\n'
                "/ sum by (model, version) (rate(cryo_model_infer_duration_seconds_count[10m]))\n"
                "> 0.05\n"
                "and sum by (model, version) (increase(cryo_model_infer_duration_seconds_count[10m])) > 100"
            ),
            for_s=600,
            summary="More than 5 % of a model's inferences take longer than a quarter of a second",
            description=(
                "{{ $value | humanizePercentage }} of the inferences of {{ $labels.model }} {{ $labels.version }} took "
                "over 0.25 s in 10 minutes; the limit is 5 %."
            ),
            scenes=(
                Scene(_few_slow_inferences, over=110, limit=90, healthy=1, labels=_MODEL, settle_s=660, name="few"),
                Scene(
                    _slow_inferences,
                    over=0.055,
                    limit=0.0499,
                    healthy=0.001,
                    labels=_MODEL,
                    settle_s=120,
                    beside={f'cryo_model_infer_duration_seconds_bucket{{{_SELECT}, le="+Inf"}}': "0+600"},
                ),
            ),
        ),
        _alert(
            name="ModelQueueBacklog",
            severity=Severity.WARNING,
            expr="max by (colour, pod) (min_over_time(cryo_model_queue_rows[2m])) > 256",
            for_s=180,
            summary="Rows wait for the model longer than batches take",
            description="{{ $value }} rows have been waiting in {{ $labels.pod }}; a batch holds at most 256.",
            scenes=(
                Scene(
                    lambda rows: {'cryo_model_queue_rows{colour="blue", pod="a"}': f"{rows:g}"},
                    over=260,
                    limit=256,
                    healthy=0,
                    labels={"colour": "blue", "pod": "a"},
                    settle_s=0,
                ),
            ),
        ),
        _alert(
            name="ModelVersionMismatch",
            severity=Severity.WARNING,
            expr=('count by (model) (count by (model, version) (cryo_model_loaded{alias="champion"} == 1)) > 1'),
            for_s=1800,
            summary="Two versions of a model answer as champion",
            description="{{ $value }} versions of {{ $labels.model }} have been champion at once for half an hour.",
            scenes=(
                Scene(
                    lambda other: {
                        'cryo_model_loaded{model="tg", version="1.1.0", alias="champion", colour="blue"}': "1",
                        'cryo_model_loaded{model="tg", version="1.0", alias="champion", colour="green"}': f"{other:g}",
                    },
                    over=1,
                    limit=0,
                    healthy=0,
                    labels={"model": "tg"},
                    settle_s=0,
                    beside={'cryo_model_loaded{model="tg", version="0.9.0", alias="challenger"}': "1"},
                ),
            ),
        ),
        _alert(
            name="ModelLoadFailing",
            severity=Severity.WARNING,
            expr='sum by (model, version) (increase(cryo_model_loads_total{outcome="failure"}[15m])) > 0',
            for_s=0,
            summary="A version of a model could not be loaded",
            description="Loading {{ $labels.model }} {{ $labels.version }} failed in the last 15 minutes.",
            scenes=(
                Scene(
                    lambda failures: {f'cryo_model_loads_total{{{_SELECT}, outcome="failure"}}': f"0+{failures:g}"},
                    over=1,
                    limit=0,
                    healthy=0,
                    labels=_MODEL,
                    settle_s=120,
                    beside={f'cryo_model_loads_total{{{_SELECT}, outcome="success"}}': "0+1"},
                ),
            ),
        ),
        _alert(
            name="ModelOutOfDomainHigh",
            severity=Severity.WARNING,
            expr="max by (model, version) (cryo_model_out_of_domain_share) > 0.5\n"
            "and max by (model, version) (cryo_model_drift_samples) >= 200",
            for_s=3600,
            summary="Most questions are about molecules that the model has never seen anything like",
            description=(
                "{{ $value | humanizePercentage }} of the questions to {{ $labels.model }} {{ $labels.version }} are "
                "outside its domain; the limit is 50 %."
            ),
            scenes=(
                Scene(
                    lambda questions: {
                        f"cryo_model_out_of_domain_share{{{_SELECT}}}": "0.9",
                        f"cryo_model_drift_samples{{{_SELECT}}}": f"{questions:g}",
                    },
                    over=200,
                    limit=199,
                    healthy=10,
                    labels=_MODEL,
                    settle_s=0,
                    name="few",
                ),
                Scene(
                    lambda share: {
                        f"cryo_model_out_of_domain_share{{{_SELECT}}}": f"{share:g}",
                        f"cryo_model_drift_samples{{{_SELECT}}}": "200",
                    },
                    over=0.55,
                    limit=0.5,
                    healthy=0.1,
                    labels=_MODEL,
                    settle_s=0,
                ),
            ),
        ),
        _alert(
            name="ModelDrift",
            severity=Severity.WARNING,
            expr="max by (model, version) (cryo_model_drift_alarm) > 0",
            for_s=3600,
            summary="What is asked has left the training data",
            description="The drift test of {{ $labels.model }} {{ $labels.version }} has held its alarm for an hour.",
            scenes=(
                Scene(
                    lambda alarm: {f"cryo_model_drift_alarm{{{_SELECT}}}": f"{alarm:g}"},
                    over=1,
                    limit=0,
                    healthy=0,
                    labels=_MODEL,
                    settle_s=0,
                ),
            ),
        ),
        _alert(
            name="ModelIntervalCoverageLow",
            severity=Severity.WARNING,
            expr="max by (model, version) (cryo_model_label_coverage) < 0.8\n"
            "and max by (model, version) (cryo_model_label_count) >= 50",
            for_s=3600,
            summary="Measurements fall outside the predicted intervals too often",
            description=(
                "{{ $value | humanizePercentage }} of the measurements lie inside the 90 % intervals of "
                "{{ $labels.model }} {{ $labels.version }}; the limit is 80 %."
            ),
            scenes=(
                Scene(
                    lambda labels: {
                        f"cryo_model_label_coverage{{{_SELECT}}}": "0.5",
                        f"cryo_model_label_count{{{_SELECT}}}": f"{labels:g}",
                    },
                    over=50,
                    limit=49,
                    healthy=5,
                    labels=_MODEL,
                    settle_s=0,
                    name="few",
                ),
                Scene(
                    lambda coverage: {
                        f"cryo_model_label_coverage{{{_SELECT}}}": f"{coverage:g}",
                        f"cryo_model_label_count{{{_SELECT}}}": "50",
                    },
                    over=0.78,
                    limit=0.8,
                    healthy=0.9,
                    labels=_MODEL,
                    settle_s=0,
                ),
            ),
        ),
    ),
)
