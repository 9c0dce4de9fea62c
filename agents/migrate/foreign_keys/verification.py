"""Writes the verify file of a declaration: queries that prove it without the engine's help."""

import sys
from pathlib import Path

from agents.migrate.foreign_keys.declaration import Declaration, ReferentialAction, Relation, parse_declaration

_CODES = {
    ReferentialAction.NO_ACTION: "a",
    ReferentialAction.RESTRICT: "r",
    ReferentialAction.CASCADE: "c",
    ReferentialAction.SET_NULL: "n",
    ReferentialAction.SET_DEFAULT: "d",
}
_HEADER = """\
-- Each row is a relation whose constraint or index differs from the declaration, or whose rows do, counted by query.
-- Generated: python -m agents.migrate.foreign_keys.verification <declaration.toml> <this file>
-- @expect zero-rows
"""
_CATALOG = """
with declared (
    child, columns, parent, parent_columns, constraint_name, on_delete, on_update, required, index_name
) as (
    values
{values}
),
live as (
    select
        declared.*,
        to_regclass(declared.child) as child_oid,
        to_regclass(declared.parent) as parent_oid,
        (
            select array_agg(attribute.attnum order by name.position)
            from unnest(declared.columns) with ordinality as name (column_name, position)
            join pg_attribute as attribute
                on attribute.attrelid = to_regclass(declared.child) and attribute.attname = name.column_name
        ) as child_numbers,
        (
            select array_agg(attribute.attnum order by name.position)
            from unnest(declared.parent_columns) with ordinality as name (column_name, position)
            join pg_attribute as attribute
                on attribute.attrelid = to_regclass(declared.parent) and attribute.attname = name.column_name
        ) as parent_numbers
    from declared
)
select live.child || '.' || live.constraint_name as relation, problem.words as wrong
from live
cross join lateral (
    select 'no such constraint, or its target, actions or validation differ' as words
    where not exists (
        select
        from pg_constraint as found
        where found.conrelid = live.child_oid
            and found.conname = live.constraint_name
            and found.contype = 'f'
            and found.confrelid = live.parent_oid
            and found.conkey = live.child_numbers
            and found.confkey = live.parent_numbers
            and found.confdeltype = live.on_delete::"char"
            and found.confupdtype = live.on_update::"char"
            and found.confmatchtype = 's'
            and found.convalidated
            and not exists (
                select from pg_trigger where tgconstraint = found.oid and tgenabled not in ('O', 'A')
            )
    )
    union all
    select 'more than one constraint on these columns'
    where (
        select count(*)
        from pg_constraint as found
        where found.conrelid = live.child_oid
            and found.contype = 'f'
            and found.conparentid = 0
            and found.conkey @> live.child_numbers
            and found.conkey <@ live.child_numbers
    ) > 1
    union all
    select 'no valid index of the declared name begins with the columns'
    where not exists (
        select
        from pg_index as found
        join pg_class as index_class on index_class.oid = found.indexrelid
        where found.indrelid = live.child_oid
            and index_class.relname = coalesce(live.index_name, index_class.relname)
            and found.indisvalid
            and found.indpred is null
            and (found.indkey::smallint[])[0:cardinality(live.child_numbers) - 1] @> live.child_numbers
    )
    union all
    select 'a required column may be null'
    where live.required
        and exists (
            select
            from pg_attribute as attribute
            where attribute.attrelid = live.child_oid
                and attribute.attnum = any(live.child_numbers)
                and not attribute.attnotnull
        )
) as problem;
"""


def write_verification(declaration: Declaration) -> str:
    """Return the text of the verify file: one query for the catalogs, one for the rows of each relation."""
    values = ",\n".join(f"        {_values(relation)}" for relation in declaration.relations)
    return _HEADER + _CATALOG.format(values=values) + "".join(_orphans(relation) for relation in declaration.relations)


def _values(relation: Relation) -> str:
    columns, parent_columns = list(relation.columns), list(relation.parent_columns)
    # A covering index may stand under another name, or have a plain one standing in for it.
    index = "null" if relation.index_is_covering else f"'{relation.index}'"
    return (
        f"('{relation.child}', array{columns}, '{relation.parent}', array{parent_columns}, '{relation.constraint}', "
        f"'{_CODES[relation.on_delete]}', '{_CODES[relation.on_update]}', {str(relation.required).lower()}, {index})"
    )


def _orphans(relation: Relation) -> str:
    """Return the query for rows that point at nothing; the catalogs may call the constraint valid all the same."""
    pairs = zip(relation.columns, relation.parent_columns, strict=True)
    matches = " and ".join(f"parent.{theirs} = child.{mine}" for mine, theirs in pairs)
    filled = "" if relation.required else "".join(f"child.{name} is not null and " for name in relation.columns)
    return (
        f"\nselect '{relation.name}' as relation, count(*) as orphans\n"
        f"from only {relation.child} as child\n"
        f"where {filled}not exists (select from only {relation.parent} as parent where {matches})\n"
        "having count(*) > 0;\n"
    )


def main() -> None:
    """Write the verify file that belongs to a declaration."""
    source, target = map(Path, sys.argv[1:3])
    declaration = parse_declaration(source.name, source.read_text(encoding="utf-8"))
    target.write_text(write_verification(declaration), encoding="utf-8")


if __name__ == "__main__":
    main()
