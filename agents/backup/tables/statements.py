"""The statements that compare a table with its copy and make it equal to it; pure.

`here` is the table that changes, `there` is the copy of what it was. Rows are told apart by the primary key and
compared as text, because not every type can be compared by itself.
"""

from collections.abc import Sequence

from agents.backup.tables.shape import Reference, Shape, quoted
from agents.runtime.postgres import Table, quote, quote_all


def count_differences(shape: Shape, here: Table, there: Table) -> str:
    """Return rows only here, only there, and in both with other values."""
    return (
        "select count(*) filter (where copy_row is null), count(*) filter (where live_row is null), "
        "count(*) filter (where live_row <> copy_row) "
        f"from (select {quote_all(shape.key)}, row({quote_all(shape.columns)})::text as live_row "
        f"from only {quoted(here)}) as live "
        f"full join (select {quote_all(shape.key)}, row({quote_all(shape.columns)})::text as copy_row "
        f"from only {quoted(there)}) as copy using ({quote_all(shape.key)})"
    )


def delete_surplus(shape: Shape, here: Table, there: Table) -> str:
    """Delete rows that are only here."""
    return (
        f"delete from only {quoted(here)} as live where not exists "
        f"(select from only {quoted(there)} as copy where {_same_key(shape)})"
    )


def update_different(shape: Shape, here: Table, there: Table) -> str | None:
    """Give rows that differ their old values; None for a table that is nothing but its key."""
    columns = [name for name in shape.written if name not in shape.key]
    if not columns:
        return None
    assignments = ", ".join(f"{quote(name)} = copy.{quote(name)}" for name in columns)
    return (
        f"update only {quoted(here)} as live set {assignments} from only {quoted(there)} as copy "
        f"where {_same_key(shape)} and row({quote_all(shape.columns, alias='live')})::text "
        f"is distinct from row({quote_all(shape.columns, alias='copy')})::text"
    )


def insert_missing(shape: Shape, here: Table, there: Table) -> str:
    """Insert rows that are only there, with their own ids."""
    columns = quote_all(shape.written)
    return (
        f"insert into {quoted(here)} ({columns}) overriding system value "
        f"select {columns} from only {quoted(there)} as copy where not exists "
        f"(select from only {quoted(here)} as live where {_same_key(shape)})"
    )


def count_children_of_surplus(
    shape: Shape, reference: Reference, there: Table, child: tuple[Shape | None, Table | None]
) -> str:
    """Count rows that stay and refer to a row which is only here.

    Args:
        shape: of the table that loses rows.
        reference: to it.
        there: its copy.
        child: shape and copy of the table that refers, if that is restored too; its own surplus rows do not count.
    """
    join = _pairs(reference.child_columns, reference.parent_columns, "child", "live")
    child_shape, child_copy = child
    stays = ""
    if child_shape is not None and child_copy is not None:
        same = _pairs(child_shape.key, child_shape.key, "child", "kept")
        stays = f" and exists (select from only {quoted(child_copy)} as kept where {same})"
    return (
        f"select count(*) from {quoted(reference.child)} as child join only {quoted(shape.table)} as live on {join} "
        f"where not exists (select from only {quoted(there)} as copy where {_same_key(shape)}){stays}"
    )


def count_orphans(reference: Reference, there: Table, parent: Table) -> str:
    """Count rows of the copy whose parent is missing in a table."""
    present = " and ".join(f"copy.{quote(name)} is not null" for name in reference.child_columns)
    join = _pairs(reference.child_columns, reference.parent_columns, "copy", "parent")
    return (
        f"select count(*) from only {quoted(there)} as copy where {present} "
        f"and not exists (select from {quoted(parent)} as parent where {join})"
    )


def copy_out(shape: Shape, table: Table) -> str:
    """Read a table in the order of its columns."""
    return f"copy (select {quote_all(shape.columns)} from only {quoted(table)}) to stdout"


def copy_in(shape: Shape, table: Table) -> str:
    """Fill the copy of a table."""
    return f"copy {quoted(table)} ({quote_all(shape.columns)}) from stdin"


def set_triggers(shape: Shape, *, enabled: bool) -> Sequence[str]:
    """Switch a table's own triggers off, or each back to what it was; foreign keys stay on."""
    words = {"O": "enable", "R": "enable replica", "A": "enable always"}
    return [
        f"alter table {quoted(shape.table)} {words[state] if enabled else 'disable'} trigger {quote(name)}"
        for name, state in shape.triggers.items()
        if state in words
    ]


def _same_key(shape: Shape) -> str:
    return _pairs(shape.key, shape.key, "live", "copy")


def _pairs(ours: Sequence[str], theirs: Sequence[str], left: str, right: str) -> str:
    return " and ".join(
        f"{left}.{quote(one)} = {right}.{quote(other)}" for one, other in zip(ours, theirs, strict=True)
    )
