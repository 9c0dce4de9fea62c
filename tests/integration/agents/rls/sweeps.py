"""Every person against every row in every direction, judged by the oracle: what luck may leave out, a sweep does not.

Access is held in layers that mask one another: grants, USING, WITH CHECK, triggers. Some sweeps take one layer away
first, so that the next is seen working alone.
"""

# ruff: noqa: S608 - statements are made of our own words; whole statements are what is tested

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from caller import ANON, Claimant, Database, Outcome, token
from psycopg import errors as pg
from world import KINDS, PEOPLE, SERVICE_TABLES, UPDATABLE, Row, make_id

PLACED = ("projects", "molecules", "mixtures", "experiments", "predictions")
_NO_TRIGGERS = "alter table public.{table} disable trigger user"
_ALL_COLUMNS = "grant update on public.{table} to authenticated"
_CHILDREN = ("mixture_components", "experiment_properties", "lab_verifications", "shared_content")
_CREATES_ONLY = (
    "update public.team_roles set can_update = false, can_update_verifications = false where name = 'member'"
)
_NO_UPDATE = frozenset({("member", "update"), ("member", "update_verifications")})
_BLIND = "update public.team_roles set can_view_verifications = false where name in ('member', 'viewer')"
_NO_VERIFICATIONS = frozenset({("member", "view_verifications"), ("viewer", "view_verifications")})
_DOES_NOT_CREATE = "update public.team_roles set can_create = false where name = 'member'"
_NO_CREATE = frozenset({("member", "create")})
# Accepted by every layer of access, refused by the data model.
_DATA_MODEL = (pg.ForeignKeyViolation, pg.UniqueViolation, pg.CheckViolation, pg.NotNullViolation)


@dataclass(frozen=True)
class Case:
    """One statement and whether the layers of access must let it through."""

    who: Claimant
    sql: str
    expected: bool


@dataclass(frozen=True)
class Sweep:
    """Cases that share what the superuser does before them."""

    command: str
    name: str
    setup: str
    cases: Callable[[Database, str], Iterator[Case]]
    lacking: frozenset[tuple[str, str]] = frozenset()


def is_let_through(outcome: Outcome) -> bool:
    if isinstance(outcome.error, _DATA_MODEL):
        return True
    if outcome.error is not None and not isinstance(outcome.error, pg.InsufficientPrivilege):
        raise outcome.error
    return outcome.error is None and outcome.rowcount == 1


def find_difference(database: Database, table: str, command: str = "") -> str:
    """Run a table's sweeps, or those of one command, and describe the first case that the oracle judges otherwise."""
    for sweep in sweeps_of(table):
        if command not in {"", sweep.command}:
            continue
        for case, outcome in run(database, sweep, table):
            if is_let_through(outcome) != case.expected:
                verb = "refused" if case.expected else "let through"
                return f"{sweep.name}: {verb} {case.who.claims} {case.sql} {outcome.error or ''}"
    return ""


def run(database: Database, sweep: Sweep, table: str) -> Iterator[tuple[Case, Outcome]]:
    conn = database.conn
    conn.execute("savepoint sweep")
    database.oracle.lacking = sweep.lacking
    try:
        if sweep.setup:
            conn.execute(sweep.setup.format(table=table).encode())
        for case in sweep.cases(database, table):
            yield case, database.attempt(case.who, case.sql)[0]
    finally:
        database.oracle.lacking = frozenset()
        if conn.info.transaction_status is not psycopg.pq.TransactionStatus.UNKNOWN:
            conn.execute("rollback to savepoint sweep; release savepoint sweep")


