"""How rows become an answer, and answers one answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.health.definition import Profile
from agents.health.findings import Acceptance, Report, Status, count_statuses, describe, judge, worst
from agents.health.registry import load_checks
from agents.health.rendering import render_report

CHECK = load_checks()["indexes.foreign_key_without_index"]
ROW = {
    "object": "public.a / a_b_fkey",
    "table": "public.a",
    "columns": "b_id",
    "parent": "public.b",
    "fix_sql": "create index concurrently on public.a (b_id)",
}


def report_of(*outcomes) -> Report:
    return Report(
        status=worst(each.status for each in outcomes),
        profile=Profile.FULL,
        groups=(),
        taken_at="2026-01-01T00:00:00.000Z",
        duration_ms=12.0,
        database="cryo",
        server_version="17.11",
        counts=count_statuses(outcomes),
        outcomes=outcomes,
    )


@given(st.lists(st.sampled_from(list(Status)), max_size=8))
def test_the_worst_status_wins_and_skipping_everything_is_not_ok(statuses):
    looked_at = [each for each in statuses if each is not Status.SKIPPED]

    expected = max(looked_at, key=lambda each: each.rank) if looked_at else Status.UNKNOWN

    assert worst(statuses) is expected


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("info", 0), ("warn", 1), ("unknown", 3), ("critical", 4)])
def test_the_exit_code_grows_with_what_is_wrong(status, code):
    assert report_of(describe(CHECK, Status(status))).exit_code == code


def test_a_finding_that_may_stand_is_named_and_does_not_count():
    accept = [Acceptance(CHECK.id, ROW["object"], "small table"), Acceptance("schema.rule", "other", "of another")]

    outcome = judge(CHECK, [ROW, {**ROW, "object": "other"}], 12, accept=accept, duration_ms=1)

    assert [each.object for each in outcome.findings] == ["other"]
    assert [each.reason for each in outcome.accepted] == ["small table"]
    assert (outcome.status, outcome.total) == (Status.WARN, 11)
    assert judge(CHECK, [ROW], 1, accept=accept, duration_ms=1).status is Status.OK


def test_a_person_reads_the_worst_first_with_what_to_do():
    fine = describe(load_checks()["schema.rule"], Status.OK)
    skipped = describe(load_checks()["queries.slow"], Status.SKIPPED, reason="extension pg_stat_statements is missing")
    damaged = judge(load_checks()["indexes.invalid"], [{"object": "public.i"}], 1, accept=(), duration_ms=1)
    wanting = judge(CHECK, [ROW], 3, accept=(), duration_ms=1)

    text = "\n".join(render_report(report_of(fine, wanting, skipped, damaged)))

    assert text.index("indexes.invalid") < text.index(CHECK.id) < text.index("queries.slow")
    assert "create index concurrently on public.a (b_id)" in text
    assert "and 2 more" in text
    assert CHECK.remedy in text
    assert "schema.rule" not in text
    assert "schema.rule" in "\n".join(render_report(report_of(fine), verbose=True))
