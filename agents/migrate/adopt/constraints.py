"""Decides what happens to constraints and indexes of a table that exists; pure.

Foreign keys are left to the migration that repairs them. The same rule under another name is renamed, a second copy
is dropped, so is a rule that forbids what the declared schema allows; anything over columns that only v2 has stays.
"""

from collections.abc import Iterator, Sequence

from psycopg import sql

from agents.migrate.adopt.actions import Action, Refusal, Step, alter, code, name_table, put_name
from agents.migrate.adopt.preflight import TableFacts
from agents.migrate.adopt.shape import Constraint, Index, Table

_KIND = {"p": "primary key", "u": "unique constraint", "c": "check", "x": "exclusion constraint"}


def diff_constraints(declared: Table, live: Table, facts: TableFacts) -> Iterator[Action | Refusal]:
    """Say what the constraints of an existing table need, foreign keys left out."""
    existing = [each for each in live.constraints if each.kind != "f"]
    for wanted in (each for each in declared.constraints if each.kind != "f"):
        same = [each for each in existing if (each.kind, each.definition) == (wanted.kind, wanted.definition)]
        chosen = next((each for each in same if each.name == wanted.name), same[0] if same else None)
        yield from (_drop(declared, each, "a second copy of the same rule") for each in same if each is not chosen)
        if chosen is None:
            yield from _add(declared, live, wanted, facts)
            continue
        if chosen.name != wanted.name:
            yield _rename(declared, chosen.name, wanted.name)
        if not chosen.valid:
            yield _validate(declared, wanted, facts)
    yield from _drop_surplus(declared, existing)


def diff_indexes(declared: Table, live: Table) -> Iterator[Action]:
    """Say what the indexes of an existing table need, those of constraints left out."""
    taken = {each.name for each in _indexes_for_constraints(declared, live)}
    existing = [each for each in live.indexes if each.name not in taken]
    for wanted in declared.indexes:
        same = [each for each in existing if each.definition == wanted.definition and each.valid]
        chosen = next((each for each in same if each.name == wanted.name), same[0] if same else None)
        for each in existing:
            is_copy = each in same and each is not chosen
            is_in_the_way = each.name == wanted.name and each not in same
            if is_copy or is_in_the_way:
                yield _drop_index(declared, each, "a second copy" if is_copy else "has the name of another one")
        if chosen is None:
            create = put_name(wanted.definition, "INDEX", wanted.name)
            yield Action(
                Step.INDEX,
                f"{declared.schema}.{wanted.name}",
                "is declared and missing",
                (_concurrently(create),),
                alone=True,
            )
        elif chosen.name != wanted.name:
            names = sql.Identifier(declared.schema, chosen.name), sql.Identifier(wanted.name)
            rename = sql.SQL("alter index {} rename to {}").format(*names)
            because = f"is the index that is declared as {wanted.name}"
            yield Action(Step.INDEX, f"{declared.schema}.{chosen.name}", because, (rename,))
    ours = {column.name for column in declared.columns}
    known = {each.definition for each in declared.indexes} | {each.name for each in declared.indexes}
    for each in existing:
        if each.unique and set(each.columns) & ours and not {each.definition, each.name} & known:
            yield _drop_index(declared, each, "forbids rows that the declared schema allows")


def kept_constraints(declared: Table, live: Table) -> tuple[Constraint, ...]:
    """Return what stays although it is not declared: rules over columns that only v2 has."""
    ours = {column.name for column in declared.columns}
    known = {(each.kind, each.definition) for each in declared.constraints}
    return tuple(
        each
        for each in live.constraints
        if (each.kind, each.definition) not in known and not set(each.columns) & ours and each.columns
    )


def _add(declared: Table, live: Table, wanted: Constraint, facts: TableFacts) -> Iterator[Action | Refusal]:
    in_the_way = next((each for each in live.constraints if each.name == wanted.name), None)
    dropped = (_drop_statement(declared, in_the_way),) if in_the_way else ()
    where = f"{declared.full_name}.{wanted.name}"
    if wanted.kind in "pu":
        yield from _add_key(declared, live, wanted, facts, dropped)
        return
    add = sql.SQL("add constraint {} {} not valid").format(sql.Identifier(wanted.name), code(wanted.definition))
    because = "is declared and missing" if not in_the_way else "is declared with another rule under this name"
    yield Action(Step.CHECK, where, because, (*dropped, alter(declared, add)))
    yield _validate(declared, wanted, facts)


