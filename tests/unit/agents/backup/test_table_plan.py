import pytest

from agents.backup.errors import TableRefusedError
from agents.backup.tables.plan import order_tables, refuse_shape
from agents.backup.tables.shape import Field, Reference, Shape, parse_table
from agents.backup.tables.statements import count_differences, set_triggers, update_different
from agents.runtime.postgres import Table

PARENT, CHILD, GRANDCHILD = (Table("public", name) for name in ("parent", "child", "grandchild"))


def shape(table: Table, *parents: Table, **fields: object) -> Shape:
    given = {
        "fields": (Field("id", "bigint", False, "a"), Field("told", "text", False, "")),
        "key": ("id",),
        "sequences": (),
        "triggers": {},
        **fields,
    }
    references = tuple(Reference("fk", table, parent, ("parent_id",), ("id",), "") for parent in parents)
    return Shape(table=table, references=references, **given)  # type: ignore[arg-type]


def test_parents_come_before_children_whatever_the_order_asked_for() -> None:
    shapes = [shape(GRANDCHILD, CHILD), shape(CHILD, PARENT, CHILD), shape(PARENT)]

    assert order_tables(shapes) == (PARENT, CHILD, GRANDCHILD)


def test_parents_that_are_not_restored_do_not_matter() -> None:
    assert order_tables([shape(CHILD, PARENT)]) == (CHILD,)


def test_a_circle_is_named() -> None:
    with pytest.raises(TableRefusedError, match=r"public\.\w+ -> public\.\w+"):
        order_tables([shape(CHILD, PARENT), shape(PARENT, CHILD)])


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (shape(PARENT, fields=(Field("id", "bigint", False, "a"),)), "told"),
        (shape(PARENT, fields=(Field("id", "uuid", False, ""), Field("told", "text", False, ""))), "id"),
        (shape(PARENT, key=()), "primary key"),
    ],
)
def test_a_table_that_is_not_what_it_was_is_refused(there, told) -> None:
    refuse_shape(shape(PARENT), shape(PARENT))

    with pytest.raises(TableRefusedError, match=told):
        refuse_shape(there, shape(PARENT))


def test_generated_columns_are_compared_and_never_written() -> None:
    computed = shape(PARENT, fields=(Field("id", "bigint", False, ""), Field("sum", "bigint", True, "")))

    assert update_different(computed, PARENT, CHILD) is None
    assert '"sum"' in count_differences(computed, PARENT, CHILD)


def test_names_are_quoted() -> None:
    odd = Table('a"b', "c.d")

    assert '"a""b"."c.d"' in count_differences(shape(odd), odd, PARENT)


def test_a_trigger_that_was_off_stays_off() -> None:
    with_triggers = shape(PARENT, triggers={"on": "O", "off": "D", "replica": "R"})

    assert set_triggers(with_triggers, enabled=True) == [
        'alter table "public"."parent" enable trigger "on"',
        'alter table "public"."parent" enable replica trigger "replica"',
    ]


@pytest.mark.parametrize("text", ["", ".", "a.", ".b", "a.b.c"])
def test_what_names_no_table_is_refused(text) -> None:
    with pytest.raises(TableRefusedError, match=r"write schema\.table"):
        parse_table(text)
