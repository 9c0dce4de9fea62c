"""From rules to SQL: what is generated, that it is what the repository holds, and that it cannot drift."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.migrate.access.declaration import Rule, Table
from agents.migrate.access.files import (
    BEGIN,
    END,
    MIGRATION,
    generate_files,
    load_function_sql,
    load_tables,
    replace_section,
    write_section,
)
from agents.migrate.access.policies import policy_names, wrap, write_table
from agents.migrate.access.predicates import Exists, Join, all_of, any_of, derive_predicates, render
from agents.migrate.errors import MigrationFileError
from agents.migrate.statements import split_statements

REPOSITORY = Path(__file__).resolve().parents[4]
MIGRATIONS = REPOSITORY / "migrations"


def run_check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agents.migrate.access", "--migrations", str(folder), *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_repository_holds_what_the_declaration_says() -> None:
    result = run_check(MIGRATIONS, "--check")

    assert (result.returncode, result.stdout) == (0, "")


def test_check_names_the_file_that_was_changed_by_hand_and_write_repairs_it(tmp_path: Path) -> None:
    for name in (*generate_files(load_tables()), "schema.sql"):
        (tmp_path / name).write_bytes((MIGRATIONS / name).read_bytes())
    edited = tmp_path / f"{MIGRATION}.sql"
    edited.write_text(edited.read_text().replace("to authenticated using (", "to anon using (", 1))

    broken, repaired = run_check(tmp_path), run_check(tmp_path, "--write")

    assert broken.returncode == 1
    assert f"differs from tables.toml: {MIGRATION}.sql" in broken.stdout
    assert "schema.sql" not in broken.stdout
    assert repaired.returncode == 0
    assert run_check(tmp_path).returncode == 0


@pytest.mark.parametrize("schema", ["", BEGIN, f"{END}\n{BEGIN}\n", f"{BEGIN}\n{END}\n{END}\n"])
def test_schema_without_its_two_lines_is_refused(schema: str) -> None:
    with pytest.raises(MigrationFileError, match="once each, in this order"):
        replace_section(schema, load_tables())


def test_section_is_replaced_and_what_surrounds_it_stays() -> None:
    once = replace_section(f"before\n{BEGIN}\nold\n{END}\nafter\n", load_tables())

    assert once.startswith(f"before\n{BEGIN}\n")
    assert once.endswith(f"{END}\nafter\n")
    assert "old" not in once.split("\n")
    assert replace_section(once, load_tables()) == once


@pytest.mark.parametrize("table", load_tables(), ids=lambda table: table.name)
def test_table_gets_four_policies_for_authenticated_alone(table: Table) -> None:
    sql = write_table(table)
    policies = [each.text for each in split_statements(sql) if each.text.startswith("create policy")]

    assert [policy.split()[2] for policy in policies] == list(policy_names(table))
    assert all(" to authenticated " in policy.split("\n")[0] for policy in policies)
    assert "force row level security" in sql
    assert ("to authenticated;" in sql) == (table.rule is not Rule.SERVICE)


@pytest.mark.parametrize("table", load_tables(), ids=lambda table: table.name)
def test_identity_is_read_once_per_query_and_never_per_row(table: Table) -> None:
    """A bare auth.uid() is called for every row; inside a scalar sub-select it becomes an InitPlan."""
    sql = write_table(table)

    assert sql.count("auth.uid()") == sql.count("(select auth.uid())")
    assert "private.my_teams(" not in sql.replace("(select private.my_teams(", "")


def test_no_policy_of_a_write_is_open() -> None:
    for table in load_tables():
        found = derive_predicates(table)
        assert "true" not in {found.select, found.insert, found.update_using, found.update_check, found.delete}


def test_migration_locks_everything_first_and_makes_policies_in_the_same_transaction() -> None:
    text = generate_files(load_tables())[f"{MIGRATION}.sql"]
    first, *others = [each.text for each in split_statements(text)]

    assert first.startswith("lock table ")
    assert all(f"public.{table.name}" in first for table in load_tables())
    assert "-- @transaction yes" in text
    assert sum(each.startswith("create policy") for each in others) == 4 * len(load_tables())


def test_way_down_takes_everything_back() -> None:
    down = generate_files(load_tables())[f"{MIGRATION}.down.sql"]
    section = write_section(load_tables())

    for word in ("policy", "trigger"):
        assert down.count(f"drop {word} ") == section.count(f"create {word} ")
    assert [name for name in load_function_sql() if f"private.{name}(" not in down] == []


def test_functions_that_see_past_the_policies_fix_their_search_path() -> None:
    functions = load_function_sql()

    assert len(functions) == 13
    assert [name for name, text in functions.items() if "set search_path = ''" not in text] == []


def evaluate(condition, facts: dict[str, bool]) -> bool:
    if isinstance(condition, str):
        return facts[condition]
    assert isinstance(condition, Join)
    return (all if condition.word == "and" else any)(evaluate(part, facts) for part in condition.parts)


conditions = st.recursive(
    st.sampled_from(["a", "b", "c"]),
    lambda inner: st.builds(
        lambda join, parts: join(*parts), st.sampled_from([any_of, all_of]), st.lists(inner, min_size=1, max_size=3)
    ),
)


@given(conditions, st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_rendered_condition_means_what_the_tree_means(condition, values: tuple[bool, bool, bool]) -> None:
    """Python reads `and`, `or` and parentheses as SQL does; three-valued logic does not arise without null."""
    facts = dict(zip("abc", values, strict=True))

    assert eval(f"({render(condition, 0)})", {}, facts) == evaluate(condition, facts)  # noqa: S307 - our own three names


def test_exists_is_rendered_with_its_condition_inside() -> None:
    text = render(any_of("x", Exists("things", "t", all_of("t.a", any_of("t.b", "t.c")))), 0)

    assert " ".join(text.split()) == "x or exists ( select from public.things as t where t.a and ( t.b or t.c ) )"


@given(st.lists(st.text("abc_", min_size=1, max_size=30), min_size=1, max_size=60))
def test_wrapped_list_loses_no_name_and_stays_narrow(names: list[str]) -> None:
    text = wrap(names, lead="grant insert (", end=") on t;")

    assert (
        text.removeprefix("grant insert (").removesuffix(") on t;").replace("\n", " ").replace(",", "").split() == names
    )
    assert max(map(len, text.splitlines())) <= 120
