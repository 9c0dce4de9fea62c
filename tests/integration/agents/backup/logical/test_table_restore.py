import pytest

from agents.backup.contents import Limits, read_contents, snapshot
from agents.backup.differences import compare
from agents.backup.engine import no_progress
from agents.backup.errors import TableRefusedError
from agents.backup.tables.restore import Choice, TableDifference, TableRestorer
from agents.backup.tables.shape import parse_table
from agents.runtime.errors import DatabaseRefusedError
from agents.runtime.postgres import Table

MOLECULES, MIXTURES, TEAMS = Table("public", "molecules"), Table("public", "mixtures"), Table("public", "teams")


def contents_of(conn):
    with snapshot(conn, Limits()):
        return read_contents(conn)


@pytest.fixture
def restorer(protected, workshop, database, settings_of):
    """Restores from a set that was taken before the tests damage anything."""
    taken = protected.back_up()
    manifest = protected.engine.sets.open(taken.label)
    with database.connect() as conn:
        yield TableRestorer(protected.engine, manifest, workshop, conn, settings_of(database))


def execute(database, *statements: str) -> None:
    with database.connect() as conn:
        for statement in statements:
            conn.execute(statement)


DAMAGE = (
    "alter table public.molecules disable trigger all",
    "delete from public.mixtures where molecule_id = 11",
    "update public.molecules set weight = 0.5, name = 'wrong' where id between 20 and 29",
    "delete from public.molecules where id = 11",
    "delete from public.molecules where id = 12",  # its mixture is left behind, as only a switched-off trigger can
    "insert into public.molecules (team_id, name, weight) values (1, 'new', 1), (2, 'newer', 2)",
    "alter table public.molecules enable trigger all",
)


def test_a_dry_run_tells_the_difference_and_writes_nothing(database, restorer, scratch) -> None:
    execute(database, *DAMAGE)
    before = contents_of(restorer.live)

    found = restorer.run(Choice([MOLECULES]), progress=no_progress)

    assert found.differences == (TableDifference(MOLECULES, only_here=2, only_there=2, different=10),)
    assert not found.swapped
    assert compare(before, contents_of(restorer.live)) == ()
    assert list(scratch.iterdir()) == []


def test_a_swap_brings_the_rows_back_and_nothing_else_changes(database, restorer) -> None:
    """Must show 4: a table with foreign keys both ways, sequences, a policy, a trigger and grants."""
    execute(
        database,
        *DAMAGE,
        "insert into public.teams (name) values ('later')",
        "insert into private.audit default values",
    )
    before = contents_of(restorer.live)

    found = restorer.run(Choice([MOLECULES], swap=True), progress=no_progress)
    after = contents_of(restorer.live)

    assert found.swapped
    assert after.tables["public.molecules"] == restorer.manifest.contents.tables["public.molecules"]
    changed = {each.object for each in compare(before, after)}
    # The rows of the table, and the orphan of mixtures, which has its parent again.
    assert changed == {"public.molecules", "public.mixtures.mixtures_molecule_id_fkey"}
    assert after.orphans == {}
    assert after.schema_facts == before.schema_facts
    assert {name: state for name, state in after.tables.items() if name != "public.molecules"} == {
        name: state for name, state in before.tables.items() if name != "public.molecules"
    }
    # Ids that were given out after the backup are not given out again.
    assert after.sequences == before.sequences
    with database.connect() as conn:
        told = conn.execute(
            "insert into public.molecules (team_id, name, weight) values (1, 'x', 1) returning id, touched_at"
        )
        identity, touched_at = told.fetchone()  # type: ignore[misc]
        assert identity == 403
        assert touched_at is not None


def test_each_trigger_is_left_as_it_was(database, restorer) -> None:
    execute(
        database,
        "create trigger never before update on public.molecules for each row execute function private.touch()",
        "create trigger always before update on public.molecules for each row execute function private.touch()",
        "alter table public.molecules disable trigger never",
        "alter table public.molecules enable always trigger always",
        "delete from public.mixtures where molecule_id = 3",
        "delete from public.molecules where id = 3",
    )
    before = contents_of(restorer.live)

    restorer.run(Choice([MOLECULES], swap=True), progress=no_progress)

    assert contents_of(restorer.live).schema_facts == before.schema_facts


