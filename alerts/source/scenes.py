"""promtool tests from the scenes of the alerts: firing, pending, at the limit, healthy and without any data.

What fires is read from the series `ALERTS`, so that a test says which labels an alert has and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from alerts.source.model import Alert, RuleFile, Series

# Alerts that must be fast are judged every 10 s, others every minute, and those that take an hour every five.
FAST_S, CALM_S, SLOW_S = 10, 60, 300
_HOUR_S = 3600
# Chosen: long enough that an alert that should stay silent would have fired in it.
_MARGIN_S = 120


def test_files(file: RuleFile) -> Mapping[int, dict[str, Any]]:
    """Return the promtool documents of a rule file by the seconds between two evaluations."""
    found: dict[int, dict[str, Any]] = {}
    for pace in (FAST_S, CALM_S, SLOW_S):
        tests = [test for alert in file.alerts if pace_of(alert) == pace for test in _tests(alert, file, pace)]
        if tests:
            found[pace] = {
                "rule_files": [f"../rules/{file.name}_alerts.yml"],
                "evaluation_interval": f"{pace}s",
                "tests": tests,
            }
    return found


def pace_of(alert: Alert) -> int:
    """Return the seconds between two evaluations at which an alert's `for` can be told from a neighbour."""
    if any(max(alert.for_s, scene.settle_s) >= _HOUR_S for scene in alert.scenes):
        return SLOW_S
    return CALM_S if alert.for_s % CALM_S == 0 else FAST_S


def _tests(alert: Alert, file: RuleFile, pace: int) -> Iterator[dict[str, Any]]:
    for scene in alert.scenes:
        fires_at = scene.settle_s + alert.for_s
        late = fires_at + max(_MARGIN_S, pace)
        firing = [_show(_labels(alert, file.component, scene.labels))]
        at = _Moment(f"{alert.name}, {scene.name}", alert.name, pace, scene.beside)
        yield at.test("fires", scene.series(scene.over), fires_at, firing)
        if scene.begins_s + alert.for_s > pace:
            yield at.test("waits", scene.series(scene.over), scene.begins_s + alert.for_s - pace, [])
        if scene.over != scene.limit:
            yield at.test("limit", scene.series(scene.limit), late, [])
            yield at.test("healthy", scene.series(scene.healthy), late, [])
    yield _without_data(alert, file, pace)


@dataclass(frozen=True, slots=True)
class _Moment:
    """What the tests of one scene share."""

    name: str
    alert: str
    pace: int
    beside: Series

    def test(self, end: str, series: Series, at_s: int, firing: list[str]) -> dict[str, Any]:
        """Return one test: with these series exactly these alerts fire at this second."""
        count, shown = at_s // self.pace + 1, {**self.beside, **series}
        query = f'ALERTS{{alertname="{self.alert}", alertstate="firing"}}'
        samples = [{"labels": labels, "value": 1} for labels in firing]
        return {
            "name": f"{self.name}: {end}",
            "interval": f"{self.pace}s",
            "input_series": [{"series": key, "values": f"{value}x{count}"} for key, value in shown.items()],
            "promql_expr_test": [{"expr": query, "eval_time": f"{at_s}s", "exp_samples": samples}],
        }


def _without_data(alert: Alert, file: RuleFile, pace: int) -> dict[str, Any]:
    given = [] if alert.fires_without_data is None else alert.fires_without_data
    firing = [_show(_labels(alert, file.component, labels)) for labels in given]
    return _Moment(alert.name, alert.name, pace, {}).test("no data", {}, alert.for_s + max(_MARGIN_S, pace), firing)


def _labels(alert: Alert, component: str, seen: Mapping[str, str]) -> Mapping[str, str]:
    static = {
        "alertname": alert.name,
        "alertstate": "firing",
        "severity": alert.severity.value,
        "component": component,
        "team": alert.team.value,
    }
    if not alert.service.startswith("{{"):
        static["service"] = alert.service
    return {**seen, **static}


def _show(labels: Mapping[str, str]) -> str:
    shown = ", ".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"ALERTS{{{shown}}}"
