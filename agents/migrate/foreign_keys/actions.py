"""The steps that a relation can need, in the order in which a run takes them."""

from dataclasses import dataclass
from enum import Enum, StrEnum

from agents.migrate.foreign_keys.casts import Cast
from agents.migrate.foreign_keys.declaration import Relation


class Stage(Enum):
    """All relations pass one stage before any enters the next.

    So every declared constraint stands when the first row is deleted, and its cascade is the declared one.
    """

    SHAPE = 1
    """Types, indexes and constraints, none of them validated: from here on no new orphan appears."""
    CLEAN = 2
    """Rows that break a relation."""
    PROVE = 3
    """Validation, which needs clean rows."""


class Step(StrEnum):
    """One kind of change; the order is the order inside one relation."""

    DROP_NOT_NULL = "drop-not-null"
    CLEAN_VALUES = "clean-values"
    CONVERT_TYPE = "convert-type"
    DROP_INDEX = "drop-index"
    SET_INDEX_ASIDE = "set-index-aside"
    RENAME_INDEX = "rename-index"
    CREATE_INDEX = "create-index"
    ADD_CHECK = "add-check"
    REPLACE_CONSTRAINTS = "replace-constraints"
    ADD_CONSTRAINT = "add-constraint"
    DROP_CONSTRAINTS = "drop-constraints"
    RENAME_CONSTRAINT = "rename-constraint"
    CLEAN_ORPHANS = "clean-orphans"
    VALIDATE = "validate"
    SET_NOT_NULL = "set-not-null"
    DROP_CHECK = "drop-check"


STAGES = {
    **dict.fromkeys(Step, Stage.SHAPE),
    Step.CLEAN_ORPHANS: Stage.CLEAN,
    Step.VALIDATE: Stage.PROVE,
    Step.SET_NOT_NULL: Stage.PROVE,
    Step.DROP_CHECK: Stage.PROVE,
}
STEP_ORDER = {step: at for at, step in enumerate(Step)}
CHANGES_ROWS = frozenset({Step.CLEAN_VALUES, Step.CLEAN_ORPHANS})


@dataclass(frozen=True, slots=True)
class Conversion:
    """A column that gets its parent's type."""

    column: str
    cast: Cast
    default: str | None
    """The column's default, to be cast with it."""


@dataclass(frozen=True, slots=True)
class Action:
    """One change to one relation, and why."""

    step: Step
    relation: Relation
    because: str
    subjects: tuple[str, ...] = ()
    """Names of the live columns, indexes or constraints that it acts on."""
    conversions: tuple[Conversion, ...] = ()
    """Columns whose values do not have their parent's type yet."""

    @property
    def stage(self) -> Stage:
        """When it runs."""
        return STAGES[self.step]


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one relation."""

    relation: Relation
    actions: tuple[Action, ...] = ()
    refused: str = ""
    """Why nothing can be done, and the remedy; empty when it can."""
    because: str = ""
    """Why nothing needs doing; empty when there are actions or a refusal."""


@dataclass(frozen=True, slots=True)
class RelationPlan:
    """A decision for every declared relation."""

    decisions: tuple[Decision, ...]

    @property
    def actions(self) -> tuple[Action, ...]:
        """Every action in the order of its execution: by stage, then parents before children."""
        found = [action for decision in self.decisions for action in decision.actions]
        return tuple(sorted(found, key=lambda action: action.stage.value))

    @property
    def refusals(self) -> tuple[str, ...]:
        """Every refusal, with its relation."""
        return tuple(f"{each.relation.name}: {each.refused}" for each in self.decisions if each.refused)

    @property
    def changes_rows(self) -> bool:
        """Whether any action updates or deletes rows."""
        return any(action.step in CHANGES_ROWS for action in self.actions)
