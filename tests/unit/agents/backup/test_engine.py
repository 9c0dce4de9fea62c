import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.backup.engine import BackupKind, Lsn


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_a_position_survives_being_written_and_read(position):
    assert Lsn(position) == Lsn.parse(str(Lsn(position)))


def test_a_position_is_written_the_way_postgres_writes_it():
    assert str(Lsn.parse("1/0200ab28")) == "1/200AB28"


@pytest.mark.parametrize("text", ["", "12", "1/x"])
def test_what_is_no_position_is_refused(text):
    with pytest.raises(ValueError, match=r"LSN|literal"):
        Lsn.parse(text)


def test_kinds_have_the_words_of_the_catalogue():
    assert [kind.in_catalogue for kind in BackupKind] == ["full", "differential", "incremental", "logical"]