def sweeps_of(table: str) -> Iterator[Sweep]:
    yield Sweep("select", "select", "", _selects)
    yield Sweep("select", "select by people without a user", "", _selects_without_user)
    if table not in UPDATABLE:
        return
    if table == "lab_verifications":
        yield Sweep("select", "select by a role that does not view verifications", _BLIND, _selects, _NO_VERIFICATIONS)
    yield Sweep("update", "select for update", "", _locks)
    yield Sweep("update", "update", "", _updates)
    yield Sweep("delete", "delete", "", _deletes)
    yield Sweep("insert", "insert", "", _inserts)
    # Roles are data: one that creates without updating shows that both rights are asked for by themselves.
    if table in (*PLACED, *_CHILDREN):
        yield Sweep("update", "update by a role that only creates", _CREATES_ONLY, _updates, _NO_UPDATE)
        yield Sweep("delete", "delete by a role that only creates", _CREATES_ONLY, _deletes, _NO_UPDATE)
        yield Sweep("insert", "insert by a role that only creates", _CREATES_ONLY, _inserts, _NO_UPDATE)
        yield Sweep("insert", "insert by a role that does not create", _DOES_NOT_CREATE, _inserts, _NO_CREATE)
    if table in PLACED:
        yield Sweep("update", "move", "", _moves)
        yield Sweep("update", "move without triggers", _NO_TRIGGERS, _moves_by_policy)
    yield Sweep("update", "created_by with the grant", _ALL_COLUMNS, _created_by_changes)
    yield Sweep(
        "update", "change of place with grants, without triggers", f"{_ALL_COLUMNS}; {_NO_TRIGGERS}", _relocations
    )


def _key(table: str) -> str:
    return "user_id" if table == "user_profiles" else "id"


def _literal(value: Any) -> str:
    return "null" if value is None else f"'{value}'"


def _rows(database: Database, table: str) -> list[Row]:
    return [Row(name, key, values) for (name, key), values in database.planted.items() if name == table]


def _people() -> Iterator[Claimant]:
    return map(token, PEOPLE)


def _each(database: Database, table: str) -> Iterator[tuple[Claimant, Row, str]]:
    for who in _people():
        for row in _rows(database, table):
            yield who, row, f"{_key(table)} = {_literal(row.key)}"


def _selects(database: Database, table: str) -> Iterator[Case]:
    for who, row, where in _each(database, table):
        yield Case(who, f"select 1 from public.{table} where {where}", database.oracle.sees(who.user, row))


def _selects_without_user(database: Database, table: str) -> Iterator[Case]:
    nobody = (
        token(ANON),
        Claimant("authenticated", {"role": "authenticated"}),
        Claimant("authenticated", {"role": "service_role"}),
    )
    for who in nobody:
        for row in _rows(database, table):
            yield Case(who, f"select 1 from public.{table} where {_key(table)} = {_literal(row.key)}", expected=False)


def _locks(database: Database, table: str) -> Iterator[Case]:
    """FOR UPDATE asks the USING of the update policy and no other part of it."""
    for who, row, where in _each(database, table):
        expected = database.oracle.sees(who.user, row) and database.oracle.changes(who.user, row)
        yield Case(who, f"select 1 from public.{table} where {where} for update", expected)


def _updates(database: Database, table: str) -> Iterator[Case]:
    oracle = database.oracle
    for who, row, where in _each(database, table):
        for column, value in _harmless_changes(database, table):
            after = {**row.values, column: value}
            expected = oracle.sees(who.user, row) and oracle.may_turn_into(who.user, row, after, changed={column})
            expected = expected and oracle.sees(who.user, Row(table, row.name, after))
            yield Case(who, f"update public.{table} set {column} = {_literal(value)} where {where}", expected)


def _harmless_changes(database: Database, table: str) -> list[tuple[str, Any]]:
    if table == "user_team_membership":
        return [("role_id", role) for role in database.world.roles.values()]
    if table == "lab_verifications":
        return [("comments", "x"), ("verifier", make_id("stranger")), ("verifier", None)]
    if table == "experiments":
        return [("name", "x"), ("mixture_id", make_id("mixtures b1")), ("mixture_id", make_id("mixtures l1"))]
    first = {
        "shared_content": ("can_update", True),
        "mixture_components": ("amount", 2),
        "predictions": ("unit", "x"),
        "user_profiles": ("display_name", "x"),
        "training_jobs": ("model_name", "x"),
    }
    return [first.get(table, ("name", "x"))]


def _deletes(database: Database, table: str) -> Iterator[Case]:
    for who, row, where in _each(database, table):
        expected = database.oracle.sees(who.user, row) and database.oracle.deletes(who.user, row)
        yield Case(who, f"delete from public.{table} where {where}", expected)


def _places(database: Database, table: str) -> Iterator[tuple[str, Any]]:
    for team in (None, *(row.key for row in database.world.rows["teams"])):
        yield "team_id", team
    if "project_id" in UPDATABLE[table]:
        for project in (None, *(row.key for row in database.world.rows["projects"])):
            yield "project_id", project


