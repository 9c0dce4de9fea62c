"""Writes plans, runs and histories for a person and for a machine."""

from collections.abc import Mapping

from agents.migrate.history import Run
from agents.migrate.model import AppliedMigration, MigrationKey
from agents.migrate.plan import Plan
from agents.migrate.preview import Preview
from agents.runtime.clock import format_rfc3339


def plan_rows(plan: Plan, previews: Mapping[MigrationKey, Preview]) -> list[dict[str, object]]:
    """Return one JSON object a step."""
    return [
        {
            "name": step.migration.name,
            "action": step.action.value,
            "because": list(step.because),
            "summary": step.migration.summary,
            "lock_budget_ms": step.migration.lock_budget_ms,
            "transactional": step.migration.transactional,
            **(previews[step.migration.key].row() if step.migration.key in previews else {}),
        }
        for step in plan.steps
    ]


def plan_lines(plan: Plan, previews: Mapping[MigrationKey, Preview]) -> list[str]:
    """Return the plan as lines: each step, and below it what its statements lock."""
    lines: list[str] = []
    for step in plan.steps:
        lines.append(f"{step.action.value:4}  {step.migration.name}: {'; '.join(step.because)}")
        if step.migration.key in previews:
            lines += previews[step.migration.key].lines()
    return [*lines, *plan.notes] or ["the folder holds no migrations"]


def run_row(run: Run) -> dict[str, object]:
    """Return one applied migration as a JSON object."""
    return {
        "name": run.migration.name,
        "duration_ms": run.duration_ms,
        "lock_wait_ms": run.lock_wait_ms,
        "attempts": run.attempts,
    }


def history_row(row: AppliedMigration) -> dict[str, object]:
    """Return one row of the history as a JSON object."""
    return {
        "name": row.name,
        "how": row.how,
        "sha256": row.sha256,
        "finished_at": format_rfc3339(row.finished_at),
        "duration_ms": row.duration_ms,
        "lock_wait_ms": row.lock_wait_ms,
        "attempts": row.attempts,
    }
