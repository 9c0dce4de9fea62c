"""A relation as the database has it now: values without behaviour, read by `catalog` and judged by `plan`."""

from dataclasses import dataclass, field

from agents.migrate.foreign_keys.declaration import ReferentialAction, TableName


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """One column of a table."""

    name: str
    type_name: str
    """Name of the type without length or precision, as pg_type has it: uuid, text, varchar, int8."""
    not_null: bool
    in_primary_key: bool = False
    default: str | None = None
    """The expression, as the server writes it."""
    blockers: tuple[str, ...] = ()
    """Policies, views, triggers and the like whose text uses the column; its type cannot change under them."""


@dataclass(frozen=True, slots=True)
class LiveForeignKey:
    """One foreign key of the child."""

    name: str
    columns: tuple[str, ...]
    parent: TableName
    parent_columns: tuple[str, ...]
    on_delete: ReferentialAction
    on_update: ReferentialAction
    validated: bool
    plain: bool = True
    """MATCH SIMPLE, not deferrable, and SET NULL of all columns; what a bare REFERENCES makes."""
    enforced: bool = True
    """Whether the server's own triggers behind it are all enabled."""


@dataclass(frozen=True, slots=True)
class LiveIndex:
    """One index of the child."""

    name: str
    columns: tuple[str, ...]
    """Key columns in order; an expression is an empty name."""
    valid: bool
    total: bool = True
    """Whether it holds every row, in a btree: no WHERE, no other access method."""
    plain: bool = True
    """Nothing but these columns in their default order: what CREATE INDEX makes without options."""
    owned: bool = False
    """Whether a constraint, a replica identity or a cluster order needs it under its name."""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LiveTable:
    """One table of the declaration."""

    kind: str
    """relkind: r is a table, p a partitioned one; anything else cannot carry a foreign key."""
    is_partition: bool
    estimated_rows: int
    """The planner's figure; -1 when the table was never analysed."""
    columns: tuple[LiveColumn, ...]
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[frozenset[str], ...] = ()
    """Column sets that a foreign key may point at."""
    foreign_keys: tuple[LiveForeignKey, ...] = ()
    indexes: tuple[LiveIndex, ...] = ()
    other_constraints: dict[str, bool] = field(default_factory=dict)
    """Every constraint that is no foreign key, with whether it was validated."""

    def column(self, name: str) -> LiveColumn | None:
        """Return the column, or None when there is none."""
        return next((each for each in self.columns if each.name == name), None)


@dataclass(frozen=True, slots=True)
class LiveRelation:
    """Everything that the plan of one relation depends on."""

    child: LiveTable | None
    parent: LiveTable | None
    taken_names: frozenset[str] = frozenset()
    """Names of tables, indexes, views and sequences in the child's schema."""
    orphans: int = 0
    """Rows that the relation's action must handle, counted by query."""
    uncastable: int = 0
    """Those among them whose value cannot become the parent's type."""
    is_small: bool = True
    """Whether the child may be rewritten in place."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """What one reading of the system catalogs found."""

    tables: dict[TableName, LiveTable]
    taken_names: dict[str, frozenset[str]]
    """By schema."""
