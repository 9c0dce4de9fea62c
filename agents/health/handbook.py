"""The checks as tables for docs/health.md: what each is, and what other tools call it; pure."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from agents.health.definition import Check, Threshold

_TOOLS = ("supabase", "pghero", "pg-healthcheck", "pganalyze", "check_postgres", "pg-index-health", "pgrls")


def render_handbook(checks: Sequence[Check]) -> list[str]:
    """Write one table per group, then one that leads from the names of other tools to ours."""
    lines: list[str] = []
    for group, members in groupby(sorted(checks, key=lambda each: each.id), key=lambda each: each.group):
        found = list(members)
        lines += [f"### {group} ({len(found)})", "", "| Check | Severity | In quick | Finding | Limit | Fix |"]
        lines += ["| --- | --- | --- | --- | --- | --- |", *map(_row, found), ""]
    return [*lines, "### The same rules elsewhere", "", *_elsewhere(checks)]


def _row(check: Check) -> str:
    quick = "yes" if check.profile == "quick" else ""
    limit = _limit(check.threshold) if check.threshold else ""
    return f"| `{check.id}` | {check.severity} | {quick} | {check.title} | {limit} | {check.fix or ''} |"


def _limit(limits: Threshold) -> str:
    sign = "<=" if limits.below else ">="
    critical = "" if limits.critical is None else f", critical {sign} {limits.critical:g}"
    return f"{sign} {limits.warn:g}{critical} {limits.unit}"


def _elsewhere(checks: Iterable[Check]) -> list[str]:
    pairs = sorted((*name.split(":", 1), check.id) for check in checks for name in check.also)
    shown = [pair for pair in pairs if pair[0] in _TOOLS]
    rows = [f"| {tool} | `{name}` | `{check}` |" for tool, name, check in shown]
    return ["| Tool | Its name | Ours |", "| --- | --- | --- |", *rows]
