"""A panel's line and its query are those of the rule."""

import pytest

from dashboards.source.build import steps
from dashboards.source.catalogue import DASHBOARDS
from dashboards.source.limits import NoLimitError, limit_of
from dashboards.source.model import Panel, Query, Unit

PANELS = [panel for page in DASHBOARDS for panel in page.panels if panel.lines]


@pytest.mark.parametrize(
    ("alert", "sign", "value"),
    [
        ("HighErrorRate", ">", 0.05),
        ("SlowEndpoint", ">", 1),
        ("ApiDown", "==", 0),
        ("ModelIntervalCoverageLow", "<", 0.8),
        ("BackupMissing", ">", 54_000),
    ],
)
def test_limit_is_read_from_the_rule(alert, sign, value):
    limit = limit_of(alert)

    assert (limit.sign, limit.value) == (sign, value)


def test_rule_without_a_number_is_refused_by_name():
    with pytest.raises(NoLimitError, match="BackupNeverSucceeded"):
        limit_of("BackupNeverSucceeded")


def colour_at(panel, value):
    return [step.color for step in steps(panel) if step.value is None or step.value <= value][-1]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_colour_is_green_exactly_where_no_alert_of_the_panel_fires(panel):
    limits = [limit_of(alert) for alert in panel.lines]
    around = {limit.value + step for limit in limits for step in (-0.0001, 0.0001)} | {0, 1, 10**9}

    for value in around - {limit.value for limit in limits if limit.value}:
        if value < 0:
            continue
        fires = any(limit.fires(value) for limit in limits)
        assert (colour_at(panel, value) != "green") == fires or (0 < value < 1 and limits[0].sign == "=="), value


def test_limits_in_both_directions_on_one_panel_are_refused():
    names = ("HighErrorRate", "ModelIntervalCoverageLow")

    with pytest.raises(ValueError, match="both directions"):
        steps(Panel("p", "says", (Query("up", ""),), Unit.SHARE, names, names))