def test_a_row_with_children_is_never_deleted(database, restorer) -> None:
    execute(
        database,
        "insert into public.molecules (team_id, name, weight) values (1, 'new', 1)",
        "insert into public.mixtures (molecule_id, note) select max(id), 'mine' from public.molecules",
    )
    before = contents_of(restorer.live)

    with pytest.raises(TableRefusedError, match=r"1 rows of public\.mixtures refer to rows that the set does not have"):
        restorer.run(Choice([MOLECULES], swap=True), progress=no_progress)
    assert compare(before, contents_of(restorer.live)) == ()

    restorer.run(Choice([MOLECULES, MIXTURES], swap=True), progress=no_progress)

    after = contents_of(restorer.live)
    for name in ("public.molecules", "public.mixtures"):
        assert after.tables[name] == restorer.manifest.contents.tables[name]


def test_a_child_that_stays_and_moved_to_a_new_parent_stops_a_cascade(database, restorer) -> None:
    execute(
        database,
        "insert into public.teams (name) values ('new')",
        "update public.molecules set team_id = (select max(id) from public.teams) where id = 7",
    )
    before = contents_of(restorer.live)

    with pytest.raises(TableRefusedError, match=r"1 rows of public\.molecules refer"):
        restorer.run(Choice([TEAMS, MOLECULES], swap=True), progress=no_progress)

    assert compare(before, contents_of(restorer.live)) == ()


def test_a_row_whose_parent_is_gone_is_named_and_comes_back_with_it(database, restorer) -> None:
    execute(
        database,
        "delete from public.mixtures where molecule_id in (select id from public.molecules where team_id = 3)",
        "delete from public.teams where id = 3",
    )

    with pytest.raises(TableRefusedError, match=r"80 of its rows in the set refer to rows of public\.teams"):
        restorer.run(Choice([MOLECULES], swap=True), progress=no_progress)
    restorer.run(Choice([MIXTURES, MOLECULES, TEAMS], swap=True), progress=no_progress)

    differing = {each.object for each in compare(restorer.manifest.contents, contents_of(restorer.live))}
    assert differing <= {"private.audit", "private.audit_id_seq"}


def test_the_tables_can_be_left_beside_the_live_ones(database, restorer) -> None:
    execute(database, *DAMAGE)
    before = contents_of(restorer.live)

    restorer.run(Choice([MOLECULES], side_schema="before_the_accident"), progress=no_progress)

    after = contents_of(restorer.live)
    assert after.tables["before_the_accident.molecules"].rows == 400
    assert after.tables["public.molecules"] == before.tables["public.molecules"]


def test_a_dropped_table_comes_back_with_all_that_belonged_to_it(database, restorer) -> None:
    before = contents_of(restorer.live)
    execute(database, "drop table public.molecules cascade")

    dry = restorer.run(Choice([MOLECULES]), progress=no_progress)
    assert dry.missing == (MOLECULES,)
    restorer.run(Choice([MOLECULES], swap=True), progress=no_progress)

    differing = {each.object for each in compare(before, contents_of(restorer.live))}
    # A view over the table is not part of it.
    assert {name for name in differing if "molecule_names" not in name} == set()


@pytest.mark.parametrize(
    ("change", "tables", "told"),
    [
        ("alter table public.molecules add column extra text", [MOLECULES], "columns extra are not what they were"),
        ("alter table public.molecules alter column name type varchar(80)", [MOLECULES], "columns name are not"),
        ("alter table public.mixtures drop constraint mixtures_pkey", [MIXTURES], "has no primary key"),
        ("select 1", [Table("public", "none")], "has no table public.none"),
        ("drop table public.mixtures", [MIXTURES, MOLECULES], "restore them in a command of their own first"),
    ],
)
def test_what_cannot_be_restored_is_refused_and_nothing_changes(database, restorer, change, tables, told) -> None:
    execute(database, "drop view public.molecule_names", change)
    before = contents_of(restorer.live)

    with pytest.raises(TableRefusedError, match=told):
        restorer.run(Choice(tables, swap=True), progress=no_progress)

    assert compare(before, contents_of(restorer.live)) == ()


def test_a_failure_in_the_middle_leaves_everything_as_it_was(database, restorer) -> None:
    execute(database, *DAMAGE, "alter table public.molecules add constraint late check (id <> 11) not valid")
    before = contents_of(restorer.live)

    with pytest.raises(DatabaseRefusedError, match=r"late.*nothing was changed"):
        restorer.run(Choice([MOLECULES], swap=True), progress=no_progress)

    assert compare(before, contents_of(restorer.live)) == ()


@pytest.mark.parametrize(("text", "expected"), [("teams", TEAMS), ("private.audit", Table("private", "audit"))])
def test_a_table_is_named_with_or_without_its_schema(text, expected) -> None:
    assert parse_table(text) == expected
