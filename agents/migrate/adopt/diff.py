"""Compares what a database is with what it must become, and lists the changes in their order; pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from psycopg import sql

from agents.migrate.adopt.actions import Action, Refusal, Step, alter, code, define_column, name_table, put_name
from agents.migrate.adopt.columns import diff_columns
from agents.migrate.adopt.constraints import diff_constraints, diff_indexes
from agents.migrate.adopt.legacy import LegacyRules, SetAside
from agents.migrate.adopt.preflight import TableFacts
from agents.migrate.adopt.shape import Function, Grant, Shape, Table, Trigger

_SETS_UPDATED_AT = re.compile(
    r"begin\s+new\.updated_at\s*:?=\s*(?:pg_catalog\.)?(?:now\(\)|current_timestamp|clock_timestamp\(\))(?:\s+at\s+time"
    r"\s+zone\s+'utc'(?:::text)?)?\s*;\s*return\s+new\s*;\s*end\s*;?",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AdoptionPlan:
    """What will be done, in order, or why nothing will."""

    actions: tuple[Action, ...]
    refusals: tuple[Refusal, ...]


def set_aside_tables(live: Shape, rules: LegacyRules) -> tuple[Shape, tuple[SetAside, ...]]:
    """Return the shape as it is after tables of another meaning were renamed, and which ones those are."""
    chosen = []
    tables = dict(live.tables)
    for rule in rules.set_aside:
        table = tables.get(rule.table)
        if table is None or table.column(rule.when_column) is None:
            continue
        chosen.append(rule)
        del tables[rule.table]
        moved = replace(table, name=rule.to)
        tables[moved.full_name] = moved
    return replace(live, tables=tables), tuple(chosen)


def plan_adoption(
    declared: Shape,
    live: Shape,
    rules: LegacyRules,
    facts: Mapping[str, TableFacts],
    *,
    refusals: Iterable[Refusal] = (),
) -> AdoptionPlan:
    """List every change that turns one shape into the other.

    Args:
        declared: shape that the migrations up to `rules.up_to` make.
        live: shape of the database as it is.
        rules: what v2 meant.
        facts: what the rows of each existing table hold, by table.
        refusals: what the look at the rows already found.
    """
    found: list[Action | Refusal] = [*refusals]
    after, aside = set_aside_tables(live, rules)
    found += [_set_aside(live.tables[rule.table], rule) for rule in aside]
    found += _diff_schemas(declared, live)
    for signature, function in declared.functions.items():
        found += _diff_function(function, live.functions.get(signature))
    for name, wanted in declared.tables.items():
        table = after.tables.get(name)
        if table is None:
            found.append(_create_table(wanted))
            continue
        known = facts.get(name, TableFacts())
        found += diff_columns(wanted, table, rules, known)
        found += diff_constraints(wanted, table, known)
        found += diff_indexes(wanted, table)
        found += _diff_triggers(wanted, table)
        found += _diff_grants(wanted, table)
    found += _index_kept_foreign_keys(declared, after)
    actions = sorted((each for each in found if isinstance(each, Action)), key=lambda action: action.step)
    return AdoptionPlan(tuple(actions), tuple(each for each in found if isinstance(each, Refusal)))


def sets_updated_at_only(source: str) -> bool:
    """Whether a trigger function does nothing but keep updated_at true, as ours does."""
    return bool(_SETS_UPDATED_AT.fullmatch(" ".join(_COMMENT.sub(" ", source).split())))


def _set_aside(table: Table, rule: SetAside) -> Action:
    renames: list[sql.Composable] = []
    prefix = rule.to.removesuffix(table.name)
    for constraint in table.constraints:
        new = sql.Identifier((prefix + constraint.name)[:63])
        renames.append(alter(table, sql.SQL("rename constraint {} to {}").format(sql.Identifier(constraint.name), new)))
    for index in table.indexes:
        old, new = sql.Identifier(table.schema, index.name), sql.Identifier((prefix + index.name)[:63])
        renames.append(sql.SQL("alter index {} rename to {}").format(old, new))
    for column in table.columns:
        if column.sequence:
            last = column.sequence.rpartition(".")[2].strip('"')
            new = sql.Identifier((prefix + last)[:63])
            renames.append(sql.SQL("alter sequence {} rename to {}").format(code(column.sequence), new))
    renames.append(alter(table, sql.SQL("rename to {}").format(sql.Identifier(rule.to))))
    return Action(Step.SET_ASIDE, table.full_name, f"becomes {rule.to}: {rule.because}", tuple(renames))


def _diff_schemas(declared: Shape, live: Shape) -> Iterator[Action]:
    for name, wanted in declared.schemas.items():
        found = live.schemas.get(name)
        where = sql.Identifier(name)
        if found is None:
            statements: list[sql.Composable] = [sql.SQL("create schema {}").format(where)]
            if wanted.comment:
                statements.append(sql.SQL("comment on schema {} is {}").format(where, sql.Literal(wanted.comment)))
            statements.append(sql.SQL("revoke all on schema {} from public").format(where))
            yield Action(Step.SCHEMA, name, "is declared and missing", tuple(statements))
        elif name == "private" and found.comment != wanted.comment:
            # Another schema's comment is its maker's; auth's tells whether the stand-in is ours to drop.
            comment = sql.SQL("comment on schema {} is {}").format(where, sql.Literal(wanted.comment))
            yield Action(Step.DESCRIBE, name, "the declared comment", (comment,))
        have = found.grants if found else frozenset()
        missing = wanted.grants - have
        surplus = {grant for grant in have - wanted.grants if name == "private" or grant == ("public", "CREATE")}
        yield from _change_grants(sql.SQL("schema {}").format(where), name, missing, surplus)


def _diff_function(wanted: Function, found: Function | None) -> Iterator[Action]:
    what = sql.SQL("function {}").format(code(wanted.signature))
    if found is None or found.definition != wanted.definition:
        because = "is declared and missing" if found is None else "has another body"
        # Bodies name tables that a later step makes.
        defer = sql.SQL("set local check_function_bodies = off")
        yield Action(Step.FUNCTION, wanted.signature, because, (defer, code(wanted.definition)))
    if (found.comment if found else "") != wanted.comment:
        comment = sql.SQL("comment on {} is {}").format(what, sql.Literal(wanted.comment or None))
        yield Action(Step.FUNCTION, wanted.signature, "the declared comment", (comment,))
    have = found.grants if found else frozenset({("public", "EXECUTE")})
    yield from _change_grants(what, wanted.signature, wanted.grants - have, have - wanted.grants)


def _create_table(wanted: Table) -> Action:
    columns = sql.SQL(", ").join(define_column(column, complete=True) for column in wanted.columns)
    statements: list[sql.Composable] = [sql.SQL("create table {} ({})").format(name_table(wanted), columns)]
    for constraint in wanted.constraints:
        if constraint.kind != "f":
            add = sql.SQL("add constraint {} {}").format(sql.Identifier(constraint.name), code(constraint.definition))
            statements.append(alter(wanted, add))
    statements += [put_name(index.definition, "INDEX", index.name) for index in wanted.indexes]
    statements += [put_name(trigger.definition, "TRIGGER", trigger.name) for trigger in wanted.triggers]
    statements.append(
        sql.SQL("comment on table {} is {}").format(name_table(wanted), sql.Literal(wanted.comment or None))
    )
    statements += [
        sql.SQL("comment on column {} is {}").format(
            sql.Identifier(wanted.schema, wanted.name, column.name), sql.Literal(column.comment)
        )
        for column in wanted.columns
        if column.comment
    ]
    # Supabase grants new tables to the API roles by itself.
    statements.append(
        sql.SQL("revoke all on {} from public, anon, authenticated, service_role").format(name_table(wanted))
    )
    statements += [
        sql.SQL("revoke all on sequence {} from public, anon, authenticated, service_role").format(code(each.sequence))
        for each in wanted.columns
        if each.sequence
    ]
    statements += [_grant(sql.SQL("table {}").format(name_table(wanted)), grant) for grant in sorted(wanted.grants)]
    return Action(Step.CREATE_TABLE, wanted.full_name, "is declared and missing", tuple(statements))


def _diff_triggers(declared: Table, live: Table) -> Iterator[Action]:
    for wanted in declared.triggers:
        same = [each for each in live.triggers if each.definition == wanted.definition]
        chosen = next((each for each in same if each.name == wanted.name), same[0] if same else None)
        yield from (_drop_trigger(declared, each, "a second copy") for each in same if each is not chosen)
        if chosen is None:
            in_the_way = [each for each in live.triggers if each.name == wanted.name]
            yield from (_drop_trigger(declared, each, "has the name of the declared one") for each in in_the_way)
            create = put_name(wanted.definition, "TRIGGER", wanted.name)
            yield Action(Step.TRIGGER, f"{declared.full_name}.{wanted.name}", "is declared and missing", (create,))
        elif chosen.name != wanted.name:
            names = sql.Identifier(chosen.name), name_table(declared), sql.Identifier(wanted.name)
            rename = sql.SQL("alter trigger {} on {} rename to {}").format(*names)
            because = f"is the trigger that is declared as {wanted.name}"
            yield Action(Step.TRIGGER, f"{declared.full_name}.{chosen.name}", because, (rename,))
        elif chosen.enabled != wanted.enabled:
            enable = alter(declared, sql.SQL("enable trigger {}").format(sql.Identifier(wanted.name)))
            yield Action(Step.TRIGGER, f"{declared.full_name}.{wanted.name}", "was switched off", (enable,))
    known = {each.definition for each in declared.triggers} | {each.name for each in declared.triggers}
    for each in live.triggers:
        if not {each.definition, each.name} & known and sets_updated_at_only(each.source):
            yield _drop_trigger(declared, each, "keeps updated_at, as our own trigger does")


def _drop_trigger(declared: Table, trigger: Trigger, because: str) -> Action:
    drop = sql.SQL("drop trigger {} on {}").format(sql.Identifier(trigger.name), name_table(declared))
    return Action(Step.DROP, f"{declared.full_name}.{trigger.name}", because, (drop,))


def _diff_grants(declared: Table, live: Table) -> Iterator[Action]:
    what = sql.SQL("table {}").format(name_table(declared))
    missing, surplus = declared.grants - live.grants, live.grants - declared.grants
    yield from _change_grants(what, declared.full_name, missing, surplus)
    for column in declared.columns:
        found = live.column(column.name)
        if found is not None and found.sequence and found.sequence_grants - column.sequence_grants:
            sequence = sql.SQL("sequence {}").format(code(found.sequence))
            surplus = found.sequence_grants - column.sequence_grants
            yield from _change_grants(sequence, found.sequence, (), surplus)
    if live.comment != declared.comment:
        comment = sql.SQL("comment on {} is {}").format(what, sql.Literal(declared.comment or None))
        yield Action(Step.DESCRIBE, declared.full_name, "the declared comment", (comment,))


def _change_grants(
    what: sql.Composed, name: str, missing: Iterable[Grant], surplus: Iterable[Grant]
) -> Iterator[Action]:
    revokes = [
        sql.SQL("revoke {} on {} from {}").format(code(privilege), what, _role(grantee))
        for grantee, privilege in sorted(surplus)
    ]
    if revokes:
        who = ", ".join(sorted({grantee for grantee, _ in surplus}))
        yield Action(Step.CLOSE, name, f"no right for {who} until the policies give it", tuple(revokes))
    grants = [_grant(what, grant) for grant in sorted(missing)]
    if grants:
        yield Action(Step.DESCRIBE, name, "the declared rights", tuple(grants))


def _grant(what: sql.Composed, grant: Grant) -> sql.Composed:
    return sql.SQL("grant {} on {} to {}").format(code(grant[1]), what, _role(grant[0]))


def _role(name: str) -> sql.Composable:
    return sql.SQL("public") if name == "public" else sql.Identifier(name)


def _index_kept_foreign_keys(declared: Shape, live: Shape) -> Iterator[Action]:
    """A delete of a parent scans every child without an index, also a child that only v2 has."""
    for name, table in live.tables.items():
        if table.schema != "public":
            continue
        ours = declared.tables.get(name)
        led = {each.columns[:1] for each in (*table.indexes, *(ours.indexes if ours else ())) if each.is_plain}
        keys = [*table.constraints, *(ours.constraints if ours else ())]
        led |= {each.columns[:1] for each in keys if each.kind in "pu"}
        for constraint in table.constraints:
            if constraint.kind != "f" or constraint.columns[:1] in led:
                continue
            led.add(constraint.columns[:1])
            index = sql.Identifier(f"{table.name}_{constraint.columns[0]}_idx"[:63])
            columns = sql.SQL(", ").join(sql.Identifier(column) for column in constraint.columns)
            create = sql.SQL("create index concurrently if not exists {} on {} ({})")
            because = f"{constraint.name} has no index, so a delete of its parent would scan the table"
            yield Action(
                Step.INDEX,
                f"{table.full_name}.{constraint.columns[0]}",
                because,
                (create.format(index, name_table(table), columns),),
                table.estimated_rows,
                alone=True,
            )
