"""What happens to an incident, event by event, with every reason; pure.

The machine never looks at a clock and never sends: it returns the incident as it is from now on and orders, which the
ledger writes in one transaction. An event that arrives twice changes nothing the second time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from agents.oncall.incident import Alert, Incident, Status
from agents.oncall.payload import Notice
from agents.oncall.roster import Policy, Roster, Step


class Order(StrEnum):
    """What has to be told."""

    PAGE = "page"
    """Tell the people of the current step."""
    ACKNOWLEDGED = "acknowledged"
    """Tell everybody else who was paged that somebody works on it."""
    RESOLVED = "resolved"
    """Tell everybody who was paged that it is over."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The incident from now on, None when there is none, and what has to be told."""

    incident: Incident | None
    because: str
    orders: tuple[Order, ...] = ()


def decide_notice(incident: Incident | None, notice: Notice, roster: Roster, now: datetime) -> Decision:
    """Take in what Alertmanager says.

    Args:
        incident: the latest one of this group, over or not; None when there was none.
        notice: of the group.
        roster: as it is now.
        now: an aware instant.
    """
    if not notice.firing:
        return _quiet(incident, now)
    rank = find_rank(roster, notice.alerts)
    if incident is None or _is_forgotten(incident, roster, now):
        return _begin(notice, roster, rank, now)
    known = msgspec.structs.replace(
        incident,
        group_key=notice.group_key,
        alerts=notice.alerts,
        names=tuple(sorted({*incident.names, *_names(notice)})),
        hidden=notice.hidden,
        alertmanager_url=notice.alertmanager_url,
    )
    if incident.status is Status.RESOLVED:
        return _return(incident, known, roster, now)
    return _go_on(incident, known, rank, roster, now)


def decide_tick(incident: Incident, roster: Roster, now: datetime) -> Decision:
    """Do what time asks for."""
    if incident.due_at is None or now < incident.due_at:
        return Decision(incident, "nothing is due")
    policy = policy_of(roster, incident)
    if incident.status is Status.CALMING:
        over = msgspec.structs.replace(incident, status=Status.RESOLVED, since=now, due_at=None)
        return Decision(over, f"quiet for {incident.calm_s:g} s", _told(incident, Order.RESOLVED))
    if incident.status is Status.ACKNOWLEDGED:
        held_s = (now - incident.since).total_seconds()
        return _again(incident, roster, now, f"{incident.actor} acknowledged it {held_s:.0f} s ago and it still fires")
    return _page(incident, policy, now, f"step {incident.stage + 1} is due and nobody has acknowledged")


def decide_acknowledge(incident: Incident, actor: str, roster: Roster, now: datetime) -> Decision:
    """Stop the escalation, because somebody works on it; again, it holds from now on and for whoever said so."""
    if incident.status is Status.RESOLVED:
        return Decision(incident, "it is over already")
    holds = incident.resumes if incident.status is Status.CALMING else incident.status
    if incident.status is Status.CALMING:
        taken = msgspec.structs.replace(incident, resumes=Status.ACKNOWLEDGED, actor=actor)
    else:
        due_at = now + timedelta(seconds=policy_of(roster, incident).acknowledged_for_s)
        taken = msgspec.structs.replace(incident, status=Status.ACKNOWLEDGED, since=now, due_at=due_at, actor=actor)
    if holds is Status.ACKNOWLEDGED:
        return Decision(taken, f"{actor} acknowledged it after {incident.actor}")
    return Decision(taken, f"{actor} acknowledged it", _told(incident, Order.ACKNOWLEDGED))


def decide_resolve(incident: Incident, actor: str, now: datetime) -> Decision:
    """End it by hand."""
    if incident.status is Status.RESOLVED:
        return Decision(incident, "it is over already")
    over = msgspec.structs.replace(incident, status=Status.RESOLVED, since=now, due_at=None, actor=actor, by_hand=True)
    return Decision(over, f"{actor} ended it by hand", _told(incident, Order.RESOLVED))


def decide_unreached(incident: Incident, stage: int, now: datetime) -> Decision:
    """Go on to the next step at once, because no channel took any message of this one."""
    if incident.status is not Status.OPEN or stage != incident.stage - 1 or incident.due_at is None:
        return Decision(incident, "the escalation has gone on already")
    hurried = msgspec.structs.replace(incident, due_at=min(incident.due_at, now))
    return Decision(hurried, f"no channel took a message of step {stage + 1}")


def find_rank(roster: Roster, alerts: tuple[Alert, ...]) -> int:
    """Return the place of the most urgent route that any of the alerts takes."""
    ranks = [
        next(place for place, route in enumerate(roster.routes) if route.match.items() <= alert.labels.items())
        for alert in alerts
    ]
    return min(ranks, default=len(roster.routes) - 1)


def policy_of(roster: Roster, incident: Incident) -> Policy:
    """Return the incident's policy; one that was taken out of the roster is replaced by that of the last route."""
    return roster.policies.get(incident.policy) or roster.policies[roster.routes[-1].policy]


def step_of(policy: Policy, stage: int) -> Step | None:
    """Return the step of a stage, repetitions of the last one included; None after the end."""
    if stage < len(policy.steps):
        return policy.steps[stage]
    return policy.steps[-1] if stage < len(policy.steps) + policy.repeat else None


def _begin(notice: Notice, roster: Roster, rank: int, now: datetime) -> Decision:
    name = roster.routes[rank].policy
    incident = Incident(
        group_key=notice.group_key,
        policy=name,
        rank=rank,
        status=Status.OPEN,
        opened_at=now,
        since=now,
        alerts=notice.alerts,
        calm_s=roster.policies[name].calm_s,
        names=tuple(sorted(_names(notice))),
        hidden=notice.hidden,
        alertmanager_url=notice.alertmanager_url,
    )
    return _start(incident, roster.policies[name], now, "first notice of this group")


