"""Locks from a statement's text; an integration test compares the same classifier with a real server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.migrate.alter_table import split_actions
from agents.migrate.locks import LockMode, classify_statement


@given(st.text(max_size=200))
def test_any_text_has_an_answer_with_a_reason(text: str) -> None:
    try:
        told = classify_statement(text)
    except ValueError:
        return  # an open quote; discovery refuses such a file before
    assert told.because
    assert told.known or told.strongest is LockMode.ACCESS_EXCLUSIVE


def test_words_in_comments_and_literals_do_not_count() -> None:
    told = classify_statement("-- drop table a\ninsert into public.b values ('; alter table c drop column d')")

    assert [(lock.table, lock.mode) for lock in told.locks] == [("public.b", LockMode.ROW_EXCLUSIVE)]


def test_quoted_names_stay_whole() -> None:
    told = classify_statement('ALTER TABLE "My Schema"."My Table" ADD COLUMN a int')

    assert told.locks[0].table == '"my schema"."my table"'


@pytest.mark.parametrize(
    ("statement", "rewrites", "scans"),
    [
        ("alter table t add column a uuid default gen_random_uuid()", True, False),
        ("alter table t add column a timestamptz default now()", False, False),
        ("alter table t add column a uuid default auth.uid()", False, False),
        ("alter table t add column a numeric(10, 2) default 1.5", False, False),
        ("alter table t add column a bigserial", True, False),
        ("alter table t add column a bigint generated always as identity", True, False),
        ("alter table t alter column a type bigint", True, False),
        ("alter table t add constraint c check (a > 0)", False, True),
        ("alter table t add constraint c check (a > 0) not valid", False, False),
        ("alter table t add foreign key (a) references p (id)", False, True),
        ("alter table t validate constraint c", False, True),
        ("create index concurrently if not exists i on s.t (a)", False, True),
        ("delete from t", False, True),
        ("delete from t where id = 1", False, False),
    ],
)
def test_rewrites_and_scans_are_told(statement: str, *, rewrites: bool, scans: bool) -> None:
    told = classify_statement(statement)

    assert (told.rewrites, told.scans) == (rewrites, scans)


def test_actions_are_cut_at_their_own_commas_only() -> None:
    assert split_actions("add a numeric(1, 2), add check (a in (1, 2)),drop b") == (
        "add a numeric(1, 2)",
        " add check (a in (1, 2))",
        "drop b",
    )


def test_strongest_action_decides_for_the_table() -> None:
    told = classify_statement("alter table t validate constraint c, alter column a set not null")

    assert [(lock.table, lock.mode.title) for lock in told.locks] == [("t", "AccessExclusive")]
    assert "; " in told.because


@pytest.mark.parametrize("statement", ["frobnicate everything", "do $$ begin end $$", "alter table t frobnicate"])
def test_what_is_not_known_counts_as_the_strongest_lock(statement: str) -> None:
    told = classify_statement(statement)

    assert not told.known
    assert told.strongest is LockMode.ACCESS_EXCLUSIVE
    assert "unknown, treat as AccessExclusive" in told.because
