"""Random calendars of backup sets and what must hold for every plan: for the tests and the campaign of retention.py."""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from agents.backup.engine import BackupKind, BackupSet
from agents.backup.retention import Candidate, RetentionRules, Rule, Verdict, plan_retention

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia")


def make_set(label: str, finished_at: datetime, parent: str | None = None, references: Iterable[str] = ()) -> BackupSet:
    """Return a set that took five minutes."""
    return BackupSet(
        label=label,
        kind=BackupKind.FULL if parent is None else BackupKind.INCREMENTAL,
        started_at=finished_at - timedelta(minutes=5),
        finished_at=finished_at,
        size_bytes=1,
        stored_bytes=1,
        parent=parent,
        references=tuple(references),
    )


def draw_candidates(draw: random.Random, number: int) -> list[Candidate]:
    """Draw chains at irregular times: some sets fail verification, some are held, some are dated in the future."""
    spread_h = draw.choice((6, 24 * 7, 24 * 60, 24 * 900))
    moments = sorted(NOW + timedelta(hours=draw.uniform(-spread_h, spread_h * 0.05)) for _ in range(number))
    found: list[Candidate] = []
    for index, moment in enumerate(moments):
        parent = draw.choice(found[-6:]).backup if found and _happens(draw, 75) else None
        chain = (parent.label, *parent.references) if parent else ()
        held = _happens(draw, 5)
        found.append(
            Candidate(
                make_set(f"s{index}", moment, parent.label if parent else None, chain),
                is_verified=_happens(draw, 60),
                is_damaged=_happens(draw, 5),
                hold="legal" if held else None,
                held_until=NOW + timedelta(days=draw.randint(-5, 5)) if held and _happens(draw, 70) else None,
            )
        )
    draw.shuffle(found)
    return found


def _happens(draw: random.Random, percent: int) -> bool:
    return draw.randrange(100) < percent


def draw_rules(draw: random.Random) -> RetentionRules:
    """Draw rules, often with nothing but one of them."""

    def count(most: int) -> int:
        return draw.choice((0, 0, 1, draw.randint(0, most)))

    return RetentionRules(
        hourly=count(48),
        daily=count(14),
        weekly=count(8),
        monthly=count(12),
        yearly=count(4),
        window=timedelta(hours=draw.choice((0, 1, 24, 24 * 14))),
        min_fulls=draw.randint(1, 4),
        zone=ZoneInfo(draw.choice(ZONES)),
    )


def broken_claims(candidates: Sequence[Candidate], rules: RetentionRules, now: datetime) -> list[str]:
    """Return one sentence per claim that does not hold; empty when the plan is sound."""
    plan = plan_retention(candidates, rules, now)
    kept = {verdict.label: verdict for verdict in plan.kept}
    going = [verdict.label for verdict in plan.expired]
    by_label = {each.backup.label: each for each in candidates}
    found = []
    if sorted([*kept, *going]) != sorted(by_label):
        found.append("a set has no verdict, or two")
    found += [
        f"{label} stays and {needed} goes"
        for label in kept
        for needed in (by_label[label].backup.parent, *by_label[label].backup.references)
        if needed is not None and needed not in kept
    ]
    for label in going:
        each = by_label[label]
        if each.backup.finished_at > now:
            found.append(f"{label} is of the future and goes")
        if each.hold is not None and (each.held_until is None or each.held_until > now):
            found.append(f"{label} is held and goes")
        if each.backup.finished_at > now - rules.window:
            found.append(f"{label} is in the window and goes")
    found += _too_few_fulls(candidates, kept, rules, now)
    found += _window_out_of_reach(candidates, kept, rules, now)
    found += [f"{b} goes before {a}" for i, a in enumerate(going) for b in going[:i] if b in _needs(by_label[a])]
    found += [f"{v.label} goes without a reason" for v in plan.expired if not v.goes_because]
    again = plan_retention([by_label[label] for label in kept], rules, now)
    if again.expired:
        found.append(f"a second run deletes {[v.label for v in again.expired]}")
    return found


def _needs(candidate: Candidate) -> set[str | None]:
    return {candidate.backup.parent, *candidate.backup.references}


def _too_few_fulls(
    candidates: Sequence[Candidate], kept: Mapping[str, Verdict], rules: RetentionRules, now: datetime
) -> list[str]:
    def count(labels: Collection[str]) -> int:
        return sum(
            1
            for each in candidates
            if each.backup.label in labels
            and each.backup.parent is None
            and each.is_verified
            and not each.is_damaged
            and each.backup.finished_at <= now
        )

    there = count({each.backup.label for each in candidates})
    left = count(set(kept))
    return [f"{left} of {there} verified fulls stay"] if left < min(there, rules.min_fulls) else []


def _window_out_of_reach(
    candidates: Sequence[Candidate], kept: Mapping[str, Verdict], rules: RetentionRules, now: datetime
) -> list[str]:
    begin = now - rules.window
    before = [each.backup for each in candidates if each.backup.finished_at <= begin]
    if not before:
        return []
    anchor = max(before, key=lambda backup: (backup.finished_at, backup.label))
    reasons = kept[anchor.label].kept_by if anchor.label in kept else ()
    return (
        [] if any(r.rule is Rule.WINDOW for r in reasons) else [f"the window's begin is out of reach: {anchor.label}"]
    )
