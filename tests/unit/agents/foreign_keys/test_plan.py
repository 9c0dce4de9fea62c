"""The pure plan: every relation gets a decision, and carrying the plan out leaves nothing to plan."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.migrate.foreign_keys.actions import Action, Stage, Step
from agents.migrate.foreign_keys.constraint_plan import describe_wrong
from agents.migrate.foreign_keys.declaration import (
    Declaration,
    OrphanAction,
    ReferentialAction,
    Relation,
    TableName,
    sort_parents_first,
)
from agents.migrate.foreign_keys.index_plan import aside_name
from agents.migrate.foreign_keys.live import LiveColumn, LiveForeignKey, LiveIndex, LiveRelation, LiveTable
from agents.migrate.foreign_keys.plan import not_null_check, plan_relation, plan_relations

CHILD, PARENT, OTHER = TableName("public", "child"), TableName("public", "parent"), TableName("public", "other")
KEYS = LiveTable("r", False, 10, (LiveColumn("id", "uuid", True, True),), ("id",), (frozenset({"id"}),))
RELATION = Relation(
    child=CHILD,
    columns=("parent_id",),
    parent=PARENT,
    parent_columns=("id",),
    on_delete=ReferentialAction.CASCADE,
    on_update=ReferentialAction.NO_ACTION,
    orphan=OrphanAction.QUARANTINE,
    required=False,
    constraint="child_parent_id_fkey",
    index="child_parent_id_idx",
    index_is_covering=False,
)
INDEX_NAMES = st.sampled_from(["child_parent_id_idx", "child_key", "idx_a", "idx_b", "idx_c"])
CONSTRAINT_NAMES = st.sampled_from(["child_parent_id_fkey", "legacy", "fk_1", "fk_2"])

relations = st.builds(
    replace,
    st.just(RELATION),
    on_delete=st.sampled_from([ReferentialAction.CASCADE, ReferentialAction.RESTRICT]),
    required=st.booleans(),
    index=st.just("child_key"),
    index_is_covering=st.booleans(),
).map(lambda each: each if each.index_is_covering else replace(each, index="child_parent_id_idx"))
almost_right_keys = st.builds(
    LiveForeignKey,
    name=CONSTRAINT_NAMES,
    columns=st.just(("parent_id",)),
    parent=st.just(PARENT),
    parent_columns=st.just(("id",)),
    on_delete=st.sampled_from([ReferentialAction.CASCADE, ReferentialAction.RESTRICT]),
    on_update=st.just(ReferentialAction.NO_ACTION),
    validated=st.booleans(),
)
any_keys = st.builds(
    LiveForeignKey,
    name=CONSTRAINT_NAMES,
    columns=st.sampled_from([("parent_id",), ("word",)]),
    parent=st.sampled_from([PARENT, OTHER]),
    parent_columns=st.just(("id",)),
    on_delete=st.sampled_from(ReferentialAction),
    on_update=st.sampled_from([ReferentialAction.NO_ACTION, ReferentialAction.CASCADE]),
    validated=st.booleans(),
    plain=st.booleans(),
    enforced=st.booleans(),
)
foreign_keys = almost_right_keys | any_keys
indexes = st.builds(
    LiveIndex,
    name=INDEX_NAMES,
    columns=st.sampled_from([("parent_id",), ("parent_id", "word"), ("word",), ("",)]),
    valid=st.booleans(),
    total=st.booleans(),
    plain=st.booleans(),
    size_bytes=st.integers(0, 3),
)
columns = st.builds(
    LiveColumn,
    name=st.just("parent_id"),
    type_name=st.sampled_from(["uuid", "varchar", "text", "int4", "timestamptz"]),
    not_null=st.booleans(),
    default=st.sampled_from([None, "'x'::text"]),
    blockers=st.sampled_from([(), ("view seen",)]),
)


@st.composite
def live_relations(draw: st.DrawFn) -> LiveRelation:
    found = draw(st.lists(indexes, max_size=4, unique_by=lambda index: index.name))
    checks = draw(st.sampled_from([{}, {"child_parent_id_fkey_filled": False}, {"child_parent_id_fkey_filled": True}]))
    child = LiveTable(
        kind=draw(st.sampled_from(["r", "r", "r", "p", "v"])),
        is_partition=draw(st.sampled_from([False, False, False, True])),
        estimated_rows=-1,
        columns=(draw(columns), LiveColumn("word", "text", False)),
        foreign_keys=tuple(draw(st.lists(foreign_keys, max_size=4, unique_by=lambda key: key.name))),
        indexes=tuple(found),
        other_constraints=dict(checks),
    )
    orphans = draw(st.integers(0, 3))
    castable = child.column("parent_id").type_name == "uuid"
    return LiveRelation(
        child=draw(st.sampled_from([child, child, child, None])),
        parent=draw(st.sampled_from([KEYS, KEYS, KEYS, replace(KEYS, unique_keys=()), None])),
        taken_names=frozenset({index.name for index in found} | draw(st.sampled_from([set(), {"a_view"}]))),
        orphans=orphans,
        uncastable=0 if castable else draw(st.integers(0, orphans)),
        is_small=draw(st.booleans()),
    )


def carry_out(action: Action, live: LiveRelation) -> LiveRelation:  # noqa: C901, PLR0911, PLR0912 - one case per step
    """What the database looks like after one action, as `changes` and `rows` carry it out."""
    child, relation = live.child, action.relation
    assert child is not None
    column = child.column(relation.columns[0])
    word = child.columns[1]
    new_key = LiveForeignKey(
        relation.constraint,
        relation.columns,
        relation.parent,
        relation.parent_columns,
        relation.on_delete,
        relation.on_update,
        validated=False,
    )

    def table(**more: object) -> LiveRelation:
        return replace(live, child=replace(child, **more))

    def without_keys() -> tuple[LiveForeignKey, ...]:
        return tuple(key for key in child.foreign_keys if key.name not in action.subjects)

    match action.step:
        case Step.DROP_NOT_NULL:
            return table(columns=(replace(column, not_null=False), word))
        case Step.CLEAN_VALUES:
            return replace(live, orphans=live.orphans - live.uncastable, uncastable=0)
        case Step.CONVERT_TYPE:
            return table(columns=(replace(column, type_name="uuid"), word), foreign_keys=without_keys())
        case Step.DROP_INDEX:
            return table(indexes=tuple(each for each in child.indexes if each.name != action.subjects[0]))
        case Step.SET_INDEX_ASIDE:
            return rename_index(live, action.subjects[0], aside_name(action.subjects[0]))
        case Step.RENAME_INDEX:
            return rename_index(live, *action.subjects)
        case Step.CREATE_INDEX:
            assert action.subjects[0] not in {each.name for each in child.indexes}
            return table(indexes=(*child.indexes, LiveIndex(action.subjects[0], relation.columns, valid=True)))
        case Step.ADD_CHECK:
            return table(other_constraints={not_null_check(relation): False})
        case Step.ADD_CONSTRAINT | Step.REPLACE_CONSTRAINTS:
            assert relation.constraint not in {key.name for key in without_keys()}
            return table(foreign_keys=(*without_keys(), new_key))
        case Step.DROP_CONSTRAINTS:
            return table(foreign_keys=without_keys())
        case Step.RENAME_CONSTRAINT:
            old, new = action.subjects
            assert new not in {key.name for key in child.foreign_keys}
            return table(
                foreign_keys=tuple(replace(key, name=new) if key.name == old else key for key in child.foreign_keys)
            )
        case Step.CLEAN_ORPHANS:
            return replace(live, orphans=0, uncastable=0)
        case Step.VALIDATE:
            assert live.orphans == 0
            names = {relation.constraint}
            return table(
                foreign_keys=tuple(
                    replace(key, validated=True) if key.name in names else key for key in child.foreign_keys
                )
            )
        case Step.SET_NOT_NULL:
            assert live.orphans == 0
            return table(columns=(replace(column, not_null=True), word), other_constraints={})
        case Step.DROP_CHECK:
            return table(other_constraints={})


def rename_index(live: LiveRelation, old: str, new: str) -> LiveRelation:
    assert live.child is not None
    assert new not in {each.name for each in live.child.indexes}
    renamed = tuple(replace(each, name=new) if each.name == old else each for each in live.child.indexes)
    return replace(live, child=replace(live.child, indexes=renamed))


def settle(live: LiveRelation) -> LiveRelation:
    """Names in use follow from the indexes."""
    assert live.child is not None
    own = frozenset(each.name for each in live.child.indexes)
    return replace(live, taken_names=own | (live.taken_names & {"a_view"}))


@settings(max_examples=1000)
@given(relation=relations, live=live_relations())
def test_carrying_out_a_plan_leaves_nothing_to_plan(relation, live) -> None:
    plan = plan_relations(Declaration("x", (relation,)), {relation: live})

    (decision,) = plan.decisions
    assert bool(decision.actions) + bool(decision.refused) + bool(decision.because) == 1
    if decision.refused:
        return
    for action in plan.actions:
        assert action.because
        live = settle(carry_out(action, live))

    (after,) = plan_relations(Declaration("x", (relation,)), {relation: live}).decisions
    assert (after.actions, after.refused) == ((), "")
    assert after.because
    assert live.child is not None
    (key,) = [each for each in live.child.foreign_keys if each.columns == relation.columns]
    assert describe_wrong(key, relation) == ""
    assert key.validated
    assert any(index.valid and index.total and index.columns[:1] == relation.columns for index in live.child.indexes)


@settings(max_examples=300)
@given(relation=relations, live=live_relations())
def test_a_column_is_never_without_a_constraint_that_was_right(relation, live) -> None:
    decision = plan_relation(relation, live)
    if live.child is None or decision.refused:
        return
    right = [
        key for key in live.child.foreign_keys if key.columns == relation.columns and not describe_wrong(key, relation)
    ]

    for action in decision.actions:
        live = carry_out(action, live)
        assert live.child is not None
        left = [key for key in live.child.foreign_keys if key.columns == relation.columns]
        assert not right or any(not describe_wrong(key, relation) for key in left)


@settings(max_examples=200)
@given(data=st.data())
def test_every_declared_relation_gets_a_decision_and_no_stage_is_entered_early(data) -> None:
    chosen = [
        replace(
            RELATION, child=TableName("public", f"t{n}"), parent=TableName("public", f"t{data.draw(st.integers(0, 4))}")
        )
        for n in range(5)
    ]
    declaration = Declaration("x", sort_parents_first(chosen))
    live = {each: data.draw(live_relations()) for each in declaration.relations}

    plan = plan_relations(declaration, live)

    assert {decision.relation for decision in plan.decisions} == set(chosen)
    stages = [action.stage.value for action in plan.actions]
    assert stages == sorted(stages)


def good(**more: object) -> LiveRelation:
    key = LiveForeignKey(
        "child_parent_id_fkey",
        ("parent_id",),
        PARENT,
        ("id",),
        ReferentialAction.CASCADE,
        ReferentialAction.NO_ACTION,
        validated=True,
    )
    child = LiveTable(
        "r",
        False,
        5,
        (LiveColumn("parent_id", "uuid", False), LiveColumn("word", "text", False)),
        (),
        (),
        (key,),
        (LiveIndex("child_parent_id_idx", ("parent_id",), valid=True),),
    )
    return settle(LiveRelation(replace(child, **more), KEYS))


def test_relation_as_declared_needs_nothing_and_says_so() -> None:
    assert plan_relation(RELATION, good()).because == "index, constraint and rows are as declared"


def test_valid_constraint_with_orphans_is_cleaned_and_not_validated_again() -> None:
    decision = plan_relation(RELATION, replace(good(), orphans=7))

    assert [action.step for action in decision.actions] == [Step.CLEAN_ORPHANS]
    assert decision.actions[0].because == "7 rows point at nothing; quarantine them"
    assert decision.actions[0].stage is Stage.CLEAN


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        ({"foreign_keys": ()}, ["add-constraint", "validate"]),
        ({"indexes": ()}, ["create-index"]),
        ({"indexes": (LiveIndex("x", ("parent_id",), valid=True),)}, ["rename-index"]),
        ({"indexes": (LiveIndex("child_parent_id_idx", ("parent_id",), valid=False),)}, ["drop-index", "create-index"]),
        ({"columns": (LiveColumn("parent_id", "uuid", True),)}, ["drop-not-null"]),
        ({"columns": (LiveColumn("parent_id", "varchar", False),)}, ["convert-type"]),
        ({"other_constraints": {"child_parent_id_fkey_filled": True}}, ["drop-check"]),
    ],
    ids=str,
)
def test_each_defect_has_its_step(change, steps) -> None:
    assert [action.step.value for action in plan_relation(RELATION, good(**change)).actions] == steps


def test_required_column_gets_its_check_before_the_rows_are_cleaned() -> None:
    required = replace(RELATION, required=True)

    steps = [action.step for action in plan_relation(required, replace(good(), orphans=2)).actions]

    assert steps == [Step.ADD_CHECK, Step.CLEAN_ORPHANS, Step.SET_NOT_NULL]


def test_names_at_the_limit_of_length_stay_within_it() -> None:
    long = replace(RELATION, constraint="c" * 63, index="i" * 63)

    assert len(not_null_check(long)) <= 63
    assert len(aside_name(long.index)) <= 63
