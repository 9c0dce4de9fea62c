"""What every dashboard keeps: files are what the source says, no panel without data, no alert without panel."""

import json
from pathlib import Path

import promql_parser
import pytest
import yaml

from alerts.source.catalogue import FILES, all_alerts
from alerts.source.metrics import AFTERWARDS, ALWAYS
from alerts.source.promql import metrics_of
from dashboards.lint import expand, faults, queries
from dashboards.source.build import RUNBOOKS, render
from dashboards.source.catalogue import DASHBOARDS

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "dashboards" / "generated"
PAGES = {page.name: json.loads(render(page)) for page in DASHBOARDS}
RECORDED = {recording.name for file in FILES for recording in file.recordings}
# Prometheus makes it itself for every alert.
KNOWN = set(ALWAYS) | set(AFTERWARDS) | RECORDED | {"ALERTS"}
# `vector(1)` asks no metric; its panel shows the alert.
WITHOUT_METRIC = {"Watchdog"}
named = pytest.mark.parametrize("name", sorted(PAGES))


def asked(expr: str) -> set[str]:
    return metrics_of(expand(expr))


@pytest.mark.parametrize("page", DASHBOARDS, ids=lambda page: page.name)
def test_committed_file_is_what_the_source_says(page):
    assert (GENERATED / f"{page.name}.json").read_text() == render(page), "run `python -m dashboards`"


def test_no_file_lies_there_that_the_source_does_not_know():
    assert {path.stem for path in GENERATED.iterdir()} == set(PAGES)
    assert len({page["uid"] for page in PAGES.values()}) == len(DASHBOARDS)


@named
def test_page_keeps_every_rule(name):
    assert faults(PAGES[name]) == []


@named
def test_page_asks_only_for_metrics_that_something_emits(name):
    strange = {title: missing for title, expr in queries(PAGES[name]) if (missing := asked(expr) - KNOWN)}

    assert strange == {}


@named
def test_links_of_a_page_lead_to_runbooks_that_exist(name):
    urls = {link["url"] for panel in PAGES[name]["panels"] for link in panel.get("links", [])}

    assert urls
    assert {url for url in urls if not (ROOT / url.removeprefix("${runbooks}")).is_file()} == set()


@pytest.mark.parametrize("alert", all_alerts(), ids=lambda alert: alert.name)
def test_every_alert_has_a_panel_that_shows_a_metric_of_its_rule(alert):
    panels = [panel for page in DASHBOARDS for panel in page.panels if alert.name in panel.alerts]

    assert panels
    for panel in panels:
        shown = set[str]().union(*(asked(query.expr) for query in panel.queries))
        assert alert.name in WITHOUT_METRIC or shown & metrics_of(alert.expr)


def test_annotations_ask_for_metrics_that_exist():
    exprs = [each["expr"] for page in PAGES.values() for each in page["annotations"]["list"]]

    assert len(exprs) == 2 * len(DASHBOARDS)
    assert {name for expr in exprs for name in metrics_of(expr)} <= KNOWN
    assert all(promql_parser.parse(expr) for expr in exprs)


def test_runbooks_lie_where_the_environment_says():
    base = yaml.safe_load((ROOT / "environments" / "base.yaml").read_text())

    assert RUNBOOKS in {section.get("runbooks") for section in base.values() if isinstance(section, dict)}
