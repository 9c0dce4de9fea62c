from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from retention_calendars import make_set

from agents.backup.engine import RestoreRequest, ToTime
from agents.backup.errors import TargetUnreachableError
from agents.backup.pgbackrest.restore import choose_set, recoverable_windows
from agents.backup.wal import Segment, read_archive

STOPPED = datetime(2026, 11, 24, 12, 0, 7, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def archive():
    files = {f"{Segment(1, number).name}-{'a' * 40}": STOPPED + number * timedelta(minutes=1) for number in range(9)}
    return read_archive(files, {})


@pytest.fixture
def sets():
    """Two sets, of which the engine tells in which second they ended and not when in it."""
    return [
        replace(make_set(label, moment), wal_start=Segment(1, number).name, wal_stop=Segment(1, number).name)
        for label, moment, number in (("old", STOPPED - 60 * SECOND, 1), ("new", STOPPED, 2))
    ]


@pytest.mark.parametrize(
    ("after", "label"), [(0 * SECOND, "old"), (0.999 * SECOND, "old"), (SECOND, "new"), (30 * SECOND, "new")]
)
def test_a_set_is_not_begun_with_in_the_second_in_which_it_ended(sets, archive, after, label):
    request = RestoreRequest(Path("/restored"), ToTime(STOPPED + after))

    assert choose_set(sets, request, lambda _: archive).label == label


def test_the_window_begins_where_the_first_set_surely_leads(sets, archive):
    begin = recoverable_windows(sets, archive)[0].begin

    assert begin == STOPPED - 59 * SECOND
    assert choose_set(sets, RestoreRequest(Path("/restored"), ToTime(begin)), lambda _: archive).label == "old"
    request = RestoreRequest(Path("/restored"), ToTime(begin - timedelta(microseconds=1)))
    with pytest.raises(TargetUnreachableError, match="nothing was touched"):
        choose_set(sets, request, lambda _: archive)
