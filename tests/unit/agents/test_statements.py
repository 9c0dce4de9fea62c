"""Cutting SQL at its real semicolons; a wrong cut would run half a function."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.migrate.statements import split_statements, strip_quoted

PIECES = st.sampled_from(
    [
        "select 1",
        "select 'a;b'",
        "select 'it''s;'",
        "select e'\\';'",
        'select ";"',
        "select $$;$$",
        "select $a$;$$;$a$",
        "do $b$ begin perform 1; end $b$",
        "select 1 /* ; /* ; */ ; */ + 1",
        "select 1 -- ;\n+ 1",
        "select a$b, c$d",
        "select $1",
    ]
)


@given(st.lists(PIECES, max_size=8))
def test_statements_come_back_as_they_went_in(pieces: list[str]) -> None:
    text = "".join(f"-- about it\n{piece};\n" for piece in pieces)

    assert [statement.text for statement in split_statements(text)] == pieces


@given(st.lists(PIECES, min_size=1, max_size=8))
def test_statement_knows_the_line_it_begins_on(pieces: list[str]) -> None:
    text = "".join(f"\n/* about\nit */ {piece};\n" for piece in pieces)

    lines = text.split("\n")
    for statement in split_statements(text):
        assert lines[statement.line - 1].endswith(
            statement.text.split("\n")[0] + ("" if "\n" in statement.text else ";")
        )


def test_last_statement_needs_no_semicolon() -> None:
    assert [each.text for each in split_statements("select 1; select 2")] == ["select 1", "select 2"]


@pytest.mark.parametrize("text", ["", "  \n", ";;", "-- x", "/* ; */;"])
def test_nothing_is_not_a_statement(text: str) -> None:
    assert split_statements(text) == ()


def test_keywords_in_quotes_are_not_seen() -> None:
    assert strip_quoted("select 'commit' -- commit\n, \"commit\" /* commit */").split() == ["select", ","]
