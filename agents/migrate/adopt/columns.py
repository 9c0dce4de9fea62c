"""Decides what happens to the columns of a table that exists: retyped, added, filled, required; pure."""

import re
from collections.abc import Iterator, Mapping

from psycopg import sql

from agents.migrate.adopt.actions import Action, Refusal, Step, alter, code, define_column, name_table, put_name
from agents.migrate.adopt.legacy import Fill, LegacyRules
from agents.migrate.adopt.preflight import TableFacts
from agents.migrate.adopt.shape import Column, Table

# Chosen: a batch is one short transaction, and finding the next one scans the table again.
FILL_BATCH_ROWS = 20_000
_TEXT_LIKE = re.compile(r"(?:character varying|character)(?:\(\d+\))?|text|citext|public\.citext")
_NUMERIC = re.compile(r"numeric\(\d+,-?\d+\)")
# Functions that give each row another value, so that adding a column with them writes the table anew (the ones of the
# declared schema and of v2; a catalog could tell more, but this module sees text).
_PER_ROW = re.compile(r"\b(?:gen_random_uuid|uuid_generate_v4|nextval|random|clock_timestamp)\(")
# How one type becomes another without losing a value: (from, to) -> (expression over {}, whether the table is
# written anew).
_WIDENINGS: Mapping[tuple[str, str], tuple[str, bool]] = {
    ("smallint", "integer"): ("{}::integer", True),
    ("smallint", "bigint"): ("{}::bigint", True),
    ("integer", "bigint"): ("{}::bigint", True),
    ("smallint", "numeric"): ("{}::numeric", True),
    ("integer", "numeric"): ("{}::numeric", True),
    ("bigint", "numeric"): ("{}::numeric", True),
    ("real", "double precision"): ("{}::double precision", True),
    ("json", "jsonb"): ("{}::jsonb", True),
    ("date", "timestamp with time zone"): ("{}::timestamp at time zone {zone}", True),
    ("timestamp without time zone", "timestamp with time zone"): ("{} at time zone {zone}", True),
}


def convert(live: str, declared: str) -> tuple[str, bool] | None:
    """Return how a value of one type becomes one of another, and whether the table is rewritten; None when it cannot.

    Args:
        live: type as `format_type` writes it.
        declared: the wanted type, likewise.
    """
    # A precision of a timestamp is a limit like a length: what it cut is gone, the rest is kept.
    live = re.sub(r"^timestamp\(\d\)", "timestamp", live)
    if declared == "text" and _TEXT_LIKE.fullmatch(live):
        return "{}::text", not live.startswith("character varying")
    if declared == "numeric" and _NUMERIC.fullmatch(live):
        return "{}::numeric", False
    return _WIDENINGS.get((live, declared))


def convert_expression(column: str, live: str, declared: str, zone: str) -> sql.Composed | None:
    """Write the conversion of one column, or None when there is none."""
    found = convert(live, declared)
    if found is None:
        return None
    return code(found[0]).format(sql.Identifier(column), zone=sql.Literal(zone))


def diff_columns(declared: Table, live: Table, rules: LegacyRules, facts: TableFacts) -> Iterator[Action | Refusal]:
    """Say what the columns of an existing table need."""
    fills = rules.fills_of(live)
    yield from _retype(declared, live, rules, facts)
    for wanted in declared.columns:
        found = live.column(wanted.name)
        if found is None:
            yield _add(declared, wanted, facts, filled_by_default=not fills.get(wanted.name))
        yield from _diff_default(declared, wanted, found, facts)
        yield from _fill(declared, wanted, fills.get(wanted.name, ()), facts)
        yield from _diff_nullability(declared, wanted, found, facts)
        if (found.comment if found else "") != wanted.comment:
            comment = sql.SQL("comment on column {} is {}").format(
                sql.Identifier(declared.schema, declared.name, wanted.name), sql.Literal(wanted.comment or None)
            )
            yield Action(Step.DESCRIBE, f"{declared.full_name}.{wanted.name}", "the declared comment", (comment,))
    yield from _relax_surplus(declared, live)


def missing_value_fill(declared: Table, wanted: Column, found: Column | None) -> Fill | None:
    """Return the fill that a declared default stands for: a required column that is new."""
    if found is not None or not wanted.not_null or not wanted.default or wanted.identity:
        return None
    return Fill(
        table=declared.full_name,
        column=wanted.name,
        value=wanted.default,
        when=f'"{wanted.name}" is null',
        needs=(),
        because="its declared default",
        remedy=f"set {wanted.name}",
    )