def _go_on(incident: Incident, known: Incident, rank: int, roster: Roster, now: datetime) -> Decision:
    """Take in a notice of a group that is not over; `known` is the incident with what the notice says."""
    if rank < incident.rank:
        policy = roster.routes[rank].policy
        worse = msgspec.structs.replace(known, policy=policy, rank=rank)
        return _again(worse, roster, now, f"more urgent than before: {policy} instead of {incident.policy}")
    others = sorted(set(known.names) - set(incident.names))
    held = incident.resumes if incident.status is Status.CALMING else incident.status
    if others and held is Status.ACKNOWLEDGED:
        # Whoever acknowledged the group did not know of these; where one alert is a group this never happens.
        return _again(known, roster, now, f"{incident.actor} acknowledged it without {', '.join(others)}")
    if incident.status is Status.CALMING:
        return _resume(known, policy_of(roster, incident), now)
    fresh = len(known.fingerprints - incident.fingerprints)
    return Decision(known, f"{fresh} more alerts of the same group" if fresh else "already known")


def _again(incident: Incident, roster: Roster, now: datetime, because: str) -> Decision:
    """Begin a new round: every step counts from its start."""
    fresh = msgspec.structs.replace(
        incident,
        status=Status.OPEN,
        opened_at=now,
        since=now,
        stage=0,
        round=incident.round + 1,
        flaps=0,
        resumes=Status.OPEN,
        actor="",
        by_hand=False,
        paged_at=None,
    )
    return _start(fresh, policy_of(roster, fresh), now, because)


def _start(incident: Incident, policy: Policy, now: datetime, because: str) -> Decision:
    if policy.steps[0].after_s <= 0:
        return _page(incident, policy, now, because)
    waiting = msgspec.structs.replace(incident, due_at=now + timedelta(seconds=policy.steps[0].after_s))
    return Decision(waiting, because)


def _page(incident: Incident, policy: Policy, now: datetime, because: str) -> Decision:
    if step_of(policy, incident.stage) is None:
        return Decision(msgspec.structs.replace(incident, due_at=None), "every step was taken")
    gap_s = _gap_s(policy, incident.stage + 1)
    due_at = None if gap_s is None else now + timedelta(seconds=gap_s)
    paged = msgspec.structs.replace(incident, stage=incident.stage + 1, paged_at=now, due_at=due_at)
    return Decision(paged, because, (Order.PAGE,))


def _gap_s(policy: Policy, stage: int) -> float | None:
    if stage < len(policy.steps):
        return policy.steps[stage].after_s
    return policy.repeat_after_s if step_of(policy, stage) is not None else None


def _quiet(incident: Incident | None, now: datetime) -> Decision:
    if incident is None:
        return Decision(None, "a group that was never open has ended")
    if incident.status in {Status.CALMING, Status.RESOLVED}:
        return Decision(incident, "already quiet")
    calming = msgspec.structs.replace(
        incident,
        status=Status.CALMING,
        resumes=incident.status,
        since=now,
        due_at=now + timedelta(seconds=incident.calm_s),
    )
    return Decision(calming, f"no alert fires; over when that lasts {incident.calm_s:g} s")


def _resume(incident: Incident, policy: Policy, now: datetime) -> Decision:
    """Take up what was calming: the same incident, so nobody is paged again."""
    back = msgspec.structs.replace(incident, status=incident.resumes, since=now, flaps=incident.flaps + 1)
    told = f"came back before it was over, {back.flaps} times by now"
    if back.status is Status.ACKNOWLEDGED:
        due_at: datetime | None = now + timedelta(seconds=policy.acknowledged_for_s)
        return Decision(msgspec.structs.replace(back, due_at=due_at), told)
    gap_s = _gap_s(policy, incident.stage)
    if gap_s is None:
        return Decision(msgspec.structs.replace(back, due_at=None), told)
    unattended_s = (now - incident.opened_at).total_seconds()
    due_at = now + timedelta(seconds=gap_s)
    if unattended_s >= policy.unattended_s:
        due_at = max(now, (incident.paged_at or incident.opened_at) + timedelta(seconds=gap_s))
        told += f"; nobody acknowledged it for {unattended_s:.0f} s, so it escalates although it comes and goes"
    return Decision(msgspec.structs.replace(back, due_at=due_at), told)


def _return(before: Incident, known: Incident, roster: Roster, now: datetime) -> Decision:
    """Open again what was over a short while ago, or leave alone what somebody ended by hand."""
    same = {(alert.fingerprint, alert.starts_at) for alert in before.alerts}
    if before.by_hand and {(alert.fingerprint, alert.starts_at) for alert in known.alerts} <= same:
        return Decision(before, f"{before.actor} ended the same alerts by hand")
    policy = policy_of(roster, before)
    calm_s = max(before.calm_s, min(before.calm_s * 2, policy.flap_window_s))
    rank = find_rank(roster, known.alerts)
    back = msgspec.structs.replace(known, calm_s=calm_s, rank=rank, policy=roster.routes[rank].policy)
    return _again(back, roster, now, f"came back after its end; counts as over after {calm_s:g} s from now on")


def _is_forgotten(incident: Incident, roster: Roster, now: datetime) -> bool:
    policy = policy_of(roster, incident)
    kept_s = policy.acknowledged_for_s if incident.by_hand else policy.flap_window_s
    return incident.status is Status.RESOLVED and (now - incident.since).total_seconds() > kept_s


def _names(notice: Notice) -> set[str]:
    return {alert.labels.get("alertname", "") for alert in notice.alerts}


def _told(incident: Incident, order: Order) -> tuple[Order, ...]:
    return (order,) if incident.stage > 0 else ()
