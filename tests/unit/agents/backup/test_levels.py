import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.backup.levels import Level, Means, level_reached, plan_levels

EVERYTHING = Means(physical=True, can_open=True, has_markers=True, has_far_copy=True)
DUMP = Means(physical=False, can_open=True, has_markers=False, has_far_copy=False)


def outcomes(**given_: str) -> list[tuple[Level, str]]:
    return [(level, given_.get(level.name, "passed")) for level in Level]


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({}, Level.COPY),
        ({"MANIFEST": "failed"}, None),
        ({"WAL": "failed"}, Level.MANIFEST),
        ({"WAL": "inapplicable"}, Level.COPY),
        ({"RESTORE": "failed", "PAGES": "skipped", "CONTENTS": "skipped"}, Level.REPOSITORY),
        ({"WAL": "inapplicable", "MOMENT": "inapplicable", "COPY": "inapplicable"}, Level.CONTENTS),
        ({"MOMENT": "skipped"}, Level.CONTENTS),
        ({"PAGES": "failed"}, Level.RESTORE),
    ],
)
def test_the_level_is_the_highest_with_nothing_unproven_below(given_, expected) -> None:
    assert level_reached(outcomes(**given_)) is expected


@given(st.lists(st.sampled_from(["passed", "failed", "skipped", "inapplicable"]), min_size=8, max_size=8))
def test_no_level_is_reached_over_a_failed_or_skipped_one(found) -> None:
    reached = level_reached(list(zip(Level, found, strict=True)))

    below = found[: (reached if reached is not None else -1) + 1]
    assert "failed" not in below
    assert "skipped" not in below
    assert reached is None or found[reached] == "passed"


def test_everything_is_tried_when_everything_is_there() -> None:
    assert [plan.outcome for plan in plan_levels(Level.COPY, EVERYTHING)] == ["try"] * 8


def test_a_dump_has_no_wal_and_no_moments() -> None:
    told = {plan.level: plan.outcome for plan in plan_levels(Level.COPY, DUMP)}

    assert told[Level.WAL] == told[Level.MOMENT] == told[Level.COPY] == "inapplicable"
    assert told[Level.CONTENTS] == "try"


def test_without_a_key_nothing_is_restored_and_the_reason_is_told() -> None:
    means = Means(physical=True, can_open=False, has_markers=True, has_far_copy=True)
    told = {plan.level: plan for plan in plan_levels(Level.COPY, means)}

    assert told[Level.REPOSITORY].outcome == "try"
    assert told[Level.RESTORE].outcome == "skipped"
    assert "key" in told[Level.RESTORE].because


def test_levels_above_the_asked_one_are_not_tried() -> None:
    assert [plan.outcome for plan in plan_levels(Level.REPOSITORY, EVERYTHING)] == ["try"] * 3 + ["skipped"] * 5
