"""Looks at the rows before anything is changed: what a table would hold after the fills, and which rules it breaks.

One scan per table answers everything; the queries are built here and judged by the diff.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from agents.migrate.adopt.actions import code, name_table
from agents.migrate.adopt.legacy import Fill
from agents.migrate.adopt.shape import Constraint, Table


@dataclass(frozen=True, slots=True)
class Finding:
    """How many rows break or meet one rule, and the key of one of them."""

    count: int
    example: str = ""


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What one scan found."""

    rows: int = 0
    findings: Mapping[str, Finding] = field(default_factory=dict)

    def count(self, rule: str) -> int:
        """Return how many rows a rule concerns."""
        found = self.findings.get(rule)
        return found.count if found else 0


@dataclass(frozen=True, slots=True)
class Question:
    """One query and the rules that its columns answer, two columns each."""

    query: sql.Composed
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a table is expected to hold when its columns are filled, and what would be wrong with it."""

    future: Mapping[str, sql.Composable]
    """What each declared column will hold, over the existing row."""
    missing: Mapping[str, str]
    """Declared columns that the row does not have, with their types."""
    fills: Mapping[str, Sequence[Fill]]
    """Rules that write a column, by column; counted by where they apply."""
    rules: Mapping[str, sql.Composable]
    """Predicates over the future row that mark a broken one, by name."""
    examples: Mapping[str, Sequence[str]]
    """Columns of the existing row that explain a broken rule, beside its key, by rule."""


def ask_about_rows(live: Table, outlook: Outlook) -> Question:
    """Build the query of one table.

    Returns:
        A query with one row: all rows, then a count and an example key for each rule.
    """
    future, missing, examples = outlook.future, outlook.missing, outlook.examples
    conditions: dict[str, sql.Composable] = {
        f"fill {column} {index}": code(f"({fill.when})")
        for column, found in outlook.fills.items()
        for index, fill in enumerate(found)
    }
    base = [sql.SQL("existing.*"), *(code(f'null::{kind} as "{name}"') for name, kind in missing.items())]
    columns: list[sql.Composable] = [sql.SQL("{} as {}").format(_key(live), sql.Identifier("cryo key"))]
    columns += [sql.SQL("{} as {}").format(value, sql.Identifier(name)) for name, value in future.items()]
    columns += [sql.SQL("{} as {}").format(value, sql.Identifier(name)) for name, value in conditions.items()]
    columns += [
        sql.SQL("concat_ws(', ', {}, {}) as {}").format(
            _key(live), sql.SQL(", ").join(sql.Identifier(name) for name in names), sql.Identifier(f"example {rule}")
        )
        for rule, names in examples.items()
    ]
    judged = {**{name: sql.Identifier(name) for name in conditions}, **outlook.rules}
    answers = [
        sql.SQL("count(*) filter (where {0}), min({1}) filter (where {0})").format(
            broken, sql.Identifier(f"example {rule}" if rule in examples else "cryo key")
        )
        for rule, broken in judged.items()
    ]
    query = sql.SQL(
        "with base as (select {base} from {table} as existing), future as (select {columns} from base) "
        "select {answers} from future"
    ).format(
        base=sql.SQL(", ").join(base),
        table=name_table(live),
        columns=sql.SQL(", ").join(columns),
        answers=sql.SQL(", ").join([sql.SQL("count(*)"), *answers]),
    )
    return Question(query, tuple(judged))


def ask_about_duplicates(live: Table, constraint: Constraint) -> sql.Composed:
    """Build the query for rows that a unique constraint would refuse: how many groups, and one of them."""
    columns = [sql.Identifier(name) for name in constraint.columns]
    return sql.SQL(
        "select count(*), min(example) from (select concat_ws(', ', {columns}) as example from {table} "
        "where {present} group by {columns} having count(*) > 1) as duplicates"
    ).format(
        columns=sql.SQL(", ").join(columns),
        table=name_table(live),
        present=sql.SQL(" and ").join(sql.SQL("{} is not null").format(name) for name in columns),
    )


def read_facts(question: Question, row: Sequence[object]) -> TableFacts:
    """Read the one row of an answer."""
    numbers = [int(str(value)) for value in row[1::2]]
    examples = ["" if value is None else str(value) for value in row[2::2]]
    found = zip(question.rules, numbers, examples, strict=True)
    return TableFacts(int(str(row[0])), {rule: Finding(count, example) for rule, count, example in found if count})


def _key(live: Table) -> sql.Composable:
    """Return the primary key as a text, or the row's place when there is none."""
    for constraint in live.constraints:
        if constraint.kind == "p":
            columns = sql.SQL(", ").join(sql.Identifier(name) for name in constraint.columns)
            return sql.SQL("concat_ws(', ', {})").format(columns)
    return sql.Identifier("id") + sql.SQL("::text") if live.column("id") else sql.SQL("''")
