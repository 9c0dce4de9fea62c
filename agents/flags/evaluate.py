"""Decides whether a flag is on for somebody; pure, and the only place that does.

The first rule that applies wins:

1. the master switch is off: off;
2. an exception for this person: what it says;
3. exceptions for this person's teams: what they say; when they contradict each other, off, because a team that
   was taken out of a feature must stay out of it;
4. the person, or one of their teams, is on the flag's list: on;
5. the rollout: on for a stable share of all keys;
6. otherwise: off.
"""

import hashlib
import re
from uuid import UUID

from agents.flags.model import FULL_ROLLOUT_BASIS_POINTS, Context, Evaluation, Flag, Reason

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HASH_BYTES = 8


def evaluate(flag: Flag, context: Context) -> Evaluation:
    """Answer for one flag and one asker."""
    if not flag.enabled:
        return Evaluation(value=False, reason=Reason.DISABLED, because="master switch is off")
    if not context.targeting_key:
        return Evaluation(value=False, reason=Reason.ERROR, because="no targeting key", key_missing=True)
    user_id = parse_user_id(context.targeting_key)
    return _targeted(flag, user_id, context.team_ids) or _rolled_out(flag, context.targeting_key)


def parse_user_id(targeting_key: str) -> UUID | None:
    """Return the user id that a key is, or None for another kind of key."""
    return UUID(targeting_key) if _UUID.fullmatch(targeting_key) else None


def bucket(flag_name: str, targeting_key: str) -> int:
    """Return a key's place from 0 to 9,999 in a flag's rollout.

    The name is hashed along, so that the same people are not first in every rollout. A user id counts in lower case,
    or the same person would have two places.
    """
    user_id = parse_user_id(targeting_key)
    key = targeting_key if user_id is None else str(user_id)
    digest = hashlib.sha256(f"{flag_name}\0{key}".encode("utf-8", "surrogatepass")).digest()
    fraction = int.from_bytes(digest[:_HASH_BYTES])
    return fraction * FULL_ROLLOUT_BASIS_POINTS >> (8 * _HASH_BYTES)


def _targeted(flag: Flag, user_id: UUID | None, team_ids: frozenset[UUID]) -> Evaluation | None:
    if user_id is not None and user_id in (flag.user_overrides or {}):
        return _matched("exception for this user", value=(flag.user_overrides or {})[user_id])
    team_overrides = flag.team_overrides or {}
    said = [team_overrides[team_id] for team_id in team_ids if team_id in team_overrides]
    if said:
        return _matched("exception for a team", value=all(said))
    if user_id in flag.user_ids:
        return _matched("user is listed", value=True)
    if team_ids & flag.team_ids:
        return _matched("team is listed", value=True)
    return None


def _matched(because: str, *, value: bool) -> Evaluation:
    return Evaluation(value=value, reason=Reason.TARGETING_MATCH, because=because)


def _rolled_out(flag: Flag, targeting_key: str) -> Evaluation:
    if flag.rollout_basis_points <= 0:
        return Evaluation(value=False, reason=Reason.DEFAULT, because="no rule applies")
    value = bucket(flag.name, targeting_key) < flag.rollout_basis_points
    return Evaluation(value=value, reason=Reason.SPLIT, because="rollout")
