"""A link opens one incident for one person until it expires, and only if it was made here."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.oncall.errors import LinkInvalidError
from agents.oncall.links import Grant, make_token, read_token

KEY, OLD = b"k" * 32, b"o" * 32


@given(st.integers(0, 10**17), st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_token_says_what_was_granted(at, number, person) -> None:
    grant = Grant(number, person, at(3600))

    assert read_token(make_token(grant, KEY), [KEY], at(0)) == grant


@given(st.data())
def test_no_changed_token_is_believed(at, data) -> None:
    token = make_token(Grant(12, "ann", at(3600)), KEY)
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("0123456789abcdefXYZ_-."))
    changed = token[:place] + letter + token[place + 1 :]
    if changed == token:
        return

    # The last letter of a signature holds two unused bits; the text is compared, so even those may not differ.
    with pytest.raises(LinkInvalidError):
        read_token(changed, [KEY], at(0))


@given(st.text(max_size=100))
def test_no_text_is_believed(at, text) -> None:
    with pytest.raises(LinkInvalidError):
        read_token(text, [KEY], at(0))


def test_link_ends_and_says_what_to_do(at) -> None:
    token = make_token(Grant(12, "ann", at(60)), KEY)
    read_token(token, [KEY], at(60) - timedelta(seconds=1))

    with pytest.raises(LinkInvalidError, match="cryo oncall ack 12"):
        read_token(token, [KEY], at(60))


def test_key_that_was_replaced_is_believed_as_long_as_it_is_listed(at) -> None:
    token = make_token(Grant(12, "ann", at(60)), OLD)

    assert read_token(token, [KEY, OLD], at(0)).incident_id == 12
    with pytest.raises(LinkInvalidError, match="not made here"):
        read_token(token, [KEY], at(0))
