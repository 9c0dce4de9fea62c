from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from retention_calendars import make_set

from agents.backup.engine import Lsn
from agents.backup.errors import SetDamagedError
from agents.backup.wal import (
    SEGMENT_BYTES,
    Segment,
    continuity_start,
    find_gaps,
    history_timeline,
    reach_from,
    read_archive,
)

BEGIN = datetime(2026, 11, 24, tzinfo=UTC)
SUM = "a" * 40


def name(number, timeline=1):
    return f"17-1/0000000100000000/{Segment(timeline, number).name}-{SUM}.zst"


def archive(numbers, *, timeline=1, more=(), histories=None):
    files = {name(number, timeline): BEGIN + timedelta(minutes=number) for number in numbers}
    files |= {name(number, other): BEGIN + timedelta(minutes=number) for other, number in more}
    return read_archive(files | {"archive.info": BEGIN}, histories or {})


def backup(label="full", first=2, last=2, timeline=1):
    made = make_set(label, BEGIN + timedelta(minutes=last))
    return replace(made, wal_start=Segment(timeline, first).name, wal_stop=Segment(timeline, last).name)


@given(st.integers(min_value=1, max_value=2**32 - 1), st.integers(min_value=0, max_value=2**40 - 1))
def test_a_segment_survives_being_named_and_read(timeline, number):
    assert Segment(timeline, number) == Segment.parse(f"{Segment(timeline, number).name}-{SUM}.lz4")


@pytest.mark.parametrize("path", ["archive.info", "00000002.history", "000000010000000000000002.00000028.backup"])
def test_what_is_no_segment_is_left_alone(path):
    assert Segment.parse(path) is None


def test_a_history_file_is_found_with_and_without_ending():
    assert [history_timeline(path) for path in ("17-1/00000002.history", "0000000A.history.zst", "x")] == [2, 10, None]


@given(st.sets(st.integers(min_value=3, max_value=40)))
def test_recovery_ends_before_the_first_segment_that_is_missing(missing):
    present = [number for number in range(2, 42) if number not in missing]

    reach = reach_from(backup(), archive(present))

    first = min((number for number in missing if number < max(present)), default=None)
    assert reach.last == Segment(1, max(present) if first is None else first - 1)
    assert (reach.gap.first if reach.gap else None) == (Segment(1, first) if first is not None else None)


def test_a_gap_is_named_with_both_ends():
    assert str(reach_from(backup(), archive([2, 3, 7])).gap) == (
        "000000010000000000000004 to 000000010000000000000006 (3 segments)"
    )


def test_a_set_whose_own_segment_is_missing_is_found_without_continuity():
    gaps = find_gaps([backup("a", 2, 4), backup("b", 6, 6)], archive([2, 4, 6]))

    assert {label: str(gap) for label, gap in gaps.items()} == {"a": "000000010000000000000003"}


def test_a_gap_after_a_set_counts_only_where_wal_has_to_be_continuous():
    sets = [backup("old", 2, 2), backup("new", 6, 6)]
    held = archive([2, 6, 7])

    assert find_gaps(sets, held) == {}
    assert find_gaps(sets, held, "new") == {}
    assert list(find_gaps(sets, held, "old")) == ["old"]


FORK = Lsn(5 * SEGMENT_BYTES + 100)
HISTORY = {2: f"1\t{FORK}\tno recovery target specified\n"}


def test_recovery_follows_the_fork_to_the_newer_timeline():
    held = archive([2, 3, 4, 5], more=[(2, 5), (2, 6)], histories=HISTORY)

    reach = reach_from(backup(), held)

    assert (Segment(2, 6), None) == (reach.last, reach.gap)


def test_the_segment_of_the_fork_may_be_missing_on_the_timeline_that_was_left():
    held = archive([2, 3, 4], more=[(2, 5)], histories=HISTORY)

    assert reach_from(backup(), held).gap is None


def test_a_segment_before_the_fork_is_missed():
    held = archive([2, 4], more=[(2, 5)], histories=HISTORY)

    assert reach_from(backup(), held).gap.first == Segment(1, 3)


def test_a_set_taken_after_the_fork_stays_on_its_timeline():
    held = archive([2, 3, 4, 5, 6, 7, 8], more=[(2, 5)], histories=HISTORY)

    assert reach_from(backup("late", 7, 7), held).last == Segment(1, 8)


def test_wal_of_a_timeline_without_history_cannot_be_followed():
    with pytest.raises(SetDamagedError, match=r"00000002\.history"):
        reach_from(backup(), archive([2, 3], more=[(2, 4)]), timeline=2)


@pytest.mark.parametrize(
    ("planned", "expected"), [(None, "full-2"), ("full-1", "full-2"), ("full-2", "full-2"), ("incr", "incr")]
)
def test_wal_that_retention_let_go_is_never_called_damage(planned, expected):
    incremental = make_set("incr", BEGIN + timedelta(hours=3), parent="full-2")
    sets = [make_set("full-1", BEGIN), make_set("full-2", BEGIN + timedelta(hours=2)), incremental]

    assert continuity_start(sets, planned) == expected


def test_without_sets_there_is_no_start():
    assert continuity_start([], None) is None