def _moves(database: Database, table: str) -> Iterator[Case]:
    oracle = database.oracle
    for who, row, where in _each(database, table):
        if not oracle.sees(who.user, row):
            continue
        for column, value in _places(database, table):
            after = {**row.values, column: value}
            changed = {column} if row[column] != value else set()
            expected = (
                oracle.sees(who.user, row)
                and oracle.may_turn_into(who.user, row, after, changed=changed)
                and oracle.sees(who.user, Row(table, row.name, after))
                and oracle.changes(who.user, Row(table, row.name, after))
            )
            yield Case(who, f"update public.{table} set {column} = {_literal(value)} where {where}", expected)


def _moves_by_policy(database: Database, table: str) -> Iterator[Case]:
    """Without triggers the row as it was and the row as it becomes are each judged alone."""
    for who, row, _ in _each(database, table):
        for column, value in _places(database, table) if database.oracle.changes(who.user, row) else ():
            yield _judged_alone(database, who, row, column, value)


def _judged_alone(database: Database, who: Claimant, row: Row, column: str, value: Any) -> Case:
    oracle, then = database.oracle, Row(row.table, row.name, {**row.values, column: value})
    where = f"{_key(row.table)} = {_literal(row.key)}"
    expected = all(ask(who.user, each) for ask in (oracle.sees, oracle.changes) for each in (row, then))
    return Case(who, f"update public.{row.table} set {column} = {_literal(value)} where {where}", expected)


def _created_by_changes(database: Database, table: str) -> Iterator[Case]:
    """Whoever could set the column still cannot change it: the trigger alone refuses."""
    if table == "user_profiles":
        return
    for who, row, where in _each(database, table):
        if database.oracle.changes(who.user, row):
            other = make_id("stranger" if row["created_by"] != make_id("stranger") else "creator")
            yield Case(who, f"update public.{table} set created_by = '{other}' where {where}", expected=False)


def _relocations(database: Database, table: str) -> Iterator[Case]:
    """With every column granted, WITH CHECK alone says where a row may end up."""
    columns = {
        "mixture_components": ("mixture_id", "mixtures"),
        "experiment_properties": ("experiment_id", "experiments"),
        "lab_verifications": ("experiment_id", "experiments"),
        "user_team_membership": ("team_id", "teams"),
        "user_profiles": ("user_id", "user_profiles"),
    }
    if table == "shared_content":
        yield from _relocated_shares(database)
        return
    column, target = columns.get(table, ("created_by", "user_profiles"))
    if table == "teams":
        return
    for who, row, _ in _each(database, table):
        if database.oracle.changes(who.user, row):
            for other in _rows(database, target):
                value = other["user_id"] if target == "user_profiles" else other.key
                if value != row[column]:
                    yield _judged_alone(database, who, row, column, value)
    if table == "user_team_membership":
        yield from _memberships_handed_on(database)


def _memberships_handed_on(database: Database) -> Iterator[Case]:
    for who, row, _ in _each(database, "user_team_membership"):
        if database.oracle.changes(who.user, row):
            yield _judged_alone(database, who, row, "user_id", who.user)


def _relocated_shares(database: Database) -> Iterator[Case]:
    for who, row, _ in _each(database, "shared_content"):
        kind = next(kind for kind in KINDS if row[f"{kind}_id"] is not None)
        if database.oracle.changes(who.user, row):
            for other in _rows(database, f"{kind}s"):
                yield _judged_alone(database, who, row, f"{kind}_id", other.key)


def _inserts(database: Database, table: str) -> Iterator[Case]:
    empty = dict.fromkeys(_rows(database, table)[0].values)
    for who in _people():
        for values in _new_rows(database, table, str(who.user)):
            row = {**empty, **values}
            expected = database.oracle.inserts(who.user, table, row)
            columns = ", ".join(values)
            sql = f"insert into public.{table} ({columns}) values ({', '.join(map(_literal, values.values()))})"
            yield Case(who, sql, expected)


def _new_rows(database: Database, table: str, me: str) -> Iterator[dict[str, Any]]:
    """New rows in every place, by the caller, by another and by nobody."""
    others = (make_id("creator" if me != make_id("creator") else "owner"), None)
    for number, values in enumerate(_SHAPES[table](database, me)):
        if table == "user_profiles":
            yield values
            continue
        # created_by is judged by itself: a few places are enough for the two who are not the caller.
        yield from ({**values, "created_by": by} for by in (me, *(others if number % 7 == 1 or number == 0 else ())))


