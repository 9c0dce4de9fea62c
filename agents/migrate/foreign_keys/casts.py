"""Which types can become which, what it costs, and how SQL tells the values that cannot; pure."""

from dataclasses import dataclass
from typing import LiteralString

# Cited: uuid_in takes 32 hexadecimal digits with an optional hyphen after each group of four, braces around or not.
# Braces are doubled because the text passes through SQL.format.
_UUID: LiteralString = r"^([0-9a-f]{{4}}(-?[0-9a-f]{{4}}){{7}}|\{{[0-9a-f]{{4}}(-?[0-9a-f]{{4}}){{7}}\}})$"
_TEXTS = frozenset({"text", "varchar", "bpchar"})
_INTEGERS = {"int2": 16, "int4": 32, "int8": 64}
_WORDS: dict[str, LiteralString] = {
    "uuid": "uuid",
    "text": "text",
    "varchar": "varchar",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
}


@dataclass(frozen=True, slots=True)
class Cast:
    """How the values of a child's column become the parent's type."""

    to_type: LiteralString
    rewrites: bool
    """Whether ALTER TYPE writes every row anew, while nobody may read the table."""
    test: LiteralString
    """Condition that is true for values that can be cast; {0} stands for the column; empty when all can."""
    value: LiteralString
    """Expression of the cast value."""


def find_cast(child_type: str, parent_type: str) -> Cast | None:
    """Return how one type becomes the other, or None when nothing sensible does.

    Args:
        child_type: type name of the child's column, as in pg_type.
        parent_type: type name of the parent's column.
    """
    if parent_type not in _WORDS:
        return None
    to_type = _WORDS[parent_type]
    if child_type in _TEXTS and parent_type == "uuid":
        return _from_text(to_type, "btrim({0}::text) ~* '" + _UUID + "'")
    if child_type in _TEXTS and parent_type in _INTEGERS:
        return _from_text(to_type, _text_range(_INTEGERS[parent_type]))
    if child_type in _INTEGERS and parent_type in _INTEGERS:
        narrows = _INTEGERS[child_type] > _INTEGERS[parent_type]
        test = _range("{0}", _INTEGERS[parent_type]) if narrows else ""
        return Cast(to_type, rewrites=True, test=test, value="{0}::" + to_type)
    if parent_type in {"text", "varchar"} and child_type in {*_TEXTS, *_INTEGERS, "uuid"}:
        # Cited: varchar and text have the same bytes, so this change is one of the catalog alone.
        rewrites = child_type not in {"text", "varchar"}
        return Cast(to_type, rewrites=rewrites, test="", value="{0}::" + to_type)
    return None


def _from_text(to_type: LiteralString, test: LiteralString) -> Cast:
    # Blanks around a key are a slip of typing, not another key.
    return Cast(to_type, rewrites=True, test=test, value="btrim({0}::text)::" + to_type)


def _text_range(bits: int) -> LiteralString:
    # CASE, because AND may be evaluated in any order and the numeric cast would fail on words.
    digits: LiteralString = "btrim({0}::text) ~ '^[+-]?0*[0-9]{{1,19}}$'"
    return "case when " + digits + " then " + _range("btrim({0}::text)::numeric", bits) + " else false end"


def _range(value: LiteralString, bits: int) -> LiteralString:
    limits: dict[int, LiteralString] = {
        16: " between -32768 and 32767",
        32: " between -2147483648 and 2147483647",
        64: " between -9223372036854775808 and 9223372036854775807",
    }
    return value + limits[bits]
