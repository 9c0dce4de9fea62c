"""What Grafana forgives and people do not: rules over the JSON of a dashboard, each a pure function.

Cited: the rules of grafana/dashboard-linter, docs/index.md. Left out are its LogQL rules, because there is no log
store, and its `job` and `instance` variables, because these pages choose by service and colour.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import promql_parser

Page = Mapping[str, Any]
# Chosen: a page that is read at night fits on two screens.
MAX_PANELS = 20
_GRID_WIDTH = 24
_SOURCE = "${datasource}"
_ON_TIME_CHANGE = 2
_BUILT_IN = MappingProxyType({"$__rate_interval": "5m", "$__interval": "1m", "$__range": "1h"})
_COUNTER = re.compile(r"\b(\w+_total)\b")
_COUNTED = re.compile(r"\b(?:rate|increase|irate|resets|absent)\(\s*(\w+_total)\b")
_WINDOW = re.compile(r"\[([^\]]+)\]")


def expand(expr: str, choices: Mapping[str, str] | None = None) -> str:
    """Return a query as Prometheus gets it, with `.*` for every choice that is not given."""
    for name, value in {**_BUILT_IN, **(choices or {})}.items():
        expr = expr.replace(name if name.startswith("$") else f"${name}", value)
    return re.sub(r"\$\{?\w+\}?", ".*", expr)


def queries(page: Page) -> Iterator[tuple[str, str]]:
    """Yield each panel's title with each of its queries."""
    for panel in page["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def has_stable_uid(page: Page) -> Iterator[str]:
    """A page without uid gets a new one at each start, and every link to it breaks."""
    if not re.fullmatch(r"[a-z0-9-]{1,40}", page.get("uid") or ""):
        yield f"uid {page.get('uid')!r}"


def cannot_be_edited(page: Page) -> Iterator[str]:
    """Changes made in the browser are lost at the next start."""
    if page.get("editable", True):
        yield "editable"


def has_source_variable(page: Page) -> Iterator[str]:
    """The environment is chosen by its data source."""
    kinds = [each["type"] for each in _variables(page) if each["name"] == "datasource"]
    if kinds != ["datasource"]:
        yield "no variable `datasource`"


def needs_no_import(page: Page) -> Iterator[str]:
    """Provisioning never fills `__inputs`, and their panels ask nothing."""
    if "__inputs" in page:
        yield "__inputs"


def choices_follow_time(page: Page) -> Iterator[str]:
    """A colour that appeared after the page was opened has to be offered."""
    for each in _variables(page):
        if each["type"] == "query" and each.get("refresh") != _ON_TIME_CHANGE:
            yield each["name"]


def choices_use_source(page: Page) -> Iterator[str]:
    """A list of choices comes from the chosen environment."""
    for each in _variables(page):
        if each["type"] == "query" and each.get("datasource", {}).get("uid") != _SOURCE:
            yield each["name"]


def variables_exist(page: Page) -> Iterator[str]:
    """A variable that nobody defined stays in the query as text and matches nothing."""
    known = {each["name"] for each in _variables(page)} | {name.removeprefix("$") for name in _BUILT_IN}
    for title, expr in queries(page):
        for name in re.findall(r"\$\{?(\w+)", expr):
            if name not in known:
                yield f"{title}: ${name}"


def panels_use_source(page: Page) -> Iterator[str]:
    """A panel bound to one data source shows another environment's data."""
    for panel in page["panels"]:
        if any(each.get("datasource", {}).get("uid") != _SOURCE for each in (panel, *panel.get("targets", []))):
            yield panel["title"]


def panels_are_explained(page: Page) -> Iterator[str]:
    """Title and description are there, and they differ."""
    for panel in page["panels"]:
        title, says = panel.get("title"), panel.get("description")
        if not title or not says or title == says:
            yield f"{panel['id']}: {title!r}"


def titles_are_unique(page: Page) -> Iterator[str]:
    """Two panels of one title cannot be told apart in a message."""
    titles = [panel.get("title") for panel in page["panels"]]
    yield from {title for title in titles if titles.count(title) > 1}


def panels_have_units(page: Page) -> Iterator[str]:
    """A number without unit is read as whatever the reader expects."""
    for panel in page["panels"]:
        if not panel.get("fieldConfig", {}).get("defaults", {}).get("unit"):
            yield panel["title"]


def panels_ask(page: Page) -> Iterator[str]:
    """A panel has at least one query, each of its own letter."""
    for panel in page["panels"]:
        letters = [target.get("refId") for target in panel.get("targets", [])]
        if not letters or len(set(letters)) != len(letters):
            yield panel["title"]


def queries_parse(page: Page) -> Iterator[str]:
    """Every query is PromQL once its variables are filled in."""
    for title, expr in queries(page):
        try:
            promql_parser.parse(expand(expr))
        except ValueError as error:
            yield f"{title}: {error}"


def choices_match_by_pattern(page: Page) -> Iterator[str]:
    """Several choices at once become a pattern, which `=` compares as text."""
    for title, expr in queries(page):
        for label, sign in re.findall(r'(\w+)\s*(=~|!~|=|!=)\s*"\$', expr):
            if sign not in {"=~", "!~"}:
                yield f"{title}: {label}{sign}"


def counters_are_counted(page: Page) -> Iterator[str]:
    """The height of a counter says when its process started, not what happens."""
    for title, expr in queries(page):
        for counter in set(_COUNTER.findall(expr)) - set(_COUNTED.findall(expr)):
            yield f"{title}: {counter}"


def rates_are_not_of_sums(page: Page) -> Iterator[str]:
    """A restart inside a sum looks like a fall of all, so rates come first."""
    for title, expr in queries(page):
        if re.search(r"\b(?:rate|increase)\(\s*(?:sum|max|min|avg)\b", expr):
            yield title


def windows_are_rules_or_adapt(page: Page) -> Iterator[str]:
    """A window fits the zoom; one that is written out is that of an alert, whose runbook the panel links."""
    for panel in page["panels"]:
        fixed = [
            window
            for target in panel.get("targets", [])
            for window in _WINDOW.findall(target["expr"])
            if not window.startswith("$__")
        ]
        if fixed and not panel.get("links"):
            yield f"{panel['title']}: {fixed}"


def fits(page: Page) -> Iterator[str]:
    """At most 20 panels, inside the grid and none above another."""
    if len(page["panels"]) > MAX_PANELS:
        yield f"{len(page['panels'])} panels"
    taken: set[tuple[int, int]] = set()
    for panel in page["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        if cells & taken or at["x"] + at["w"] > _GRID_WIDTH:
            yield f"{panel['title']}: place {at}"
        taken |= cells


def ids_are_unique(page: Page) -> Iterator[str]:
    """A link to a panel holds its id."""
    ids = [panel.get("id") for panel in page["panels"]]
    yield from {str(each) for each in ids if ids.count(each) > 1 or not each}


RULES: tuple[Callable[[Page], Iterator[str]], ...] = (
    has_stable_uid,
    cannot_be_edited,
    has_source_variable,
    needs_no_import,
    choices_follow_time,
    choices_use_source,
    variables_exist,
    panels_use_source,
    panels_are_explained,
    titles_are_unique,
    panels_have_units,
    panels_ask,
    queries_parse,
    choices_match_by_pattern,
    counters_are_counted,
    rates_are_not_of_sums,
    windows_are_rules_or_adapt,
    fits,
    ids_are_unique,
)


def faults(page: Page) -> list[str]:
    """Return what is wrong, each with the name of its rule; empty when nothing is."""
    return [f"{rule.__name__}: {fault}" for rule in RULES for fault in rule(page)]


def _variables(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.get("templating", {}).get("list", [])
    return found
