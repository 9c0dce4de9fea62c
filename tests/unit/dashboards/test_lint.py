"""Each rule lets the committed pages pass and finds the one thing that it is for."""

import copy
import json
from pathlib import Path

import pytest

from dashboards.lint import RULES, expand, faults

GENERATED = Path(__file__).resolve().parents[3] / "dashboards" / "generated"
GOOD = json.loads((GENERATED / "api.json").read_text())


def put(*path_and_value):
    *path, last, value = path_and_value

    def change(page):
        for step in path:
            page = page[step]
        page[last] = value

    return change


def ask(expr):
    return put("panels", 0, "targets", 0, "expr", expr)


def variable(name, key, value):
    def change(page):
        next(each for each in page["templating"]["list"] if each["name"] == name)[key] = value

    return change


def unlinked(page):
    page["panels"][0]["links"] = []
    ask("rate(up_total[5m])")(page)


BROKEN = {
    "has_stable_uid": [put("uid", ""), put("uid", "With Space")],
    "cannot_be_edited": [put("editable", True)],
    "has_source_variable": [variable("datasource", "name", "source"), variable("datasource", "type", "custom")],
    "needs_no_import": [put("__inputs", [])],
    "choices_follow_time": [variable("colour", "refresh", 1)],
    "choices_use_source": [variable("colour", "datasource", {"uid": "prometheus"})],
    "variables_exist": [ask('up{env=~"$env"}'), ask('up{env=~"${env}"}')],
    "panels_use_source": [
        put("panels", 0, "datasource", {"uid": "prometheus"}),
        put("panels", 0, "targets", 0, "datasource", {"uid": "prometheus"}),
    ],
    "panels_are_explained": [put("panels", 0, "description", ""), put("panels", 0, "title", "")],
    "titles_are_unique": [put("panels", 0, "title", GOOD["panels"][1]["title"])],
    "panels_have_units": [put("panels", 0, "fieldConfig", "defaults", "unit", "")],
    "panels_ask": [put("panels", 0, "targets", [])],
    "queries_parse": [ask("sum by (app")],
    "choices_match_by_pattern": [ask('up{colour="$colour"}'), ask('up{colour!="$colour"}')],
    "counters_are_counted": [ask("sum(cryo_flags_refreshes_total)")],
    "rates_are_not_of_sums": [ask("rate(sum by (app) (up)[5m:1m])")],
    "windows_are_rules_or_adapt": [unlinked],
    "fits": [put("panels", 0, "gridPos", GOOD["panels"][1]["gridPos"]), put("panels", 0, "gridPos", "w", 25)],
    "ids_are_unique": [put("panels", 0, "id", 2), put("panels", 0, "id", None)],
}
CASES = [(rule, change) for rule in RULES for change in BROKEN[rule.__name__]]


def test_every_rule_has_a_page_that_breaks_it():
    assert set(BROKEN) == {rule.__name__ for rule in RULES}


@pytest.mark.parametrize(("rule", "change"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_rule_passes_the_good_page_and_finds_its_fault(rule, change):
    broken = copy.deepcopy(GOOD)
    change(broken)

    assert list(rule(GOOD)) == []
    assert list(rule(broken)) != []


def test_too_many_panels_are_refused():
    broken = {**GOOD, "panels": GOOD["panels"] * 3}

    assert "fits: 21 panels" in faults(broken)


def test_expand_fills_in_what_grafana_would():
    expr = 'rate(a_total{app=~"$app", colour=~"${colour}"}[$__rate_interval])'

    assert expand(expr, {"app": "flags"}) == 'rate(a_total{app=~"flags", colour=~".*"}[5m])'
