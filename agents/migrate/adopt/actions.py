"""What an adoption does, as values: an ordered list of small changes, each with its statements and its reason."""

from dataclasses import dataclass
from enum import IntEnum

from psycopg import sql

from agents.migrate.adopt.shape import Column, Table


class Step(IntEnum):
    """The order in which changes are made; later ones rely on earlier ones."""

    ROLES = 1
    SCHEMA = 2
    SET_ASIDE = 3
    FUNCTION = 4
    CREATE_TABLE = 5
    CLOSE = 6
    DROP = 7
    RELAX = 8
    RETYPE = 9
    ADD_COLUMN = 10
    DEFAULT = 11
    FILL = 12
    KEY = 13
    CHECK = 14
    NOT_NULL = 15
    INDEX = 16
    SEED = 17
    COPY = 18
    TRIGGER = 19
    DESCRIBE = 20


@dataclass(frozen=True, slots=True)
class Action:
    """One change of one object; made whole, and not made again by a second run."""

    step: Step
    object_name: str
    because: str
    statements: tuple[sql.Composable, ...]
    rows: int = 0
    """Rows that are written, rewritten or scanned under it; 0 when it only touches the catalog."""
    rewrites: bool = False
    """Whether the whole table is written anew while nobody else can use it."""
    alone: bool = False
    """Whether each statement must run outside a transaction."""
    batched: bool = False
    """Whether the one statement is repeated, a batch each time, until it changes nothing."""
    retyped: tuple[str, ...] = ()
    """Columns whose dependents (views, policies) must be taken down and put back."""

    def __str__(self) -> str:
        """One line of a plan."""
        rows = f" ({self.rows} rows{', rewrites the table' if self.rewrites else ''})" if self.rows else ""
        return f"{self.step.name.lower().replace('_', ' '):12}  {self.object_name}{rows}: {self.because}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the adoption does not begin."""

    object_name: str
    what: str
    remedy: str

    def __str__(self) -> str:
        """One sentence."""
        return f"{self.object_name}: {self.what}; {self.remedy}"


def name_table(table: Table) -> sql.Identifier:
    """Quote a table with its schema."""
    return sql.Identifier(table.schema, table.name)


def code(text: str) -> sql.SQL:
    """Mark SQL that comes from our own files or from PostgreSQL's catalog as safe to send."""
    # Its text is a definition that PostgreSQL printed, or an expression of legacy.toml; never a user's value.
    return sql.SQL(text)


def alter(table: Table, change: sql.Composable) -> sql.Composed:
    """Write `alter table ... <change>`."""
    return sql.SQL("alter table {} {}").format(name_table(table), change)


def define_column(column: Column, *, complete: bool, with_default: bool = False) -> sql.Composed:
    """Write a column's definition.

    Args:
        column: the declared column.
        complete: with default and NOT NULL, for a new table; an existing table gets those after its rows are filled.
        with_default: with the default although not complete, so that existing rows have it from the first moment.
    """
    parts: list[sql.Composable] = [sql.Identifier(column.name), code(column.type)]
    if column.generated:
        parts.append(sql.SQL("generated always as ({}) stored").format(code(column.generated)))
    if column.identity:
        kind = "always" if column.identity == "a" else "by default"
        parts.append(code(f"generated {kind} as identity"))
    if (complete or with_default) and column.default:
        parts.append(sql.SQL("default {}").format(code(column.default)))
    if complete and column.not_null and not column.identity:
        parts.append(sql.SQL("not null"))
    return sql.SQL(" ").join(parts)


def put_name(definition: str, word: str, name: str) -> sql.Composed:
    """Put a name back into a definition that was read without it.

    Args:
        definition: `CREATE ... <word> ON ...`.
        word: `INDEX` or `TRIGGER`.
        name: the object's name.
    """
    head, _, tail = definition.partition(f" {word} ")
    return sql.SQL("{} {} {} {}").format(code(head), code(word), sql.Identifier(name), code(tail))
