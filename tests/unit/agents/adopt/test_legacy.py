"""What is declared about v2, and what an adoption remembers."""

import pytest

from agents.migrate.adopt.kept import KeptObject, list_kept, tolerate
from agents.migrate.adopt.legacy import LegacyRules, SetAside, parse_legacy_rules, read_legacy_rules
from agents.migrate.adopt.shape import Column, Constraint, Shape, Table, load_adopt_sql
from agents.migrate.errors import MigrationFileError
from agents.runtime.postgres.fingerprint import Fact


def test_own_rules_are_whole_and_give_reasons() -> None:
    rules = read_legacy_rules()

    assert rules.up_to == 7
    assert all(fill.because and fill.remedy and fill.when for fill in rules.fills)
    assert all(load_adopt_sql(copy.sql).startswith(b"-- ") for copy in rules.copies)
    assert {rule.to for rule in rules.set_aside} == {"legacy_predictions"}


def test_fill_applies_only_where_v2_has_what_it_reads() -> None:
    rules = read_legacy_rules()
    old = Table("public", "mixture_components", (Column("concentration", "numeric"),))

    assert list(rules.fills_of(old)) == ["amount"]
    assert rules.fills_of(Table("public", "other", ())) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("up_to = ", "legacy.toml: "),
        ("zone = 'UTC'", "needs up_to"),
        ("up_to = 7\ncolour = 1", "knows no colour"),
        ("up_to = 7\n[[seed]]\ntable = 'a'", r"a \[\[seed\]\] has key missing or unknown"),
        ("up_to = 7\n[[seed]]\ntable = 'a'\nkey = 'b'\nwhy = 'c'", r"a \[\[seed\]\] has why missing or unknown"),
    ],
    ids=["no TOML", "no number", "unknown key", "missing key", "unknown inner key"],
)
def test_broken_rules_are_refused_by_name(text: str, told: str) -> None:
    with pytest.raises(MigrationFileError, match=told):
        parse_legacy_rules(text)


def fact(kind: str, name: str, text: str = "") -> Fact:
    return Fact(kind, name, text)


DECLARED = frozenset({fact("relation", "public.thing"), fact("column", "public.thing.id")})
SHAPE = Shape(
    tables={
        "public.thing": Table(
            "public", "thing", (Column("owner", "uuid"),), (Constraint("fk", "f", ("owner",), "FOREIGN KEY (owner)"),)
        )
    }
)


def test_what_only_v2_has_is_kept_and_what_later_files_replace_is_not() -> None:
    live = DECLARED | {
        fact("relation", "public.note"),
        fact("column", "public.note.id"),
        fact("policy", "public.note.open"),
        fact("grant", "public.note to anon"),
        fact("index", "public.note_pkey"),
        fact("column", "public.thing.old"),
        fact("policy", "public.thing.open"),
        fact("grant", "public.thing to anon"),
        fact("constraint", "public.thing.wrong", "FOREIGN KEY (owner) REFERENCES public.other(id)"),
        fact("constraint", "public.thing.own", "FOREIGN KEY (old) REFERENCES public.other(id)"),
    }

    kept = list_kept(DECLARED, live, SHAPE, LegacyRules(7, "UTC"))

    assert {(each.kind, each.name) for each in kept} == {
        ("relation", "public.note"),
        ("index", "public.note_pkey"),
        ("column", "public.thing.old"),
        ("constraint", "public.thing.own"),
    }
    assert all(each.reason for each in kept)
    left = tolerate(live, kept) - DECLARED
    assert {each.object_name for each in left} == {"public.thing.open", "public.thing to anon", "public.thing.wrong"}


def test_table_that_was_set_aside_is_kept_with_its_own_reason() -> None:
    rules = LegacyRules(7, "UTC", set_aside=(SetAside("public.thing", "x", "legacy_thing", "another meaning"),))

    kept = list_kept(DECLARED, DECLARED | {fact("relation", "public.legacy_thing")}, SHAPE, rules)

    assert kept == (KeptObject("relation", "public.legacy_thing", "another meaning"),)


def test_tolerance_is_by_exact_name() -> None:
    kept = (KeptObject("column", "public.thing.old", "x"), KeptObject("relation", "public.note", "x"))
    facts = {
        fact("column", "public.thing.old"),
        fact("column", "public.thing.older"),
        fact("column", "public.notes.id"),
        fact("view", "public.note", "select 1"),
        fact("index", "public.thing.old"),
    }

    assert {(each.kind, each.object_name) for each in tolerate(facts, kept)} == {
        ("column", "public.thing.older"),
        ("column", "public.notes.id"),
        ("index", "public.thing.old"),
    }


def test_schema_that_was_there_before_keeps_its_comment() -> None:
    live = frozenset({fact("schema", "auth", "theirs")})

    kept = list_kept(frozenset({fact("schema", "auth", "ours")}), live, Shape(), LegacyRules(7, "UTC"))

    assert [(each.kind, each.name) for each in kept] == [("schema", "auth")]
