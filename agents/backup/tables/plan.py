"""In which order tables are restored, and what makes a restore impossible; pure."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from agents.backup.errors import TableRefusedError
from agents.backup.tables.shape import Shape, told
from agents.runtime.postgres import Table


def order_tables(shapes: Sequence[Shape]) -> tuple[Table, ...]:
    """Return the tables so that parents come before their children; a table may refer to itself.

    Raises:
        TableRefusedError: they refer to each other in a circle.
    """
    chosen = {shape.table for shape in shapes}
    graph = {shape.table: {each.parent for each in shape.parents if each.parent in chosen} for shape in shapes}
    try:
        return tuple(TopologicalSorter(_sorted(graph)).static_order())
    except CycleError as error:
        circle = " -> ".join(told(table) for table in error.args[1])
        raise TableRefusedError(f"{circle} refer to each other in a circle; restore one of them at a time") from error


def refuse_shape(there: Shape, here: Shape) -> None:
    """Refuse to replace rows of a table that is not what it was.

    Args:
        there: in the set.
        here: in the live database.

    Raises:
        TableRefusedError: columns or key differ, or the rows cannot be told apart.
    """
    name = told(here.table)
    ours = {field.name: field.type for field in here.fields}
    theirs = {field.name: field.type for field in there.fields}
    if ours != theirs:
        differing = sorted(column for column in {*ours, *theirs} if ours.get(column) != theirs.get(column))
        raise TableRefusedError(
            f"{name}: columns {', '.join(differing)} are not what they were in the set; "
            "migrate the database to the set's version, or take the rows from a side-by-side schema by hand"
        )
    if not here.key or here.key != there.key:
        raise TableRefusedError(
            f"{name}: has no primary key that is the same in the set, so rows cannot be told apart; "
            "take them from a side-by-side schema by hand"
        )
    bound = [field.name for field in here.fields if field.identity == "a" and field.name not in here.key]
    if bound:
        raise TableRefusedError(f"{name}: column {bound[0]} is an identity outside the key and cannot be written")


def _sorted(graph: Mapping[Table, set[Table]]) -> dict[Table, list[Table]]:
    return {table: sorted(graph[table], key=told) for table in sorted(graph, key=told)}
