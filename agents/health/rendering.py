"""A report as lines for a person at a terminal: the worst first, each with what it means and what to do; pure."""

from collections.abc import Iterable

import typer

from agents.health.findings import Finding, Outcome, Report, Status
from agents.health.fixing import FixAnswer
from agents.health.reports import StoredReport

_COLOURS = {
    Status.OK: typer.colors.GREEN,
    Status.SKIPPED: typer.colors.BRIGHT_BLACK,
    Status.INFO: typer.colors.CYAN,
    Status.WARN: typer.colors.YELLOW,
    Status.UNKNOWN: typer.colors.MAGENTA,
    Status.CRITICAL: typer.colors.RED,
}
# Chosen: fits a terminal of 120 columns beside the object's name.
_EVIDENCE_WIDTH = 160


def render_report(report: Report, *, verbose: bool = False) -> list[str]:
    """Write a report.

    Args:
        report: what was found.
        verbose: also name what is fine and what was skipped, each with its reason.
    """
    shown = [each for each in report.outcomes if verbose or each.status not in {Status.OK, Status.SKIPPED}]
    ordered = sorted(shown, key=lambda each: (-each.status.rank, each.id))
    lines = [line for outcome in ordered for line in _render_outcome(outcome)]
    if not verbose:
        lines += _render_skipped(report.outcomes)
    return [*lines, _render_summary(report)]


def render_change(stored: StoredReport) -> list[str]:
    """Write what a report that was kept has that the one before had not."""
    head = f"report {stored.id} is kept: {stored.report.status}"
    if stored.difference is None:
        return [head, "it is the first"]
    appeared = [f"new   {each}" for each in stored.difference.appeared]
    gone = [f"gone  {each}" for each in stored.difference.gone]
    return [head, *appeared, *gone] if appeared or gone else [head, "nothing changed since the one before"]


def render_fix(answer: FixAnswer) -> list[str]:
    """Write a plan with its hash, or what became of it."""
    if not answer.plan.steps:
        return ["nothing to fix"]
    if not answer.applied:
        steps = [f"{step.sql};\n    {step.check}: {step.object}; locks {step.lock}" for step in answer.plan.steps]
        return [*steps, f"nothing was done; do it with --hash {answer.plan.hash}"]
    ends = {True: "mended", False: "failed"}
    return [
        f"{ends[each.mended]:>7} {each.step.sql}" + (f"  {each.error}" if each.error else "") for each in answer.done
    ]


def _render_outcome(outcome: Outcome) -> Iterable[str]:
    head = f"{_label(outcome.status)} {typer.style(outcome.id, bold=True)}  {outcome.title}"
    if outcome.reason is not None:
        head += f"  ({outcome.reason})"
    yield head
    for finding in outcome.findings:
        yield f"           {_render_finding(finding, outcome.unit)}"
    if outcome.total > len(outcome.findings):
        yield f"           and {outcome.total - len(outcome.findings)} more"
    if outcome.findings:
        yield f"           why  {outcome.meaning}"
        yield f"           do   {outcome.remedy}"
    for statement in dict.fromkeys(each.fix_sql for each in outcome.findings if each.fix_sql):
        yield f"           sql  {typer.style(statement, fg=typer.colors.BLUE)};"
    for each in outcome.accepted:
        yield f"           let stand: {each.object} ({each.reason})"


def _render_finding(finding: Finding, unit: str | None) -> str:
    value = "" if finding.value is None or unit is None else f"  {finding.value:.4g} {unit}"
    told = ", ".join(f"{name}={_plain(each)}" for name, each in finding.evidence.items() if each is not None)
    return f"{finding.object}{value}" + (f"  {told[:_EVIDENCE_WIDTH]}" if told else "")


def _render_skipped(outcomes: Iterable[Outcome]) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for each in outcomes:
        if each.status is Status.SKIPPED:
            by_reason.setdefault(each.reason or "no reason", []).append(each.id)
    return [
        f"{_label(Status.SKIPPED)} {len(names)} checks: {reason}" + (f" ({names[0]})" if len(names) == 1 else "")
        for reason, names in sorted(by_reason.items())
    ]


def _render_summary(report: Report) -> str:
    counted = ", ".join(f"{number} {name}" for name, number in report.counts.items() if number)
    server = f"PostgreSQL {report.server_version}" if report.server_version else "no connection"
    return (
        f"{_label(report.status)} {report.database}, {server}: {counted}; "
        f"profile {report.profile}, {report.duration_ms / 1000:.2f} s, {report.taken_at}"
    )


def _label(status: Status) -> str:
    return typer.style(f"{status.value:>9} ", fg=_COLOURS[status], bold=status.rank >= Status.WARN.rank)


def _plain(value: object) -> str:
    return ",".join(str(each) for each in value) if isinstance(value, list) else str(value)
