"""What was found and done, for a machine and for a person; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.migrate.foreign_keys.actions import Decision, RelationPlan, Step
from agents.migrate.foreign_keys.declaration import Relation
from agents.migrate.foreign_keys.live import LiveRelation
from agents.migrate.foreign_keys.repair import Handled

_INDEX_STEPS = frozenset({Step.DROP_INDEX, Step.SET_INDEX_ASIDE, Step.RENAME_INDEX, Step.CREATE_INDEX})
_CONSTRAINT_STEPS = frozenset(
    {Step.ADD_CONSTRAINT, Step.REPLACE_CONSTRAINTS, Step.DROP_CONSTRAINTS, Step.RENAME_CONSTRAINT, Step.VALIDATE}
)
_TYPE_STEPS = frozenset({Step.CONVERT_TYPE})
_NULL_STEPS = frozenset({Step.DROP_NOT_NULL, Step.ADD_CHECK, Step.SET_NOT_NULL, Step.DROP_CHECK})
_COLUMNS = ("relation", "orphans", "action", "type", "index", "constraint", "nulls", "rows_estimated")


@dataclass(frozen=True, slots=True)
class RelationReport:
    """One relation; each state is `ok`, or the steps that it needs."""

    relation: str
    orphans: int
    action: str
    """What is declared for rows that point at nothing."""
    type: str
    index: str
    constraint: str
    nulls: str
    rows_estimated: int
    """The planner's figure; -1 for a table that was never analysed or does not exist."""
    because: tuple[str, ...]
    refused: str
    is_missing: bool
    """Whether its child or parent does not exist."""


@dataclass(frozen=True, slots=True)
class Report:
    """Every declared relation at one moment."""

    relations: tuple[RelationReport, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing needs doing."""
        return not any(each.because or each.refused for each in self.relations)

    @property
    def data(self) -> dict[str, object]:
        """The report as JSON."""
        rows = [
            {
                **{column: getattr(each, column) for column in _COLUMNS},
                "because": list(each.because),
                "refused": each.refused,
            }
            for each in self.relations
        ]
        orphans = sum(each.orphans for each in self.relations)
        return {"is_whole": self.is_whole, "orphans": orphans, "relations": rows}

    @property
    def lines(self) -> list[str]:
        """The report as a table, and the reasons below it."""
        return [*format_table(_COLUMNS, [[str(getattr(each, name)) for name in _COLUMNS] for each in self.relations])]

    @property
    def reasons(self) -> list[str]:
        """One line for each thing to do or refused, missing tables apart."""
        told = []
        for each in self.relations:
            told += [f"{each.relation}: {because}" for because in each.because]
            told += [f"{each.relation}: refused: {each.refused}"] if each.refused and not each.is_missing else []
        return told


def make_report(plan: RelationPlan, live: Mapping[Relation, LiveRelation]) -> Report:
    """Summarise a plan and the state that it was made from."""
    return Report(tuple(_summarise(decision, live[decision.relation]) for decision in plan.decisions))


def describe_handled(handled: Mapping[str, Handled]) -> list[dict[str, object]]:
    """Return what a run did to rows, as JSON."""
    return [
        {
            "relation": name,
            "set_null": each.set_null,
            "deleted": each.deleted,
            "quarantined": each.quarantined,
            "cascaded": each.cascaded,
            "scan_s": round(each.scan_s, 3),
            "batch_s": round(each.batch_s, 3),
        }
        for name, each in handled.items()
    ]


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns with spaces."""
    widths = [max(len(row[at]) for row in (header, *rows)) for at in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]


def _summarise(decision: Decision, live: LiveRelation) -> RelationReport:
    def state(steps: frozenset[Step]) -> str:
        if decision.refused:
            return "refused"
        needed = [action.step.value for action in decision.actions if action.step in steps]
        return ", ".join(needed) or "ok"

    return RelationReport(
        relation=decision.relation.name,
        orphans=live.orphans,
        action=decision.relation.orphan.value,
        type=state(_TYPE_STEPS),
        index=state(_INDEX_STEPS),
        constraint=state(_CONSTRAINT_STEPS),
        nulls=state(_NULL_STEPS),
        rows_estimated=live.child.estimated_rows if live.child else -1,
        because=tuple(f"{action.step}: {action.because}" for action in decision.actions),
        refused=decision.refused,
        is_missing=live.child is None or live.parent is None,
    )