def _retype(declared: Table, live: Table, rules: LegacyRules, facts: TableFacts) -> Iterator[Action | Refusal]:
    changes: list[sql.Composable] = []
    told: list[str] = []
    retyped: list[str] = []
    rewrites = False
    for wanted in declared.columns:
        found = live.column(wanted.name)
        if found is None or found.type == wanted.type or wanted.name in declared.foreign_key_columns:
            continue
        using = convert_expression(wanted.name, found.type, wanted.type, rules.zone)
        if using is None:
            yield Refusal(
                f"{declared.full_name}.{wanted.name}",
                f"is {found.type} and cannot become {wanted.type} without a guess",
                "convert it by hand, or declare the table in legacy.toml as set aside",
            )
            continue
        name = sql.Identifier(wanted.name)
        if found.default:
            # The old default may have no cast to the new type; another declared one comes in a later step.
            changes.append(sql.SQL("alter column {} drop default").format(name))
        changes.append(sql.SQL("alter column {} type {} using {}").format(name, code(wanted.type), using))
        if found.default and found.default == wanted.default:
            changes.append(sql.SQL("alter column {} set default {}").format(name, code(wanted.default)))
        told.append(f"{wanted.name} {found.type} -> {wanted.type}")
        retyped.append(wanted.name)
        rewrites = rewrites or bool((convert(found.type, wanted.type) or ("", True))[1])
    if not changes:
        return
    before, after, indexes = _rebuild_generated(live, retyped)
    statement = alter(declared, sql.SQL(", ").join([*before, *changes, *after]))
    yield Action(
        Step.RETYPE,
        declared.full_name,
        "wider types: " + ", ".join(told),
        (statement, *indexes),
        rows=facts.rows if rewrites or after else 0,
        rewrites=rewrites or bool(after),
        retyped=tuple(retyped),
    )


def _rebuild_generated(
    live: Table, retyped: list[str]
) -> tuple[list[sql.Composable], list[sql.Composable], list[sql.Composable]]:
    """Take down and put back generated columns that read a retyped one; their values are computed again."""
    before: list[sql.Composable] = []
    after: list[sql.Composable] = []
    indexes: list[sql.Composable] = []
    for column in live.columns:
        words = set(re.findall(r"\w+", column.generated))
        if not words & set(retyped):
            continue
        before.append(sql.SQL("drop column {}").format(sql.Identifier(column.name)))
        after.append(sql.SQL("add column {}").format(define_column(column, complete=True)))
        indexes += [
            put_name(each.definition, "INDEX", each.name) for each in live.indexes if column.name in each.columns
        ]
    return before, after, indexes


def _add(declared: Table, wanted: Column, facts: TableFacts, *, filled_by_default: bool) -> Action:
    # In one statement: a run that dies before a second one would leave rows that nothing tells from broken ones.
    with_default = filled_by_default and missing_value_fill(declared, wanted, None) is not None
    definition = define_column(wanted, complete=False, with_default=with_default)
    rewrites = bool(wanted.identity or wanted.generated or (with_default and _PER_ROW.search(wanted.default)))
    return Action(
        Step.ADD_COLUMN,
        f"{declared.full_name}.{wanted.name}",
        f"is declared and missing; {'existing rows get its default' if with_default else 'empty at first'}",
        (alter(declared, sql.SQL("add column {}").format(definition)),),
        rows=facts.rows if rewrites else 0,
        rewrites=rewrites,
    )


def _diff_default(
    declared: Table, wanted: Column, found: Column | None, facts: TableFacts
) -> Iterator[Action | Refusal]:
    where = f"{declared.full_name}.{wanted.name}"
    name = sql.Identifier(wanted.name)
    if found is not None and found.generated != wanted.generated:
        if wanted.generated:
            yield Refusal(where, "must be computed and is not", "drop the column by hand when its values may go")
            return
        drop = alter(declared, sql.SQL("alter column {} drop expression").format(name))
        yield Action(Step.DEFAULT, where, "is an ordinary column here", (drop,))
    if found is not None and found.identity != wanted.identity:
        yield from _make_identity(declared, wanted, found, facts)
    elif (found.default if found else "") != wanted.default and not wanted.generated:
        change = (
            sql.SQL("alter column {} set default {}").format(name, code(wanted.default))
            if wanted.default
            else sql.SQL("alter column {} drop default").format(name)
        )
        yield Action(Step.DEFAULT, where, "the declared default", (alter(declared, change),))


