"""Every role against every table with every command: 21 tables, 4 commands, 12 roles, each cell with its control."""

# ruff: noqa: S608 - statements are made of our own words; whole statements are what is tested

import pytest
from caller import Database, token
from matrix import ROLES, Cell, build_matrix, passed
from world import SERVICE_TABLES, UPDATABLE

MATRIX = build_matrix()


@pytest.mark.parametrize("cell", MATRIX, ids=lambda cell: f"{cell.table}-{cell.command}")
def test_exactly_the_listed_roles_succeed(rls: Database, cell: Cell) -> None:
    control, _ = rls.attempt(token("service_role"), cell.sql)
    assert passed(cell, control), f"the statement itself is broken: {control.error}"

    outcomes = {role: rls.attempt(token(role), cell.sql)[0] for role in ROLES}

    assert {role for role, outcome in outcomes.items() if passed(cell, outcome)} == cell.allowed
    others = {role: outcome for role, outcome in outcomes.items() if role not in cell.allowed}
    assert {role: outcome.error for role, outcome in others.items() if not outcome.is_refused} == {}


def test_matrix_asks_every_table_every_command() -> None:
    asked = {(cell.table, cell.command) for cell in MATRIX}
    tables = {*UPDATABLE, *SERVICE_TABLES, "team_roles", "model_versions"}

    assert asked == {(table, command) for table in tables for command in ("select", "insert", "update", "delete")}
    assert len(MATRIX) * len(ROLES) == 1008


def test_every_person_sees_exactly_the_rows_that_the_oracle_lists(rls: Database) -> None:
    """The whole world at once, so that a row which is hidden by mistake shows too."""
    wrong = {}
    for person in (*ROLES[1:-1], "checker", "loner", "stranger_member", "c_owner", "c_member", "c_viewer"):
        who = token(person)
        for table, rows in rls.world.rows.items():
            if table in SERVICE_TABLES:
                continue
            key = "user_id" if table == "user_profiles" else "id"
            found = {str(row[0]) for row in rls.attempt(who, f"select {key} from public.{table}")[0].rows}
            expected = {str(row.key) for row in rows if rls.oracle.sees(who.user, row)}
            if found != expected:
                wrong[person, table] = (found - expected, expected - found)

    assert wrong == {}
