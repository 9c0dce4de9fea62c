"""What changed between two reports, and how a report looks in a browser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.health.definition import Profile
from agents.health.findings import Report, Status, count_statuses, describe, judge, worst
from agents.health.page import draw_line, render_page
from agents.health.registry import load_checks
from agents.health.reports import Difference, Entry, compare_reports, trend
from agents.health.routes import Route, match_path

RULE, EMPTY = load_checks()["schema.rule"], load_checks()["schema.no_primary_key"]


def report_of(*outcomes) -> Report:
    return Report(
        status=worst(each.status for each in outcomes), profile=Profile.FULL, groups=(),
        taken_at="2026-01-01T00:00:00.000Z", duration_ms=12.0, database="cryo", server_version="17.11",
        counts=count_statuses(outcomes), outcomes=outcomes,
    )  # fmt: skip


def found(check, *objects):
    return judge(check, [{"object": name} for name in objects], len(objects), accept=(), duration_ms=1)


def test_a_finding_is_new_or_gone_only_where_both_looked():
    before = report_of(found(RULE, "public.a", "public.b"), found(EMPTY, "public.c"))
    after = report_of(found(RULE, "public.b", "public.d"), describe(EMPTY, Status.SKIPPED, reason="no"))

    assert compare_reports(before, after) == Difference(("schema.rule: public.d",), ("schema.rule: public.a",))
    assert compare_reports(before, before) == Difference((), ())


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=50))
def test_a_line_stays_in_its_box(values):
    points = [tuple(map(float, point.split(","))) for point in draw_line(values).split()]

    assert len(points) == len(values)
    assert all(0 <= x <= 120 and 0 <= y <= 24 for x, y in points)


def test_a_trend_is_told_from_the_oldest_on():
    entries = [
        Entry(id=2, created_at="b", profile="full", status=Status.WARN, duration_ms=1, found={"schema": 3}),
        Entry(id=1, created_at="a", profile="full", status=Status.OK, duration_ms=1, found={"indexes": 1}),
    ]

    assert trend(entries) == {"indexes": [1, 0], "schema": [0, 3]}


def test_a_page_stands_alone_and_escapes_what_it_shows():
    nasty = 'public."<script>alert(1)</script>"'

    page = render_page(report_of(found(RULE, nasty)), difference=Difference((nasty,), ()), trends={"schema": [1, 2]})

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http-equiv", "")
    assert RULE.remedy in page.replace("&#39;", "'")
    assert "<polyline" in page


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/system/reports", (Route.REPORTS, 0)),
        ("/api/v1/system/reports/7", (Route.REPORT, 7)),
        ("/api/v1/system/reports/0", (Route.UNMATCHED, 0)),
        ("/api/v1/system/reports/7x", (Route.UNMATCHED, 0)),
        ("/api/v1/system/reports/9999999999999999999", (Route.UNMATCHED, 0)),
        ("/livez", (Route.LIVE, 0)),
        ("/livez/", (Route.UNMATCHED, 0)),
    ],
)
def test_a_path_is_one_route_or_none(path, expected):
    """Report 0 was once answered with the list of all."""
    assert match_path(path) == expected
