"""Decides about the index on a relation's child side; pure."""

from collections.abc import Iterator

from agents.migrate.foreign_keys.actions import Action, Step
from agents.migrate.foreign_keys.declaration import Relation
from agents.migrate.foreign_keys.live import LiveIndex, LiveTable

_MAX_NAME = 63  # cited: NAMEDATALEN - 1


def index_to_create(relation: Relation) -> str:
    """Name of the index that a run creates.

    A covering index belongs to a constraint that is not ours to add, so a plain one stands in for it.
    """
    if not relation.index_is_covering:
        return relation.index
    return f"{relation.child.table}_{'_'.join(relation.columns)}_idx"[:_MAX_NAME]


def aside_name(index: str) -> str:
    """Name under which an index survives that has the declared name and other columns."""
    return f"{index[: _MAX_NAME - 9]}_replaced"


def plan_index(relation: Relation, child: LiveTable) -> Iterator[Action]:
    """Yield what brings exactly one usable index to the child's columns.

    Args:
        relation: as declared.
        child: its table.
    """
    name = index_to_create(relation)
    ours = [index for index in child.indexes if set(index.columns[: len(relation.columns)]) == set(relation.columns)]
    for index in child.indexes:
        if not index.valid and not index.owned and (index in ours or index.name == name):
            because = "invalid: a concurrent build or drop was cut off"
            yield Action(Step.DROP_INDEX, relation, because, (index.name,))
    twins = [index for index in ours if index.valid and not index.owned and _is_twin(index, relation)]
    wanted = next((index for index in twins if index.name == name), None)
    # One that has the stand-in's name and covers more columns covers as well; only the stand-in itself does not count.
    if relation.index_is_covering and any(_covers(index, relation) for index in ours if index is not wanted):
        if wanted is not None:
            yield Action(Step.DROP_INDEX, relation, f"{relation.index} covers its columns", (name,))
        return
    squatter = _find(child, name)
    if squatter is not None and squatter.valid and not _is_twin(squatter, relation):
        yield Action(Step.SET_INDEX_ASIDE, relation, "has the declared name, but not the declared columns", (name,))
    if wanted is None and twins:
        wanted = min(twins, key=lambda index: (index.size_bytes, index.name))
        yield Action(
            Step.RENAME_INDEX, relation, f"the same index under another name; declared {name}", (wanted.name, name)
        )
    elif wanted is None:
        because = "deletes of parents and the clean-up would scan the child"
        yield Action(Step.CREATE_INDEX, relation, because, (name,))
    for index in twins:
        if index is not wanted:
            yield Action(Step.DROP_INDEX, relation, f"duplicate of {name}", (index.name,))


def refuse_index(relation: Relation, child: LiveTable, taken_names: frozenset[str]) -> Iterator[str]:
    """Yield why the declared name cannot be had."""
    name = index_to_create(relation)
    squatter = _find(child, name)
    if squatter is None and name in taken_names:
        yield f"the name {name} belongs to something that is no index of {relation.child}; rename that first"
    elif squatter is not None and not _is_twin(squatter, relation):
        if squatter.owned:
            yield f"index {name} belongs to a constraint and is not the declared one; rename that constraint first"
        elif squatter.valid and aside_name(name) in taken_names:
            yield f"index {name} has other columns and {aside_name(name)} exists already; rename or drop one of them"


def _find(child: LiveTable, name: str) -> LiveIndex | None:
    return next((index for index in child.indexes if index.name == name), None)


def _covers(index: LiveIndex, relation: Relation) -> bool:
    leading = index.columns[: len(relation.columns)]
    return index.valid and index.total and set(leading) == set(relation.columns)


def _is_twin(index: LiveIndex, relation: Relation) -> bool:
    return index.plain and index.total and index.columns == relation.columns
