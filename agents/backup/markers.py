"""Recovery to a random moment, judged by marker rows: the rows that backups themselves write into the catalogue.

A set's row is committed after the set ended and by the moment that is noted on the set. So a database that was
recovered to a moment has the rows of all sets noted before it and no row of a set that ended after it.
"""

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from agents.backup.engine import BackupSet
from agents.backup.marks import RECORDED_AT
from agents.backup.pgbackrest.restore import Window, consistent_from


def recorded_at(backup: BackupSet) -> datetime | None:
    """Return by when the set's row was committed; None when nobody wrote one."""
    text = backup.annotations.get(RECORDED_AT)
    return datetime.fromisoformat(text) if text else None


def choose_moment(sets: Sequence[BackupSet], windows: Sequence[Window], dice: random.Random) -> datetime | None:
    """Return a random moment between two marker rows; None when there are not two in one unbroken span.

    Args:
        sets: of one repository.
        windows: what it can bring back.
        dice: decides.
    """
    for window in reversed(windows):
        inside = [
            each
            for each in sets
            if window.begin <= consistent_from(each) and (at := recorded_at(each)) is not None and at <= window.end
        ]
        if len(inside) > 1:
            # Up to the end of the newest set: its row is a commit after every such moment, without which recovery
            # would not know that it went far enough.
            begin, end = consistent_from(inside[0]), max(each.finished_at for each in inside)
            microseconds = max(1, (end - begin) // timedelta(microseconds=1))
            return begin + timedelta(microseconds=dice.randrange(microseconds))
    return None


def judge(sets: Iterable[BackupSet], found: Iterable[str], moment: datetime) -> list[str]:
    """Return what is wrong with the marker rows of a database that was recovered to a moment; pure.

    Args:
        sets: with their marks.
        found: labels of the rows that are there.
        moment: the target.
    """
    there = set(found)
    wrong: list[str] = []
    for each in sets:
        at = recorded_at(each)
        if at is not None and at <= moment and each.label not in there:
            wrong.append(f"the row of {each.label}, committed before {moment.isoformat()}, is missing")
        if each.finished_at > moment and each.label in there:
            wrong.append(f"the row of {each.label}, committed after {moment.isoformat()}, is there")
    return wrong
