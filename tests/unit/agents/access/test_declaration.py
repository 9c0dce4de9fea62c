"""The declaration of access rules: what it must hold, and how a wrong one is refused."""

import re

import pytest

from agents.migrate.access.declaration import Rule, parse_tables
from agents.migrate.access.files import load_tables
from agents.migrate.errors import MigrationFileError

GOOD = '[tables.notes]\nrule = "owner"\ninsert = ["body", "created_by"]\nupdate = ["body"]\n'
CASES = {
    "not TOML": ("[tables.notes", "write it as TOML"),
    "no tables": ("x = 1\n", "write it as TOML with one"),
    "unknown key": (GOOD + "updates = []\n", "notes: updates is not a key"),
    "unknown rule": (GOOD.replace("owner", "everybody"), "notes: rule is 'everybody'"),
    "no rule": ("[tables.notes]\n", "notes: rule is None"),
    "name that needs quoting": (GOOD.replace("tables.notes", 'tables."no; drop"'), "a name needs quoting"),
    "column that needs quoting": (GOOD.replace('"body", ', '"Body", '), "a name needs quoting"),
    "created_by is updated": (GOOD.replace('update = ["body"]', 'update = ["created_by"]'), "never updated"),
    "service table is written": (GOOD.replace("owner", "service"), "lets the API write nothing"),
    "nothing to insert": ('[tables.notes]\nrule = "owner"\n', "needs insert columns"),
    "child without parent": (GOOD.replace("owner", "child"), "needs parent and parent_key"),
    "child that moves": (
        GOOD.replace("owner", "child") + 'parent = "notes"\nparent_key = "body"\n',
        "may not change its parent",
    ),
    "reference outside insert": (GOOD + 'references = { other_id = "notes" }\n', "must be a column of insert"),
    "reference to nowhere": (GOOD + 'references = { body = "nowhere" }\n', "refers to nowhere, which is not declared"),
}


@pytest.mark.parametrize(("text", "reason"), CASES.values(), ids=CASES)
def test_wrong_declaration_is_refused_with_its_table(text: str, reason: str) -> None:
    with pytest.raises(MigrationFileError, match=re.escape(reason)):
        parse_tables(text)


def test_good_declaration_is_read_as_written() -> None:
    (table,) = parse_tables(GOOD)

    assert (table.name, table.rule, table.insert, table.update) == (
        "notes",
        Rule.OWNER,
        ("body", "created_by"),
        ("body",),
    )
    assert table.is_written_by_api
    assert table.has_created_by


def test_nobody_sets_an_id_or_a_time_through_the_api() -> None:
    never = {"id", "created_at", "updated_at"}

    assert [table.name for table in load_tables() if never & {*table.insert, *table.update}] == []


def test_every_rule_is_used() -> None:
    assert {table.rule for table in load_tables()} == set(Rule)
