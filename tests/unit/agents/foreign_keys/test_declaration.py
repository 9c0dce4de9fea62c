"""The declaration: what is read, what is refused by which name, and that our own agrees with the schema."""

import json
import re
from pathlib import Path

import pytest

from agents.migrate.foreign_keys.declaration import OrphanAction, parse_declaration
from agents.migrate.foreign_keys.errors import DeclarationError
from agents.migrate.foreign_keys.verification import write_verification
from agents.migrate.statements import split_statements

MIGRATIONS = Path(__file__).resolve().parents[4] / "migrations"
STEM = "0017_backfill_fix_foreign_keys"
GOOD = {
    "child": "public.child",
    "columns": ["parent_id"],
    "parent": "public.parent",
    "on_delete": "cascade",
    "orphan": "delete",
    "constraint": "child_parent_id_fkey",
    "index": "child_parent_id_idx",
}


def write(*entries: dict[str, object]) -> str:
    blocks = ["\n".join(f"{key} = {json.dumps(value)}" for key, value in entry.items()) for entry in entries]
    return "\n".join(f"[[relation]]\n{block}\n" for block in blocks)


def test_defaults_are_the_ones_of_a_bare_references() -> None:
    (relation,) = parse_declaration("x.toml", write(GOOD)).relations

    assert relation.parent_columns == ("id",)
    assert relation.on_update.value == "no-action"
    assert not relation.required
    assert relation.name == "public.child.child_parent_id_fkey"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"chidl": "x"}, "unknown key chidl; known are child, columns"),
        ({"orphan": None}, "orphan is missing"),
        ({"orphan": "keep"}, "orphan is 'keep'; use one of set-null, delete, quarantine"),
        ({"on_delete": "CASCADE"}, "on_delete is 'CASCADE'"),
        ({"on_update": 3}, "on_update is 3"),
        ({"child": "child"}, "child is 'child'; name the table with its schema"),
        ({"child": "public.Child"}, "child holds 'Child'"),
        ({"constraint": "x" * 64}, "constraint holds"),
        ({"index": "a; drop table b"}, "index holds"),
        ({"columns": []}, "columns is \\[\\]"),
        ({"columns": ["a", "a"]}, "columns is"),
        ({"columns": "parent_id"}, "columns is 'parent_id'"),
        ({"columns": ["a", "b"]}, "columns names 2 and parent_columns 1"),
        ({"required": "yes"}, "required is 'yes'"),
        ({"required": True, "orphan": "set-null"}, "required = true contradicts set-null"),
        ({"required": True, "on_delete": "set-null"}, "required = true contradicts set-null"),
        ({"covering_index": "child_pkey"}, "either index .* or covering_index"),
        ({"index": None}, "either index .* or covering_index"),
    ],
    ids=str,
)
def test_bad_entry_is_refused_by_file_entry_and_key(change, told) -> None:
    entry = {key: value for key, value in {**GOOD, **change}.items() if value is not None}

    with pytest.raises(DeclarationError, match=told) as caught:
        parse_declaration("x.toml", write(entry))

    assert str(caught.value).startswith("x.toml: relation 1: ")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[relation]", "not TOML"),
        ("", "found nothing"),
        ("relation = 3", "expected \\[\\[relation\\]\\]"),
        ("relation = [3]", "relation 1: expected a table of keys"),
        (write(GOOD) + "[more]\n", "expected \\[\\[relation\\]\\]"),
    ],
)
def test_bad_document_is_refused(text, told) -> None:
    with pytest.raises(DeclarationError, match=told):
        parse_declaration("x.toml", text)


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ({"constraint": "b_fkey", "index": "b_idx"}, "columns of public.child.b_fkey is declared twice"),
        ({"columns": ["b"], "index": "b_idx"}, "constraint of public.child.child_parent_id_fkey is declared twice"),
        ({"columns": ["b"], "constraint": "b_fkey"}, "index of public.child.b_fkey is declared twice"),
    ],
)
def test_entries_that_would_undo_each_other_are_refused(second, told) -> None:
    with pytest.raises(DeclarationError, match=told):
        parse_declaration("x.toml", write(GOOD, {**GOOD, **second}))


def test_parents_come_before_their_children_and_cycles_end() -> None:
    def entry(child: str, parent: str) -> dict[str, object]:
        names = {"constraint": f"{child}_{parent}_fkey", "index": f"{child}_{parent}_idx"}
        return {**GOOD, **names, "child": f"public.{child}", "parent": f"public.{parent}", "columns": [parent]}

    text = write(entry("c", "b"), entry("b", "a"), entry("b", "b"), entry("x", "y"), entry("y", "x"))

    order = [relation.child.table for relation in parse_declaration("x.toml", text).relations]

    assert sorted(order) == ["b", "b", "c", "x", "y"]
    assert order.index("b") < order.index("c")


@pytest.fixture(scope="module")
def own():
    return parse_declaration(f"{STEM}.toml", (MIGRATIONS / f"{STEM}.toml").read_text(encoding="utf-8"))


def foreign_keys_of_schema() -> set[tuple[str, str, str, str, bool]]:
    """Child, column, parent, delete action and NOT NULL of every REFERENCES in schema.sql.

    Tables that an agent keeps in a schema of its own came after the repair and never had an orphan.
    """
    found = set()
    for statement in split_statements((MIGRATIONS / "schema.sql").read_text(encoding="utf-8")):
        table = re.match(r"create table ((?!oncall\.)\S+) \(", statement.text)
        for line in statement.text.splitlines() if table else ():
            column = re.match(r"\s+(\w+) .*references (\S+) \(id\)(?: on delete (cascade|restrict|set null))?", line)
            if table and column:
                action = (column[3] or "no action").replace(" ", "-")
                required = " not null" in line or " primary key" in line
                found.add((table[1], column[1], column[2], action, required))
    return found


def test_own_declaration_holds_exactly_the_foreign_keys_of_the_schema(own) -> None:
    declared = {
        (str(each.child), *each.columns, str(each.parent), each.on_delete.value, each.required)
        for each in own.relations
    }

    assert declared == foreign_keys_of_schema()
    assert len(declared) >= 46


def test_own_declaration_names_indexes_that_the_schema_has(own) -> None:
    schema = (MIGRATIONS / "schema.sql").read_text(encoding="utf-8")
    ours = {each for each in own.relations if not each.index_is_covering}
    missing = [
        each.index
        for each in ours
        if f"create index {each.index} on {each.child} ({', '.join(each.columns)});" not in schema
    ]

    assert missing == []


def test_own_declaration_sets_null_exactly_where_a_delete_would(own) -> None:
    differing = [
        each.name
        for each in own.relations
        if (each.orphan is OrphanAction.SET_NULL) != (each.on_delete.value == "set-null")
    ]

    assert differing == []


def test_own_declaration_puts_every_parent_first(own) -> None:
    position = {each.child: at for at, each in enumerate(own.relations)}
    late = [each.name for each in own.relations if position.get(each.parent, -1) > position[each.child]]

    assert late == []


def test_verify_file_is_the_one_that_the_declaration_gives(own) -> None:
    assert (MIGRATIONS / f"{STEM}.verify.sql").read_text(encoding="utf-8") == write_verification(own)