def _make_identity(declared: Table, wanted: Column, found: Column, facts: TableFacts) -> Iterator[Action | Refusal]:
    where = f"{declared.full_name}.{wanted.name}"
    name = sql.Identifier(wanted.name)
    if not wanted.identity:
        drop = alter(declared, sql.SQL("alter column {} drop identity").format(name))
        yield Action(Step.DEFAULT, where, "numbers are not made here", (drop,))
        return
    kind = "always" if wanted.identity == "a" else "by default"
    if found.identity:
        change = alter(declared, sql.SQL("alter column {} set generated {}").format(name, code(kind)))
        yield Action(Step.DEFAULT, where, f"numbers are made {kind}", (change,))
        return
    statements: list[sql.Composable] = []
    if found.default:
        statements.append(alter(declared, sql.SQL("alter column {} drop default").format(name)))
    if found.sequence:
        # Its name is the one that the identity's own sequence takes.
        statements.append(sql.SQL("drop sequence {}").format(code(found.sequence)))
    if not found.not_null:
        statements.append(alter(declared, sql.SQL("alter column {} set not null").format(name)))
    statements.append(alter(declared, code(f"alter column {{}} add generated {kind} as identity").format(name)))
    statements.append(
        sql.SQL("select setval(pg_get_serial_sequence({}, {}), max({}) + 1, false) from {} having max({}) >= 1").format(
            sql.Literal(declared.full_name), sql.Literal(wanted.name), name, name_table(declared), name
        )
    )
    yield Action(
        Step.DEFAULT, where, "numbers come from an identity, above the highest one", tuple(statements), facts.rows
    )


def _fill(declared: Table, wanted: Column, fills: tuple[Fill, ...], facts: TableFacts) -> Iterator[Action]:
    for index, fill in enumerate(fills):
        rows = facts.count(f"fill {wanted.name} {index}")
        if rows == 0:
            continue
        name, value = sql.Identifier(wanted.name), code(f"({fill.value})::{wanted.type}")
        statement = sql.SQL(
            "update {table} set {name} = {value} where ctid = any (array("
            "select ctid from {table} where ({when}) and {value} is distinct from {name} limit {limit}))"
        ).format(
            table=name_table(declared), name=name, value=value, when=code(fill.when), limit=sql.Literal(FILL_BATCH_ROWS)
        )
        where = f"{declared.full_name}.{wanted.name}"
        yield Action(
            Step.FILL,
            where,
            f"filled with {' '.join(fill.value.split())[:60]}: {fill.because}",
            (statement,),
            rows,
            batched=True,
        )


def _diff_nullability(
    declared: Table, wanted: Column, found: Column | None, facts: TableFacts
) -> Iterator[Action | Refusal]:
    where = f"{declared.full_name}.{wanted.name}"
    name = sql.Identifier(wanted.name)
    if not wanted.not_null:
        if found is not None and found.not_null:
            drop = alter(declared, sql.SQL("alter column {} drop not null").format(name))
            yield Action(Step.RELAX, where, "may be null here", (drop,))
        return
    if (found is not None and found.not_null) or wanted.identity:
        return
    if wanted.name in declared.foreign_key_columns and facts.count(f"required {wanted.name}"):
        return  # rows without their parent are for the repair of foreign keys, which quarantines them
    proof = sql.Identifier(f"{declared.name}_{wanted.name}_adopted_check")
    # A valid check lets SET NOT NULL skip its scan, which would block everybody for its whole length.
    add = sql.SQL("add constraint {} check ({} is not null) not valid").format(proof, name)
    statements = (
        alter(declared, sql.SQL("drop constraint if exists {}").format(proof)),
        alter(declared, add),
        alter(declared, sql.SQL("validate constraint {}").format(proof)),
        alter(declared, sql.SQL("alter column {} set not null").format(name)),
        alter(declared, sql.SQL("drop constraint {}").format(proof)),
    )
    yield Action(Step.NOT_NULL, where, "is required here", statements, facts.rows, alone=True)


def _relax_surplus(declared: Table, live: Table) -> Iterator[Action]:
    key = {name for each in live.constraints if each.kind == "p" for name in each.columns}
    for column in live.columns:
        is_ours = declared.column(column.name) is not None
        has_value = column.default or column.identity or column.generated
        if is_ours or not column.not_null or has_value or column.name in key:
            continue
        drop = alter(declared, sql.SQL("alter column {} drop not null").format(sql.Identifier(column.name)))
        because = "a writer of the declared schema does not know this column"
        yield Action(Step.RELAX, f"{declared.full_name}.{column.name}", because, (drop,))