def _add_key(
    declared: Table, live: Table, wanted: Constraint, facts: TableFacts, dropped: tuple[sql.Composable, ...]
) -> Iterator[Action | Refusal]:
    where = f"{declared.full_name}.{wanted.name}"
    if wanted.kind == "p" and any(each.kind == "p" for each in live.constraints):
        old = next(each for each in live.constraints if each.kind == "p")
        told = f"has the key {old.definition}, declared is {wanted.definition}"
        yield Refusal(
            declared.full_name, told, "declare the table in legacy.toml as set aside, or change its key by hand"
        )
        return
    name = sql.Identifier(wanted.name)
    kind = sql.SQL("primary key" if wanted.kind == "p" else "unique")
    usable = next((each for each in _indexes_for_constraints(declared, live) if each.columns == wanted.columns), None)
    if usable is not None:
        statements: tuple[sql.Composable, ...] = (
            alter(
                declared, sql.SQL("add constraint {} {} using index {}").format(name, kind, sql.Identifier(usable.name))
            ),
        )
        because = f"its unique index {usable.name} is there already"
    else:
        columns = sql.SQL(", ").join(sql.Identifier(column) for column in wanted.columns)
        create = sql.SQL("create unique index concurrently if not exists {} on {} ({})")
        using = sql.SQL("add constraint {} {} using index {}").format(name, kind, name)
        statements = (create.format(name, name_table(declared), columns), alter(declared, using))
        because = f"the {_KIND[wanted.kind]} is declared and missing"
    yield Action(Step.KEY, where, because, (*dropped, *statements), facts.rows, alone=True)


def _indexes_for_constraints(declared: Table, live: Table) -> tuple[Index, ...]:
    """Return unique indexes that become the index of a declared key, the first of each."""
    found: dict[tuple[str, ...], Index] = {}
    have = {each.definition for each in live.constraints}
    for wanted in declared.constraints:
        if wanted.kind not in "pu" or wanted.definition in have:
            continue
        for each in live.indexes:
            if each.unique and each.is_plain and each.valid and each.columns == wanted.columns:
                found.setdefault(wanted.columns, each)
    return tuple(found.values())


def _drop_surplus(declared: Table, existing: Sequence[Constraint]) -> Iterator[Action]:
    ours = {column.name for column in declared.columns}
    known = {(each.kind, each.definition) for each in declared.constraints}
    replaced = {each.name for each in declared.constraints}
    for each in existing:
        # One that has a declared name is replaced together with adding the declared one; a wrong key was refused.
        if (each.kind, each.definition) in known or each.name in replaced or each.kind == "p":
            continue
        if set(each.columns) & ours:
            yield _drop(declared, each, f"{each.definition} forbids what the declared schema allows")


def _drop(declared: Table, constraint: Constraint, because: str) -> Action:
    where = f"{declared.full_name}.{constraint.name}"
    # An index of a foreign key's target cannot go while the key stands; the error of the server names it then.
    return Action(Step.DROP, where, because, (_drop_statement(declared, constraint),))


def _drop_statement(declared: Table, constraint: Constraint) -> sql.Composed:
    return alter(declared, sql.SQL("drop constraint {}").format(sql.Identifier(constraint.name)))


def _drop_index(declared: Table, index: Index, because: str) -> Action:
    where = sql.Identifier(declared.schema, index.name)
    drop = sql.SQL("drop index concurrently if exists {}").format(where)
    return Action(Step.DROP, f"{declared.schema}.{index.name}", because, (drop,), alone=True)


def _rename(declared: Table, old: str, new: str) -> Action:
    rename = sql.SQL("rename constraint {} to {}").format(sql.Identifier(old), sql.Identifier(new))
    because = f"is the rule that is declared as {new}"
    return Action(Step.KEY, f"{declared.full_name}.{old}", because, (alter(declared, rename),))


def _validate(declared: Table, constraint: Constraint, facts: TableFacts) -> Action:
    validate = sql.SQL("validate constraint {}").format(sql.Identifier(constraint.name))
    where = f"{declared.full_name}.{constraint.name}"
    return Action(Step.CHECK, where, "proves it for the rows that are there", (alter(declared, validate),), facts.rows)


def _concurrently(create: sql.Composed) -> sql.Composable:
    text = create.as_string(None)
    return code(text.replace(" INDEX ", " INDEX CONCURRENTLY IF NOT EXISTS ", 1))
