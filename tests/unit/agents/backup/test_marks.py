from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from retention_calendars import make_set

from agents.backup.engine import BackupKind
from agents.backup.errors import SetDamagedError
from agents.backup.marks import as_candidate, hold_marks, verification_marks, verified_level
from agents.backup.metrics import BackupCollector, Observation
from agents.backup.pgbackrest.restore import Window

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def marked(**marks):
    return replace(make_set("full", NOW - timedelta(hours=2)), annotations=marks)


def test_a_set_nobody_looked_at_is_not_proven():
    candidate = as_candidate(marked())

    assert (candidate.is_verified, candidate.is_damaged, candidate.hold) == (False, False, None)


@pytest.mark.parametrize(("level", "proven"), [(2, False), (3, True), (5, True)])
def test_only_a_set_that_was_restored_is_proven(level, proven):
    assert as_candidate(marked(**verification_marks(level, NOW))).is_verified is proven


def test_damage_takes_the_proof_away():
    candidate = as_candidate(marked(**verification_marks(0, NOW, damage="bundle/1: invalid checksum")))

    assert (candidate.is_verified, candidate.is_damaged) == (False, True)


def test_a_hold_and_its_end_survive_the_repository():
    candidate = as_candidate(marked(**hold_marks("audit 7", NOW)))

    assert (candidate.hold, candidate.held_until) == ("audit 7", NOW)
    assert as_candidate(marked(**hold_marks("audit 7", None))).held_until is None


def test_a_level_that_is_no_number_is_not_taken_for_zero():
    with pytest.raises(SetDamagedError, match="verify it again"):
        verified_level(marked(**{"verified-level": "high"}))


class Clock:
    def now(self):
        return NOW


def scrape(observation):
    registry = CollectorRegistry()
    collector = BackupCollector(Clock())
    collector.observation = observation
    registry.register(collector)
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def observation(**changes):
    full = replace(marked(**verification_marks(4, NOW), **{"rto-seconds": "12.5"}), size_bytes=1000, stored_bytes=300)
    incr = replace(make_set("incr", NOW - timedelta(hours=1), "full"), kind=BackupKind.INCREMENTAL)
    begin = NOW - timedelta(hours=2)
    seen = Observation(NOW, "main", (full, incr), (Window(begin, NOW, "full"),), NOW - timedelta(seconds=40),
                       is_readable=True)  # fmt: skip
    return replace(seen, **changes)


def test_ages_sizes_proofs_and_reach_are_shown():
    shown = scrape(observation())

    assert shown['pgbackrest_repo_status{stanza="main"}'] == 0
    assert shown['pgbackrest_backup_since_last_completion_seconds{backup_type="full",stanza="main"}'] == 7200
    assert shown['pgbackrest_backup_since_last_completion_seconds{backup_type="incr",stanza="main"}'] == 3600
    assert shown['pgbackrest_backup_size_bytes{backup_type="full",stanza="main"}'] == 1000
    assert shown['cryo_backup_verified_level{stanza="main"}'] == 4
    assert shown['cryo_backup_verified_age_seconds{level="3",stanza="main"}'] == 7200
    assert shown['cryo_backup_rto_seconds{stanza="main"}'] == 12.5
    assert shown['cryo_backup_wal_age_seconds{stanza="main"}'] == 40
    assert shown['cryo_backup_last_recoverable_timestamp_seconds{stanza="main"}'] == NOW.timestamp()


def test_an_unreadable_repository_is_shown_and_ages_go_on():
    shown = scrape(observation(is_readable=False))

    assert shown['pgbackrest_repo_status{stanza="main"}'] == 1
    assert shown['pgbackrest_backup_since_last_completion_seconds{backup_type="full",stanza="main"}'] == 7200


def test_nothing_is_claimed_before_the_first_look():
    assert scrape(None) == {}