def _keys(database: Database, table: str) -> list[Any]:
    return [row.key for row in database.world.rows[table]]


def _placed_rows(**fixed: Any) -> Callable[[Database, str], Iterator[dict[str, Any]]]:
    def make(database: Database, _: str) -> Iterator[dict[str, Any]]:
        for team in (None, *_keys(database, "teams")):
            for project in (None, *_keys(database, "projects")):
                yield {"team_id": team, "project_id": project, **fixed}

    return make


def _project_rows(database: Database, _: str) -> Iterator[dict[str, Any]]:
    for team in (None, *_keys(database, "teams")):
        yield {"team_id": team, "name": "x"}


def _experiment_rows(database: Database, me: str) -> Iterator[dict[str, Any]]:
    yield from _placed_rows(name="x", mixture_id=make_id("mixtures a1"))(database, me)
    for column, table in (("mixture_id", "mixtures"), ("molecule_id", "molecules")):
        for key in _keys(database, table):
            yield {"team_id": None, "name": "x", column: key}


def _prediction_rows(database: Database, _: str) -> Iterator[dict[str, Any]]:
    fixed = {
        "model_version_id": 1,
        "target": "x",
        "unit": "K",
        "prediction": 1,
        "lower_bound": 0,
        "upper_bound": 2,
        "confidence_level": 0.9,
        "in_domain": True,
    }
    for team in (None, *_keys(database, "teams")):
        yield {"team_id": team, "molecule_id": make_id("molecules a1"), **fixed}
    for column, table in (("mixture_id", "mixtures"), ("molecule_id", "molecules")):
        for key in _keys(database, table):
            yield {"team_id": None, column: key, **fixed}


def _component_rows(database: Database, _: str) -> Iterator[dict[str, Any]]:
    fixed = {"amount": 1, "amount_unit": "mol/L"}
    for mixture in _keys(database, "mixtures"):
        yield {"mixture_id": mixture, "molecule_id": make_id("molecules a1"), **fixed}
    for molecule in _keys(database, "molecules"):
        for mixture in ("a1", "l1", "b1"):
            yield {"mixture_id": make_id(f"mixtures {mixture}"), "molecule_id": molecule, **fixed}


def _property_rows(database: Database, _: str) -> Iterator[dict[str, Any]]:
    for experiment in _keys(database, "experiments"):
        yield {"experiment_id": experiment, "name": "x", "text_value": "x"}


def _verification_rows(database: Database, me: str) -> Iterator[dict[str, Any]]:
    for experiment in _keys(database, "experiments"):
        yield {"experiment_id": experiment, "verifier": me}


def _share_rows(database: Database, me: str) -> Iterator[dict[str, Any]]:
    for kind in KINDS:
        for key in _keys(database, f"{kind}s"):
            yield {f"{kind}_id": key, "shared_with_user_id": me}
    for team in _keys(database, "teams"):
        for name in ("a1", "b1", "l1"):
            yield {"molecule_id": make_id(f"molecules {name}"), "shared_with_team_id": team}


def _membership_rows(database: Database, me: str) -> Iterator[dict[str, Any]]:
    for team in _keys(database, "teams"):
        for role in database.world.roles.values():
            for user in (me, make_id("loner")):
                yield {"user_id": user, "team_id": team, "role_id": role}


def _profile_rows(_: Database, me: str) -> Iterator[dict[str, Any]]:
    for user in (me, make_id("loner"), make_id("checker")):
        yield {"user_id": user, "display_name": "x"}


_SHAPES: dict[str, Callable[[Database, str], Iterator[dict[str, Any]]]] = {
    "projects": _project_rows,
    "molecules": _placed_rows(name="x", smiles="C"),
    "mixtures": _placed_rows(name="x"),
    "experiments": _experiment_rows,
    "predictions": _prediction_rows,
    "mixture_components": _component_rows,
    "experiment_properties": _property_rows,
    "lab_verifications": _verification_rows,
    "shared_content": _share_rows,
    "teams": lambda _, __: iter([{"name": "x"}]),
    "user_team_membership": _membership_rows,
    "user_profiles": _profile_rows,
    "training_jobs": lambda _, __: iter([{"model_name": "x"}]),
}
TABLES = (*UPDATABLE, "team_roles", "model_versions", *SERVICE_TABLES)
