"""Which backup sets stay and which go; pure.

Rules only add: a set stays when any rule keeps it. Grandfather-father-son keeps the first set of each of the last N
hours, days, weeks, months and years that have one: the first, because it stays the first when more sets arrive, and
periods that have a set, because a platform that stood still for a month should not lose its backups to the calendar.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter

from agents.backup.engine import BackupSet
from agents.backup.errors import SetDamagedError, SettingsInvalidError


class Rule(StrEnum):
    """Why a set stays."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"
    WINDOW = "recovery window"
    MINIMUM = "minimum of verified fulls"
    HOLD = "hold"
    FUTURE = "dated in the future"
    CHAIN = "needed by a set that stays"


@dataclass(frozen=True, slots=True)
class RetentionRules:
    """What shall be kept."""

    hourly: int = 0
    """Hours, as every count below 0 or more: of so many hours that have a set, the first one stays."""
    daily: int = 7
    weekly: int = 4
    """Weeks begin on Monday (ISO 8601)."""
    monthly: int = 12
    yearly: int = 3
    window: timedelta = timedelta(days=14)
    """Every moment of it stays recoverable: its sets stay, and the last good one before it begins."""
    min_fulls: int = 2
    """Verified full sets that stay however old they are; 1 or more."""
    zone: tzinfo = UTC
    """Time zone in which days begin."""

    def __post_init__(self) -> None:
        """Refuse rules that could delete everything."""
        counts = {name: getattr(self, name) for name in ("hourly", "daily", "weekly", "monthly", "yearly")}
        for name, count in counts.items():
            if count < 0:
                message = f"retention.{name} is {count}; give 0 or more"
                raise SettingsInvalidError(message)
        if self.window < timedelta(0) or self.min_fulls < 1:
            message = f"retention: window {self.window} has to be 0 or more, min_fulls {self.min_fulls} 1 or more"
            raise SettingsInvalidError(message)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A set with what the catalogue knows of it."""

    backup: BackupSet
    is_verified: bool = False
    """It was restored, and what came back was right."""
    is_damaged: bool = False
    hold: str | None = None
    """Why it must not go; None when nobody said so."""
    held_until: datetime | None = None
    """End of the hold; None holds until somebody ends it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that keeps a set."""

    rule: Rule
    index: int | None = None
    """Which of the rule's periods or fulls it is, from 1 for the newest; None where there is only one."""
    told: str = ""
    """Period, hold or depending set in words."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to one set, and why."""

    candidate: Candidate
    kept_by: tuple[Reason, ...]
    """Every rule that keeps it; empty when it goes."""
    goes_because: str = ""
    """Why no rule keeps it; empty when it stays."""

    @property
    def label(self) -> str:
        """Label of the set."""
        return self.candidate.backup.label


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """Verdicts on every set, oldest first."""

    verdicts: tuple[Verdict, ...]
    continuous_from: str | None
    """Oldest set from which every later moment has to stay reachable; None without sets of the past."""

    @property
    def kept(self) -> tuple[Verdict, ...]:
        """Sets that stay, oldest first."""
        return tuple(verdict for verdict in self.verdicts if verdict.kept_by)

    @property
    def expired(self) -> tuple[Verdict, ...]:
        """Sets that go, in an order in which none is deleted before one that needs it."""
        going = {verdict.label: verdict for verdict in self.verdicts if not verdict.kept_by}
        needs = {label: _needs(verdict.candidate.backup) for label, verdict in going.items()}
        order = reversed(tuple(TopologicalSorter(needs).static_order()))
        return tuple(going[label] for label in order if label in going)


def plan_retention(candidates: Iterable[Candidate], rules: RetentionRules, now: datetime) -> RetentionPlan:
    """Decide for every set of one repository.

    Args:
        candidates: complete sets in any order; every set that one of them builds on has to be among them.
        rules: what to keep.
        now: aware time; sets that finished later are never deleted and count for no rule.

    Raises:
        SetDamagedError: a set builds on one that is not listed, or on itself; nothing may be deleted until that is
            understood.
    """
    ordered = sorted(candidates, key=lambda each: (each.backup.finished_at, each.backup.label))
    _require_chains(ordered)
    past = [each for each in ordered if each.backup.finished_at <= now]
    reasons: dict[str, list[Reason]] = {each.backup.label: [] for each in ordered}
    for each in ordered:
        if each.backup.finished_at > now:
            reasons[each.backup.label].append(Reason(Rule.FUTURE))
        if each.hold is not None and (each.held_until is None or each.held_until > now):
            reasons[each.backup.label].append(Reason(Rule.HOLD, told=each.hold))
    anchor = _keep_window(past, rules, now, reasons)
    _keep_fulls(past, rules.min_fulls, reasons)
    losses = _keep_periods(past, rules, reasons)
    _keep_chains(ordered, reasons)
    verdicts = [
        Verdict(each, tuple(found)) if (found := reasons[each.backup.label]) else Verdict(each, (), losses(each))
        for each in ordered
    ]
    return RetentionPlan(tuple(verdicts), anchor)


_Reasons = Mapping[str, list[Reason]]


