"""The text of `pgbackrest verify` 2.55.1, as it was written when the named things were broken."""

from datetime import UTC, datetime

import pytest
from retention_calendars import make_set

from agents.backup.errors import EngineFailedError
from agents.backup.pgbackrest.verify import parse_verify

FULL = "20261124-151511F"
DIFF = f"{FULL}_20261124-151514D"
OTHER = "20261124-151538F"
SETS = {
    FULL: make_set(FULL, datetime(2026, 11, 24, tzinfo=UTC)),
    DIFF: make_set(DIFF, datetime(2026, 11, 24, tzinfo=UTC), FULL, [FULL]),
    OTHER: make_set(OTHER, datetime(2026, 11, 24, tzinfo=UTC)),
}
WHOLE = """stanza: main
status: ok
  archiveId: 17-1, total WAL checked: 6, total valid WAL: 6
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
  backup: 20261124-151511F, status: valid, total files checked: 966, total valid files: 966
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
"""
BROKEN = """2026-11-24 15:16:23.785 P01   INFO: \
invalid result 17-1/0000000100000000/00000001000000000000000D-fc22.zst: \
[29] raised from local-1 protocol: zst error: [-20] Data corruption detected
                                        [FormatError] on 2 retries from 1-15001ms: zst error
2026-11-24 15:16:23.785 P01   INFO: file missing '20261124-151511F/bundle/1'
2026-11-24 15:16:23.786 P01   INFO: file missing '20261124-151511F/bundle/1'
2026-11-24 15:16:23.787 P01   INFO: invalid checksum '20261124-151511F/bundle/2'
stanza: main
status: error
  archiveId: 17-1, total WAL checked: 11, total valid WAL: 10
    missing: 0, checksum invalid: 0, size invalid: 0, other: 1
  backup: 20261124-151511F, status: invalid, total files checked: 966, total valid files: 217
    missing: 748, checksum invalid: 1, size invalid: 0, other: 0
  backup: 20261124-151511F_20261124-151514D, status: valid, total files checked: 967, total valid files: 967
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
"""


def test_a_whole_repository_has_no_damage():
    assert parse_verify(WHOLE, SETS, repository=1) == []


def test_every_damaged_object_is_named_once_and_its_children_are_damaged_too():
    damages = parse_verify(BROKEN, SETS, repository=2)

    assert {
        "17-1/0000000100000000/00000001000000000000000D-fc22.zst": None,
        f"{FULL}/bundle/1": FULL,
        f"{FULL}/bundle/2": FULL,
        DIFF: DIFF,
    } == {damage.object: damage.label for damage in damages}
    assert {damage.repository for damage in damages} == {2}


def test_a_set_that_verify_does_not_call_valid_is_damaged_even_if_no_file_is_named():
    said = WHOLE.replace("status: ok", "status: error").replace("status: valid", "status: manifest missing")

    assert [(damage.label, damage.problem) for damage in parse_verify(said, {}, repository=1)] == [
        (FULL, "verify calls it manifest missing")
    ]


def test_an_error_without_any_object_is_still_damage():
    assert len(parse_verify("stanza: main\nstatus: error\n", {}, repository=1)) == 1


@pytest.mark.parametrize("said", ["", "stanza: main\n"])
def test_silence_is_no_proof(said):
    with pytest.raises(EngineFailedError, match="without a verdict"):
        parse_verify(said, SETS, repository=1)
