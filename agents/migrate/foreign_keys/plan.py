"""Compares declared relations with live ones and decides, with reasons, what to do; pure."""

from collections.abc import Iterator, Mapping

from agents.migrate.foreign_keys.actions import STEP_ORDER, Action, Conversion, Decision, RelationPlan, Step
from agents.migrate.foreign_keys.casts import find_cast
from agents.migrate.foreign_keys.constraint_plan import plan_constraint, refuse_constraint, wrong_constraints
from agents.migrate.foreign_keys.declaration import Declaration, Relation
from agents.migrate.foreign_keys.index_plan import plan_index, refuse_index
from agents.migrate.foreign_keys.live import LiveColumn, LiveRelation, LiveTable

# What cannot be done concurrently or NOT VALID on a partitioned table before PostgreSQL 18.
_BLOCKED_ON_PARTITIONED = frozenset({Step.CREATE_INDEX, Step.ADD_CONSTRAINT, Step.REPLACE_CONSTRAINTS})


def plan_relations(declaration: Declaration, live: Mapping[Relation, LiveRelation]) -> RelationPlan:
    """Decide about every declared relation.

    Args:
        declaration: parents before children.
        live: the state of each declared relation.
    """
    return RelationPlan(tuple(plan_relation(relation, live[relation]) for relation in declaration.relations))


def plan_relation(relation: Relation, live: LiveRelation) -> Decision:
    """Decide about one relation."""
    child, parent = live.child, live.parent
    if child is None or parent is None:
        missing = relation.child if child is None else relation.parent
        return Decision(relation, refused=f"{missing} does not exist; create it, or take the relation out")
    refused = next(_refuse(relation, live, child, parent), "")
    if refused:
        return Decision(relation, refused=refused)
    found = [
        *_plan_columns(relation, live, child, parent),
        *plan_index(relation, child),
        *plan_constraint(relation, child),
        *_plan_rows(relation, live),
        *_plan_not_null(relation, child),
    ]
    actions = tuple(sorted(found, key=lambda action: STEP_ORDER[action.step]))
    blocked = next((action for action in actions if action.step in _BLOCKED_ON_PARTITIONED), None)
    if blocked is not None and child.kind == "p":
        return Decision(relation, refused=_explain_partitioned(blocked))
    if actions:
        return Decision(relation, actions)
    return Decision(relation, because="index, constraint and rows are as declared")


def not_null_check(relation: Relation) -> str:
    """Name of the check that stands in for NOT NULL until every row is known to be filled."""
    return f"{relation.constraint[:54]}_filled"


def _refuse(relation: Relation, live: LiveRelation, child: LiveTable, parent: LiveTable) -> Iterator[str]:
    """Yield what stands in the way; nothing of the relation is touched when there is anything."""
    for table, name in ((child, relation.child), (parent, relation.parent)):
        if table.kind not in {"r", "p"}:
            yield f"{name} is not a table (relkind {table.kind}); a foreign key needs one"
    if child.is_partition:
        yield f"{relation.child} is a partition; declare the relation on its partitioned table"
    for table, name, columns in (
        (child, relation.child, relation.columns),
        (parent, relation.parent, relation.parent_columns),
    ):
        for column in columns:
            if table.column(column) is None:
                yield f"{name} has no column {column}; correct the declaration, or add the column first"
    if frozenset(relation.parent_columns) not in parent.unique_keys:
        keys = ", ".join(relation.parent_columns)
        yield f"nothing makes {relation.parent} ({keys}) unique; add its primary key or unique constraint first"
    for child_column, parent_column in _pairs(relation, child, parent):
        yield from _refuse_type(relation, live, child_column, parent_column)
        if not relation.required and child_column.in_primary_key:
            yield f"{child_column.name} is part of the primary key, so it cannot be null; declare required = true"
    yield from refuse_index(relation, child, live.taken_names)
    yield from refuse_constraint(relation, child)


def _refuse_type(
    relation: Relation, live: LiveRelation, column: LiveColumn, parent_column: LiveColumn
) -> Iterator[str]:
    if column.type_name == parent_column.type_name:
        return
    found = find_cast(column.type_name, parent_column.type_name)
    what = f"{column.name} is {column.type_name}, {relation.parent}.{parent_column.name} is {parent_column.type_name}"
    if found is None:
        yield f"{what}; no cast between them is safe, convert the column by hand"
    elif column.blockers:
        blockers = ", ".join(column.blockers)
        yield f"{what}; its type cannot change under {blockers}; drop them, run, and create them again"
    elif found.rewrites and not live.is_small:
        yield (
            f"{what}; {relation.child} is too large to be rewritten under a lock; add a {found.to_type} column, "
            "fill it in batches and swap the two, then run again"
        )


def _pairs(relation: Relation, child: LiveTable, parent: LiveTable) -> Iterator[tuple[LiveColumn, LiveColumn]]:
    for name, parent_name in zip(relation.columns, relation.parent_columns, strict=True):
        column, parent_column = child.column(name), parent.column(parent_name)
        if column is not None and parent_column is not None:
            yield column, parent_column


def _plan_columns(relation: Relation, live: LiveRelation, child: LiveTable, parent: LiveTable) -> Iterator[Action]:
    conversions: list[Conversion] = []
    mismatched = []
    for column, parent_column in _pairs(relation, child, parent):
        if column.not_null and not relation.required:
            because = f"{column.name} is NOT NULL, declared without; a row without parent must be able to say so"
            yield Action(Step.DROP_NOT_NULL, relation, because, (column.name,))
        found = find_cast(column.type_name, parent_column.type_name)
        if column.type_name != parent_column.type_name and found is not None:
            conversions.append(Conversion(column.name, found, column.default))
            mismatched.append(f"{column.name} is {column.type_name}, its parent's key is {parent_column.type_name}")
    told = "; ".join(mismatched)
    if conversions and live.uncastable:
        because = f"{live.uncastable} rows hold values that cannot be cast: {told}; {relation.orphan} them"
        yield Action(Step.CLEAN_VALUES, relation, because, conversions=tuple(conversions))
    if conversions:
        # A wrong constraint compares with another type and would refuse the change.
        wrong = tuple(key.name for key in wrong_constraints(relation, child))
        yield Action(Step.CONVERT_TYPE, relation, told, wrong, tuple(conversions))


def _plan_rows(relation: Relation, live: LiveRelation) -> Iterator[Action]:
    """Plan for rows whose values fit, but point at nothing."""
    orphans = live.orphans - live.uncastable
    if orphans > 0:
        yield Action(Step.CLEAN_ORPHANS, relation, f"{orphans} rows point at nothing; {relation.orphan} them")


def _plan_not_null(relation: Relation, child: LiveTable) -> Iterator[Action]:
    nullable = [name for name in relation.columns if (column := child.column(name)) and not column.not_null]
    check = not_null_check(relation)
    validated = child.other_constraints.get(check)
    if relation.required and nullable:
        because = f"{', '.join(nullable)} may be null, declared NOT NULL"
        if validated is None:
            yield Action(Step.ADD_CHECK, relation, because, (check,))
        yield Action(Step.SET_NOT_NULL, relation, because, tuple(nullable))
    elif validated is not None:
        yield Action(Step.DROP_CHECK, relation, "left over from a run that was ended", (check,))


def _explain_partitioned(action: Action) -> str:
    return (
        f"{action.relation.child} is partitioned and needs {action.step} ({action.because}), which PostgreSQL before "
        "18 can only do while writers wait; do it per partition in a window, then run again"
    )