def _keep_window(past: Sequence[Candidate], rules: RetentionRules, now: datetime, reasons: _Reasons) -> str | None:
    """Keep the window's sets, and those from which its first moment is reached."""
    begin = now - rules.window
    for each in past:
        if each.backup.finished_at > begin:
            reasons[each.backup.label].append(Reason(Rule.WINDOW))
    before = [each for each in past if each.backup.finished_at <= begin]
    good = [each for each in before if each.is_verified and not each.is_damaged]
    # Nobody knows yet whether the newest set can be restored, so the newest that was restored stays with it.
    anchors = {each.backup.label: each for each in (before[-1:] + good[-1:])}
    for each in anchors.values():
        reasons[each.backup.label].append(Reason(Rule.WINDOW, told=f"reaches its begin, {begin:%Y-%m-%d %H:%M %Z}"))
    oldest = min(anchors.values(), key=lambda each: each.backup.finished_at, default=past[0] if past else None)
    return oldest.backup.label if oldest else None


def _keep_fulls(past: Sequence[Candidate], number: int, reasons: _Reasons) -> None:
    """Keep the newest verified fulls; as long as there are fewer, the newest others stand in for them."""
    fulls = [each for each in reversed(past) if each.backup.parent is None]
    verified = [each for each in fulls if each.is_verified and not each.is_damaged]
    missing = len(verified) < number
    others = sorted((each for each in fulls if missing and each not in verified), key=lambda each: each.is_damaged)
    for index, each in enumerate((verified + others)[:number], start=1):
        told = "" if each.is_verified else "not verified yet"
        reasons[each.backup.label].append(Reason(Rule.MINIMUM, index, told))


_Losses = Callable[[Candidate], str]


def _keep_periods(past: Sequence[Candidate], rules: RetentionRules, reasons: _Reasons) -> _Losses:
    """Apply grandfather-father-son; return how to tell a set why it has no place in it."""
    winners: dict[Rule, dict[str, str]] = {}
    periods = {each.backup.label: _periods_of(each.backup.finished_at, rules.zone) for each in past}
    counts = {
        Rule.HOURLY: rules.hourly,
        Rule.DAILY: rules.daily,
        Rule.WEEKLY: rules.weekly,
        Rule.MONTHLY: rules.monthly,
        Rule.YEARLY: rules.yearly,
    }
    for rule, count in counts.items():
        if not count:
            continue
        groups: dict[str, list[Candidate]] = {}
        for each in past:
            groups.setdefault(periods[each.backup.label][rule], []).append(each)
        winners[rule] = {}
        # Sets come in order of time, so the groups do too.
        for index, (period, group) in enumerate(list(reversed(groups.items()))[:count], start=1):
            # The first of the best: a set that was proven, else one that nobody found damaged.
            first = min(group, key=lambda each: (not (each.is_verified and not each.is_damaged), each.is_damaged))
            winners[rule][period] = first.backup.label
            reasons[first.backup.label].append(Reason(rule, index, period))

    def tell_loss(each: Candidate) -> str:
        told = [f"outside the recovery window of {rules.window.days} d"]
        for rule, taken in winners.items():
            period = periods[each.backup.label][rule]
            told.append(f"{rule}: {period} " + (f"is {taken[period]}" if period in taken else "is too old"))
        return "; ".join(told)

    return tell_loss


def _periods_of(moment: datetime, zone: tzinfo) -> dict[Rule, str]:
    local = moment.astimezone(zone)
    year, week, _ = local.isocalendar()
    # Not strftime, which takes three times as long.
    month = f"{local.year}-{local.month:02}"
    day = f"{month}-{local.day:02}"
    offset = local.utcoffset() or timedelta(0)
    return {
        # With the offset, because an hour comes twice when summer ends.
        Rule.HOURLY: f"{day} {local.hour:02}h, UTC{offset // timedelta(minutes=1):+} min",
        Rule.DAILY: day,
        Rule.WEEKLY: f"{year}-W{week:02}",
        Rule.MONTHLY: month,
        Rule.YEARLY: str(local.year),
    }


def _keep_chains(ordered: Sequence[Candidate], reasons: _Reasons) -> None:
    """Keep everything that a kept set builds on, however far back."""
    by_label = {each.backup.label: each.backup for each in ordered}
    waiting = [each.backup.label for each in ordered if reasons[each.backup.label]]
    seen = set(waiting)
    while waiting:
        label = waiting.pop()
        for needed in _needs(by_label[label]):
            if not reasons[needed]:
                reasons[needed].append(Reason(Rule.CHAIN, told=label))
            if needed not in seen:
                seen.add(needed)
                waiting.append(needed)


def _require_chains(ordered: Sequence[Candidate]) -> None:
    by_label = {each.backup.label: each.backup for each in ordered}
    for each in by_label.values():
        for needed in _needs(each):
            if needed not in by_label:
                message = (
                    f"backup {each.label} builds on {needed}, which the repository does not list; nothing is "
                    "deleted: verify the repository, or expire the incomplete set by its label"
                )
                raise SetDamagedError(message)
    try:
        TopologicalSorter({label: _needs(backup) for label, backup in by_label.items()}).prepare()
    except CycleError as error:
        ring = ", ".join(error.args[1])
        message = f"backups build on each other in a ring, {ring}; nothing is deleted: verify the repository"
        raise SetDamagedError(message) from error


def _needs(backup: BackupSet) -> tuple[str, ...]:
    parent = (backup.parent,) if backup.parent is not None else ()
    return (*parent, *(label for label in backup.references if label not in (backup.parent, backup.label)))
