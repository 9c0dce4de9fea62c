"""Remembers what an adoption left in place, so that `verify` knows it from a change that nobody declared."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.migrate.adopt.legacy import LegacyRules
from agents.migrate.adopt.shape import Shape, load_adopt_sql
from agents.migrate.history import ask_bool
from agents.runtime.postgres import Connection
from agents.runtime.postgres.fingerprint import Fact

_FOREIGN_KEY = re.compile(r"FOREIGN KEY \((?P<columns>[^)]*)\)")
_WHY = {
    "relation": "only v2 has it",
    "column": "only v2 has it, and its values stay",
    "constraint": "is over columns that only v2 has",
    "index": "helps queries of v2 and contradicts nothing",
    "trigger": "does something of v2 that the declared schema has no word for",
    "function": "only v2 has it",
    "view": "only v2 has it",
    "usage": "was there before",
    "schema": "was there before, and is not ours to drop",
}
# What hangs on a kept table or view goes with it; of a declared table these parts are for the files after adoption.
_LATER = {"policy", "grant", "column grant", "function grant"}


@dataclass(frozen=True, slots=True, order=True)
class KeptObject:
    """One thing that is not declared and stays; kind and name as the fingerprint writes them."""

    kind: str
    name: str
    reason: str


def list_kept(
    declared: frozenset[Fact], live: frozenset[Fact], shape: Shape, rules: LegacyRules
) -> tuple[KeptObject, ...]:
    """Return what a database has beyond the declared shape; pure.

    Args:
        declared: facts of the shape that the adopted files make.
        live: facts of the database after the adoption's changes.
        shape: the declared shape, to tell a foreign key that a later file repairs.
        rules: names of tables that were set aside.
    """
    wanted = {(fact.kind, fact.object_name) for fact in declared}
    surplus = [fact for fact in live if (fact.kind, fact.object_name) not in wanted]
    relations = {fact.object_name for fact in surplus if fact.kind == "relation"}
    aside = {f"{rule.table.partition('.')[0]}.{rule.to}": rule.because for rule in rules.set_aside}
    found = [
        KeptObject(fact.kind, fact.object_name, aside.get(fact.object_name, _WHY[fact.kind]))
        for fact in surplus
        if fact.kind not in _LATER and not _is_part_of(fact, relations) and not _is_repaired_later(fact, shape)
    ]
    changed = {fact.object_name for fact in live - declared if fact.kind == "schema"} & {"auth", "public"}
    found += [KeptObject("schema", name, _WHY["schema"]) for name in changed]
    return tuple(sorted(set(found)))


def tolerate(facts: Iterable[Fact], kept: Sequence[KeptObject]) -> frozenset[Fact]:
    """Return the facts without kept objects and without the parts of kept tables and views."""
    names = {(each.kind, each.name) for each in kept}
    relations = {each.name for each in kept if each.kind == "relation"}
    functions = {each.name for each in kept if each.kind == "function"}
    return frozenset(
        fact
        for fact in facts
        if (fact.kind, fact.object_name) not in names
        and not _is_part_of(fact, relations)
        and not (fact.kind == "function grant" and fact.object_name.rpartition(" to ")[0] in functions)
    )


def read_kept(conn: Connection) -> tuple[KeptObject, ...]:
    """Return what an adoption recorded; a database that was never adopted has nothing."""
    if not ask_bool(conn, "adopted_objects_exist", {}):
        return ()
    rows = conn.execute(load_adopt_sql("read_kept")).fetchall()
    return tuple(KeptObject(str(row[0]), str(row[1]), str(row[2])) for row in rows)


def record_kept(conn: Connection, kept: Sequence[KeptObject]) -> None:
    """Write what stays, in the caller's transaction."""
    conn.execute(load_adopt_sql("create_kept"))
    with conn.cursor() as cursor:
        cursor.executemany(
            load_adopt_sql("record_kept"),
            [{"kind": each.kind, "name": each.name, "reason": each.reason} for each in kept],
        )


def _is_part_of(fact: Fact, relations: set[str]) -> bool:
    """Whether a fact is about a column, constraint, trigger, policy or grant of one of the relations, or its query."""
    if fact.kind == "view":
        return fact.object_name in relations
    if fact.kind == "grant":
        return fact.object_name.partition(" to ")[0] in relations
    if fact.kind in {"column", "constraint", "trigger", "policy", "column grant"}:
        return ".".join(fact.object_name.split(".")[:2]) in relations
    return False


def _is_repaired_later(fact: Fact, shape: Shape) -> bool:
    """Whether a foreign key is over a declared one's columns: the repair of foreign keys drops or replaces it."""
    found = _FOREIGN_KEY.match(fact.text)
    if fact.kind != "constraint" or found is None:
        return False
    table = shape.tables.get(".".join(fact.object_name.split(".")[:2]))
    columns = {name.strip(' "') for name in found["columns"].split(",")}
    return table is not None and bool(columns & table.foreign_key_columns)
