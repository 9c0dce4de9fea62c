"""What an adoption would do, for every shape that a table can have; no database."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.migrate.adopt.actions import Action, Refusal, Step
from agents.migrate.adopt.columns import convert
from agents.migrate.adopt.diff import plan_adoption, set_aside_tables, sets_updated_at_only
from agents.migrate.adopt.legacy import Fill, LegacyRules, SetAside
from agents.migrate.adopt.preflight import Finding, TableFacts
from agents.migrate.adopt.shape import Column, Constraint, Function, Index, Schema, Shape, Table, Trigger
from agents.migrate.adopt.survey import judge_rows

RULES = LegacyRules(up_to=7, zone="UTC")
KEY = Constraint("thing_pkey", "p", ("id",), "PRIMARY KEY (id)")
TOUCH = Trigger(
    "thing_touch", "CREATE TRIGGER BEFORE UPDATE ON public.thing FOR EACH ROW EXECUTE FUNCTION private.touch()"
)
THING = Table(
    schema="public",
    name="thing",
    columns=(
        Column("id", "uuid", not_null=True, default="gen_random_uuid()"),
        Column("owner", "uuid"),
        Column("name", "text", not_null=True),
        Column("size", "bigint"),
    ),
    constraints=(
        KEY,
        Constraint("thing_name_check", "c", ("name",), "CHECK ((name <> ''::text))"),
        Constraint("thing_owner_fkey", "f", ("owner",), "FOREIGN KEY (owner) REFERENCES auth.users(id)"),
    ),
    indexes=(Index("thing_owner_idx", "CREATE INDEX ON public.thing USING btree (owner)", ("owner",)),),
    triggers=(TOUCH,),
    comment="A thing.",
)


def shape(*tables: Table) -> Shape:
    return Shape(tables={table.full_name: table for table in tables}, schemas={"public": Schema("public")})


def plan(live: Table, *, declared: Table = THING, rules: LegacyRules = RULES, facts: TableFacts | None = None):
    return plan_adoption(shape(declared), shape(live), rules, {declared.full_name: facts or TableFacts(10)})


def texts(action: Action) -> str:
    return "; ".join(statement.as_string(None) for statement in action.statements)


def steps(live: Table, **more: object) -> dict[Step, list[str]]:
    found: dict[Step, list[str]] = {}
    for action in plan(live, **more).actions:
        found.setdefault(action.step, []).append(texts(action))
    return found


def with_column(table: Table, column: Column) -> Table:
    return replace(table, columns=tuple(column if each.name == column.name else each for each in table.columns))


COLUMNS = st.builds(
    Column,
    name=st.sampled_from(["a", "b", "c", "d"]),
    type=st.sampled_from(["text", "bigint", "uuid", "timestamp with time zone"]),
    not_null=st.booleans(),
    default=st.sampled_from(["", "now()", "'x'::text"]),
    comment=st.sampled_from(["", "Says something."]),
)
TABLES = st.builds(
    lambda columns, constrained: Table(
        "public",
        "any",
        tuple(columns),
        constraints=(Constraint("any_check", "c", (columns[0].name,), "CHECK (true)"),) if constrained else (),
        comment="Any.",
    ),
    st.lists(COLUMNS, min_size=1, unique_by=lambda column: column.name),
    st.booleans(),
)


@given(TABLES)
def test_declared_shape_needs_nothing(table: Table) -> None:
    assert plan_adoption(shape(table), shape(table), RULES, {}).actions == ()


@given(TABLES, TABLES)
def test_every_difference_is_an_action_or_a_refusal_with_a_reason(declared: Table, live: Table) -> None:
    found = plan_adoption(shape(declared), shape(live), RULES, {})

    assert all(action.because and action.statements for action in found.actions)
    assert [action.step for action in found.actions] == sorted(action.step for action in found.actions)
    same = {column.name: column for column in live.columns if declared.column(column.name) is not None}
    differs = any(column != same.get(column.name) for column in declared.columns)
    assert bool(found.actions or found.refusals) or not differs


@given(TABLES, TABLES)
def test_no_table_and_no_column_is_ever_dropped(declared: Table, live: Table) -> None:
    written = " ".join(texts(action) for action in plan_adoption(shape(declared), shape(live), RULES, {}).actions)

    assert "drop table" not in written
    assert "drop column" not in written
    assert "delete from" not in written


def test_missing_table_is_created_without_its_foreign_keys_and_closed_to_the_api() -> None:
    (action,) = plan_adoption(shape(THING), shape(), RULES, {}).actions

    written = texts(action)
    assert action.step is Step.CREATE_TABLE
    assert 'create table "public"."thing" ("id" uuid default gen_random_uuid() not null' in written
    assert 'add constraint "thing_pkey" PRIMARY KEY (id)' in written
    assert "FOREIGN KEY" not in written
    assert 'revoke all on "public"."thing" from public, anon, authenticated, service_role' in written


def test_missing_required_column_is_added_empty_then_filled_then_required() -> None:
    live = replace(THING, columns=tuple(each for each in THING.columns if each.name != "name"), constraints=(KEY,))
    rules = replace(RULES, fills=(Fill("public.thing", "name", "'thing ' || id", "name is null", (), "why", "how"),))

    found = steps(live, rules=rules, facts=TableFacts(10, {"fill name 0": Finding(10)}))

    assert found[Step.ADD_COLUMN] == ['alter table "public"."thing" add column "name" text']
    assert "limit 20000" in found[Step.FILL][0]
    assert 'is distinct from "name"' in found[Step.FILL][0]
    assert found[Step.NOT_NULL][0].index("validate constraint") < found[Step.NOT_NULL][0].index("set not null")
    assert list(found) == sorted(found)


def test_missing_required_column_with_a_default_never_stands_empty() -> None:
    """A run that dies after it must find a column that is whole, not rows that look broken."""
    share = Column("share", "numeric", not_null=True, default="0")
    declared = replace(THING, columns=(*THING.columns, share))

    found = steps(THING, declared=declared, facts=TableFacts(10, {"fill share 0": Finding(10)}))

    assert found[Step.ADD_COLUMN] == ['alter table "public"."thing" add column "share" numeric default 0']
    assert Step.FILL not in found


@pytest.mark.parametrize(("default", "rewrites"), [("0", False), ("now()", False), ("gen_random_uuid()", True)])
def test_default_that_differs_by_row_is_told_as_a_rewrite(default: str, *, rewrites: bool) -> None:
    column = Column("mark", "text", not_null=True, default=default)
    declared = replace(THING, columns=(*THING.columns, column))

    (added,) = [each for each in plan(THING, declared=declared).actions if each.step is Step.ADD_COLUMN]

    assert (added.rewrites, added.rows) == (rewrites, 10 if rewrites else 0)


def test_rows_without_a_value_are_refused_with_the_remedy_of_the_fill() -> None:
    rules = replace(RULES, fills=(Fill("public.thing", "name", "null", "name is null", (), "why", "name them"),))
    facts = TableFacts(10, {"required name": Finding(3, "7")})

    (refusal,) = judge_rows(THING, THING, rules, facts)

    assert str(refusal) == (
        "public.thing.name: would be empty in 3 of 10 rows, for example 7; name them, then run again"
    )


def test_empty_foreign_key_column_is_left_to_the_repair_of_foreign_keys() -> None:
    declared = with_column(THING, Column("owner", "uuid", not_null=True))
    broken = TableFacts(10, {"required owner": Finding(4, "7")})

    assert list(judge_rows(declared, THING, RULES, broken)) == []
    assert Step.NOT_NULL not in steps(THING, declared=declared, facts=broken)
    assert Step.NOT_NULL in steps(THING, declared=declared, facts=TableFacts(10))


def test_type_of_a_foreign_key_column_is_left_to_the_repair_of_foreign_keys() -> None:
    found = plan(with_column(THING, Column("owner", "character varying(255)")))

    assert (found.actions, found.refusals) == ((), ())


@pytest.mark.parametrize(
    ("live", "declared", "rewrites"),
    [
        ("character varying(255)", "text", False),
        ("character varying", "text", False),
        ("character(3)", "text", True),
        ("integer", "bigint", True),
        ("smallint", "bigint", True),
        ("numeric(12,4)", "numeric", False),
        ("json", "jsonb", True),
        ("timestamp without time zone", "timestamp with time zone", True),
        ("timestamp(3) without time zone", "timestamp with time zone", True),
        ("date", "timestamp with time zone", True),
    ],
)
def test_wider_type_is_known_with_its_cost(live: str, declared: str, *, rewrites: bool) -> None:
    found = convert(live, declared)

    assert found is not None
    assert found[1] == rewrites


@pytest.mark.parametrize(
    ("live", "declared"),
    [("text", "bigint"), ("bigint", "integer"), ("jsonb", "text"), ("uuid", "bigint"), ("double precision", "numeric")],
)
def test_type_that_would_need_a_guess_is_refused(live: str, declared: str) -> None:
    assert convert(live, declared) is None
    found = plan(with_column(THING, Column("size", live)), declared=with_column(THING, Column("size", declared)))

    assert [refusal.object_name for refusal in found.refusals] == ["public.thing.size"]


def test_time_without_a_zone_is_read_in_the_declared_zone() -> None:
    declared = with_column(THING, Column("size", "timestamp with time zone"))
    live = with_column(THING, Column("size", "timestamp without time zone", default="now()"))

    (written,) = steps(live, declared=declared)[Step.RETYPE]

    assert "using \"size\" at time zone 'UTC'" in written


def test_computed_column_over_a_wider_one_is_computed_again_in_the_same_statement() -> None:
    live = replace(
        with_column(THING, Column("size", "integer")),
        columns=(
            *with_column(THING, Column("size", "integer")).columns,
            Column("link", "text", generated="'x' || size"),
        ),
        indexes=(*THING.indexes, Index("link_idx", "CREATE INDEX ON public.thing USING btree (link)", ("link",))),
    )

    (action,) = [each for each in plan(live).actions if each.step is Step.RETYPE]

    assert action.statements[0].as_string(None) == (
        'alter table "public"."thing" drop column "link", alter column "size" type bigint using "size"::bigint, '
        "add column \"link\" text generated always as ('x' || size) stored"
    )
    assert action.statements[1].as_string(None) == 'CREATE INDEX "link_idx" ON public.thing USING btree (link)'
    assert action.rewrites


def test_same_rule_under_another_name_is_renamed_and_its_copy_dropped() -> None:
    unique = Constraint("thing_name_key", "u", ("name",), "UNIQUE (name)")
    declared = replace(THING, constraints=(*THING.constraints, unique))
    live = replace(
        THING, constraints=(*THING.constraints, replace(unique, name="first"), replace(unique, name="second"))
    )

    found = steps(live, declared=declared)

    assert found[Step.KEY] == ['alter table "public"."thing" rename constraint "first" to "thing_name_key"']
    assert found[Step.DROP] == ['alter table "public"."thing" drop constraint "second"']


def test_unique_index_becomes_the_declared_constraint() -> None:
    declared = replace(THING, constraints=(*THING.constraints, Constraint("k", "u", ("name",), "UNIQUE (name)")))
    index = Index("by_name", "CREATE UNIQUE INDEX ON public.thing USING btree (name)", ("name",), unique=True)

    found = steps(replace(THING, indexes=(*THING.indexes, index)), declared=declared)

    assert found == {Step.KEY: ['alter table "public"."thing" add constraint "k" unique using index "by_name"']}


def test_rule_that_forbids_what_is_declared_goes_and_one_over_columns_of_v2_stays() -> None:
    live = replace(
        THING,
        columns=(*THING.columns, Column("old", "text", not_null=True)),
        constraints=(
            *THING.constraints,
            Constraint("thing_size_key", "u", ("size",), "UNIQUE (size)"),
            Constraint("old_check", "c", ("old",), "CHECK ((old <> ''::text))"),
        ),
    )

    found = steps(live)

    assert found == {
        Step.DROP: ['alter table "public"."thing" drop constraint "thing_size_key"'],
        Step.RELAX: ['alter table "public"."thing" alter column "old" drop not null'],
    }


def test_other_key_is_refused_unless_the_table_is_set_aside() -> None:
    live = replace(
        THING,
        columns=(*THING.columns, Column("method", "uuid")),
        constraints=(Constraint("thing_pkey", "p", ("method",), "PRIMARY KEY (method)"),),
    )
    rules = replace(RULES, set_aside=(SetAside("public.thing", "method", "legacy_thing", "another meaning"),))

    assert [refusal.what for refusal in plan(live).refusals] == [
        "has the key PRIMARY KEY (method), declared is PRIMARY KEY (id)"
    ]
    found = plan(live, rules=rules)
    assert found.refusals == ()
    assert [action.step for action in found.actions] == [Step.SET_ASIDE, Step.CREATE_TABLE]
    assert 'rename constraint "thing_pkey" to "legacy_thing_pkey"' in texts(found.actions[0])
    assert set_aside_tables(shape(THING), rules) == (shape(THING), ())


def test_index_is_renamed_created_alone_or_dropped_as_a_copy() -> None:
    renamed = replace(THING, indexes=(replace(THING.indexes[0], name="a"), replace(THING.indexes[0], name="b")))
    invalid = replace(THING, indexes=(replace(THING.indexes[0], valid=False),))

    assert steps(renamed) == {
        Step.DROP: ['drop index concurrently if exists "public"."b"'],
        Step.INDEX: ['alter index "public"."a" rename to "thing_owner_idx"'],
    }
    assert steps(replace(THING, indexes=())) == {
        Step.INDEX: ['CREATE INDEX CONCURRENTLY IF NOT EXISTS "thing_owner_idx" ON public.thing USING btree (owner)']
    }
    assert list(steps(invalid)) == [Step.DROP, Step.INDEX]


@pytest.mark.parametrize(
    ("source", "only"),
    [
        ("\nBEGIN\n  NEW.updated_at = NOW();\n  RETURN NEW;\nEND;\n", True),
        ("begin\n -- keeps it\n new.updated_at := current_timestamp;\n return new;\nend", True),
        ("begin new.updated_at = now(); new.version = old.version + 1; return new; end", False),
        ("begin perform notify(); new.updated_at = now(); return new; end", False),
        ("begin return new; end", False),
    ],
)
def test_trigger_that_only_keeps_updated_at_is_told_from_others(source: str, *, only: bool) -> None:
    assert sets_updated_at_only(source) == only
    old = Trigger("old", "CREATE TRIGGER AFTER UPDATE ON public.thing", source)

    dropped = steps(replace(THING, triggers=(TOUCH, old)))

    assert dropped == ({Step.DROP: ['drop trigger "old" on "public"."thing"']} if only else {})


def test_foreign_key_of_a_table_that_stays_gets_an_index() -> None:
    key = Constraint("note_thing", "f", ("thing_id",), "FOREIGN KEY (thing_id) REFERENCES public.thing(id)")
    note = Table("public", "note", (Column("thing_id", "uuid"),), constraints=(key,))

    (action,) = plan_adoption(shape(THING), shape(THING, note), RULES, {"public.thing": TableFacts(1)}).actions

    assert texts(action) == (
        'create index concurrently if not exists "note_thing_id_idx" on "public"."note" ("thing_id")'
    )


def test_function_schema_and_rights_are_brought_about() -> None:
    function = Function("private", "private.f()", "CREATE OR REPLACE FUNCTION private.f() ...", "Says why.")
    declared = Shape(functions={"private.f()": function}, schemas={"private": Schema("private", "Functions.")})

    found = plan_adoption(declared, Shape(), RULES, {}).actions

    written = [texts(action) for action in found]
    assert [action.step for action in found] == [Step.SCHEMA, Step.FUNCTION, Step.FUNCTION, Step.CLOSE]
    assert 'revoke all on schema "private" from public' in written[0]
    assert written[1].startswith("set local check_function_bodies = off; CREATE OR REPLACE FUNCTION")
    assert written[3] == "revoke EXECUTE on function private.f() from public"


def test_rights_beyond_the_declared_ones_are_taken_back() -> None:
    found = steps(replace(THING, grants=frozenset({("anon", "SELECT"), ("public", "INSERT")})))

    assert found == {
        Step.CLOSE: [
            'revoke SELECT on table "public"."thing" from "anon"; revoke INSERT on table "public"."thing" from public'
        ]
    }


def test_plan_writes_one_line_an_action() -> None:
    action = Action(Step.RETYPE, "public.thing", "wider", (), rows=7, rewrites=True)

    assert str(action) == "retype        public.thing (7 rows, rewrites the table): wider"
    assert str(Refusal("a", "b", "c")) == "a: b; c"
