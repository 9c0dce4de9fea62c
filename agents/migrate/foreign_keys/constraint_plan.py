"""Decides about the foreign-key constraint itself; pure."""

from collections.abc import Iterator

from agents.migrate.foreign_keys.actions import Action, Step
from agents.migrate.foreign_keys.declaration import Relation
from agents.migrate.foreign_keys.live import LiveForeignKey, LiveTable


def plan_constraint(relation: Relation, child: LiveTable) -> Iterator[Action]:
    """Yield what leaves exactly the declared constraint on the child's columns.

    A replacement is one step: between dropping the wrong one and adding the right one nothing would hold.
    """
    ours = [key for key in child.foreign_keys if set(key.columns) == set(relation.columns)]
    wrong = wrong_constraints(relation, child)
    right = [key for key in ours if key not in wrong]
    kept = min(right, key=lambda key: (key.name != relation.constraint, not key.validated, key.name), default=None)
    if kept is None:
        told = "; ".join(f"{key.name} {describe_wrong(key, relation)}" for key in wrong)
        step = Step.REPLACE_CONSTRAINTS if wrong else Step.ADD_CONSTRAINT
        yield Action(step, relation, told or "no constraint on these columns", tuple(key.name for key in wrong))
        yield Action(Step.VALIDATE, relation, "new, so it knows nothing of the rows before it")
        return
    surplus = [key for key in ours if key is not kept]
    if surplus:
        told = "; ".join(f"{key.name} {describe_wrong(key, relation) or f'duplicates {kept.name}'}" for key in surplus)
        yield Action(Step.DROP_CONSTRAINTS, relation, told, tuple(key.name for key in surplus))
    if kept.name != relation.constraint:
        because = f"right, but not named {relation.constraint}"
        yield Action(Step.RENAME_CONSTRAINT, relation, because, (kept.name, relation.constraint))
    if not kept.validated:
        yield Action(Step.VALIDATE, relation, "NOT VALID: the rows before it were never checked")


def refuse_constraint(relation: Relation, child: LiveTable) -> Iterator[str]:
    """Yield why the declared name cannot be had."""
    others = {key.name for key in child.foreign_keys if set(key.columns) != set(relation.columns)}
    if relation.constraint in others or relation.constraint in child.other_constraints:
        yield f"the name {relation.constraint} belongs to another constraint of {relation.child}; rename that first"


def wrong_constraints(relation: Relation, child: LiveTable) -> list[LiveForeignKey]:
    """Return the constraints on the relation's columns that are not what is declared."""
    ours = [key for key in child.foreign_keys if set(key.columns) == set(relation.columns)]
    return [key for key in ours if describe_wrong(key, relation)]


def describe_wrong(key: LiveForeignKey, relation: Relation) -> str:
    """Return how a live constraint differs from the declared one; empty when it does not."""
    pairs = dict(zip(key.columns, key.parent_columns, strict=True))
    declared = dict(zip(relation.columns, relation.parent_columns, strict=True))
    wrong = []
    if key.parent != relation.parent or pairs != declared:
        wrong.append(f"points at {key.parent} ({', '.join(key.parent_columns)})")
    if key.on_delete is not relation.on_delete:
        wrong.append(f"has on delete {key.on_delete.sql}, declared {relation.on_delete.sql}")
    if key.on_update is not relation.on_update:
        wrong.append(f"has on update {key.on_update.sql}, declared {relation.on_update.sql}")
    if not key.plain:
        wrong.append("is deferrable, MATCH FULL or sets only some columns")
    if not key.enforced:
        wrong.append("has disabled triggers, so it checks nothing")
    return ", ".join(wrong)
