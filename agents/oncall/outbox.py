"""Which messages an order becomes, and what becomes of a message whose channel failed; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from agents.oncall.errors import ChannelError, ChannelLimitedError, ChannelRefusedError, OutcomeUnknownError
from agents.oncall.escalation import Order, policy_of, step_of
from agents.oncall.incident import Incident, Status
from agents.oncall.roster import ChannelName, Person, Roster
from agents.oncall.schedule import find_duty

# Chosen: with a stated bound, a message whose fate is unknown arrives at most this often through one channel.
MAX_COPIES = 3
# Chosen: a mail server that restarts or is full recovers in minutes; a page older than this helps nobody.
GIVE_UP_S = 6 * 3600.0
# Chosen: 5, 10, 20, 40, 60 ... s for what may recover by itself; a refusal needs a person, so it is tried less often.
_FIRST_S, _CAP_S = 5.0, 60.0
_REFUSED_FIRST_S, _REFUSED_CAP_S = 30.0, 300.0
# Cited: Slack asks for 1 s to 30 s as a rule; more than an hour is no rate limit but a lost channel.
_LONGEST_LIMIT_S = 3600.0


class State(StrEnum):
    """Where a message stands."""

    WAITING = "waiting"
    SENDING = "sending"
    """Written before the channel is asked, so that whoever finds it after a crash knows that it may have been sent."""
    SENT = "sent"
    UNKNOWN = "unknown"
    """Sent as often as allowed without an answer."""
    FAILED = "failed"
    """No channel took it for hours."""
    MOOT = "moot"
    """Nobody needs it any more: acknowledged or over before it could be sent."""


class Draft(msgspec.Struct, frozen=True):
    """A message to be written; the first five fields are its identity within the incident."""

    kind: Order
    round: int
    stage: int
    person: str
    channel: ChannelName
    because: str = ""


class Delivery(msgspec.Struct, frozen=True):
    """A message of the outbox."""

    id: int
    incident_id: int
    kind: Order
    round: int
    stage: int
    person: str
    channel: ChannelName
    state: State
    attempts: int
    unknowns: int
    """Attempts whose outcome is not known."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision about messages depends on besides the messages."""

    roster: Roster
    usable: frozenset[ChannelName]
    """Channels that are configured."""
    now: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a message after a failed attempt."""

    state: State
    not_before: datetime
    fallback: ChannelName | None
    """Another channel for the same person, when none has reached them or may still."""
    unreached: bool
    """Nobody of this step has been or can be reached at present."""


def plan_drafts(
    order: Order, incident: Incident, told: Sequence[tuple[str, ChannelName]], situation: Situation
) -> tuple[Draft, ...]:
    """Return the messages of an order.

    Args:
        order: what has to be told.
        incident: as it is after the decision.
        told: people and channels that were paged in this incident.
        situation: whose schedules are asked, and when.
    """
    if order is Order.PAGE:
        return tuple(dict.fromkeys(_pages(incident, situation)))
    people = dict.fromkeys(told)
    if order is Order.ACKNOWLEDGED:
        people = {each: None for each in people if each[0] != incident.actor}
    return tuple(Draft(order, incident.round, incident.stage, person, channel) for person, channel in people)


def judge_failure(
    delivery: Delivery, error: ChannelError, siblings: Sequence[Delivery], situation: Situation
) -> Verdict:
    """Decide what becomes of a message whose attempt failed.

    Args:
        delivery: with this attempt counted.
        error: what the channel said.
        siblings: the other messages of the same kind, round and stage.
        situation: other ways to the person, and the instant.
    """
    roster, now = situation.roster, situation.now
    not_before = now + timedelta(seconds=_pause_s(delivery, error))
    state = State.WAITING
    if isinstance(error, OutcomeUnknownError) and delivery.unknowns >= MAX_COPIES:
        state = State.UNKNOWN
    elif not_before > delivery.created_at + timedelta(seconds=GIVE_UP_S):
        state = State.FAILED
    own = [each for each in siblings if each.person == delivery.person]
    if state is State.UNKNOWN or any(_may_reach(each) for each in own):
        return Verdict(state, not_before, None, unreached=False)
    tried = {delivery.channel, *(each.channel for each in own)}
    person = roster.people.get(delivery.person)
    ways = [
        each
        for each in roster.fallback
        if each in situation.usable and each not in tried and _has_address(person, each)
    ]
    unreached = not ways and not any(_may_reach(each) for each in siblings)
    return Verdict(state, not_before, ways[0] if ways else None, unreached=unreached)


def is_moot(delivery: Delivery, incident: Incident) -> bool:
    """Whether nobody needs the message any more."""
    if delivery.round != incident.round:
        return True
    if delivery.kind is Order.PAGE:
        return incident.status not in {Status.OPEN, Status.CALMING}
    return delivery.kind is Order.ACKNOWLEDGED and incident.status is Status.RESOLVED


def _pages(incident: Incident, situation: Situation) -> Iterator[Draft]:
    roster, usable, now = situation.roster, situation.usable, situation.now
    step = step_of(policy_of(roster, incident), incident.stage - 1)
    if step is None:
        return
    for name in step.tell:
        duty = find_duty(roster, name, now) if name in roster.schedules else None
        person = duty.person if duty else name
        because = f"on call for {name}: {duty.because}" if duty else "named by the step"
        known = roster.people.get(person)
        ways = [each for each in step.by if each in usable and _has_address(known, each)] or [
            each for each in roster.fallback if each in usable and _has_address(known, each)
        ][:1]
        # The log reaches nobody; it is what is left where no channel is configured, and its metric says so.
        last_resort: tuple[ChannelName, ...] = ("log",)
        for channel in tuple(ways) or last_resort:
            yield Draft(Order.PAGE, incident.round, incident.stage - 1, person, channel, because)


def _pause_s(delivery: Delivery, error: ChannelError) -> float:
    if isinstance(error, ChannelLimitedError):
        return min(max(error.retry_after_s, 1.0), _LONGEST_LIMIT_S)
    first_s, cap_s = (
        (_REFUSED_FIRST_S, _REFUSED_CAP_S) if isinstance(error, ChannelRefusedError) else (_FIRST_S, _CAP_S)
    )
    # The exponent is bounded: 2**1024 no longer fits a float.
    return float(min(cap_s, first_s * 2.0 ** min(max(delivery.attempts - 1, 0), 30)))


def _may_reach(delivery: Delivery) -> bool:
    """Whether a message was taken by its channel, or has not failed yet."""
    if delivery.state in {State.SENT, State.UNKNOWN}:
        return True
    return delivery.attempts == 0 if delivery.state is State.WAITING else delivery.state is State.SENDING


def _has_address(person: Person | None, channel: ChannelName) -> bool:
    return channel != "email" or (person is not None and bool(person.email))
