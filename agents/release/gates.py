"""The gates of a release: facts in, verdict with reasons out; pure.

Whatever is missing, stale or no number is inconclusive. Waiting for facts, and the deadline of it, is the caller's.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.release.evidence import Block, Counts, log_evidence
from agents.release.verdicts import Finding, Verdict

# Chosen: a canary that is as good as the stable colour is rolled back in 1 % of all releases at most, whatever the
# number of comparisons; each gets an equal part of it.
FALSE_ROLLBACKS = 0.01


# Chosen: an objective of 99.9 % and the burn rate of the SRE workbook's fast alert (14.4: a month's budget in two
# days), which is 1.44 % of bad requests. Fewer bad requests than this, or less than five times the old colour's share,
# may be chance (bench/gates.py says how often).
_OBJECTIVE = 0.999
_FAST_BURN = 14.4
_BURN_BAD_REQUESTS = 20
_BURN_TIMES_BEFORE = 5.0
_OK = 200
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?")


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one share of bad requests is compared between the colours."""

    name: str
    minimum: int
    """Requests of each colour without which nothing is said."""
    alpha: float
    """Chance that equal colours are told apart, over the whole release."""
    tolerated_odds: float = 1.0


def judge_comparison(rule: Comparison, blocks: Sequence[Block]) -> Finding:
    """Say whether the canary's share of bad requests is worse than the stable colour's of the same time."""
    canary = sum((block.canary for block in blocks), Counts(0, 0))
    stable = sum((block.stable for block in blocks), Counts(0, 0))
    told = f"{rule.name}: canary {canary}, stable {stable}"
    evidence = log_evidence(blocks, tolerated_odds=rule.tolerated_odds)
    if evidence >= -math.log(rule.alpha):
        worse = f"more than {rule.tolerated_odds:g} times worse" if rule.tolerated_odds > 1 else "worse"
        return Finding(Verdict.FAIL, (f"{told}; the canary is {worse}, chance of error below {rule.alpha:.2%}",))
    fewest = min(canary.total, stable.total)
    if fewest < rule.minimum:
        return Finding(Verdict.INCONCLUSIVE, (f"{told}; {fewest} requests of each are too few, {rule.minimum} needed",))
    return Finding(Verdict.PASS, (told,))


def judge_burn(users: Counts, *, before: Counts) -> Finding:
    """Say whether users of the new colour burn the error budget, as those of the old colour did not.

    Args:
        users: what users got from the new colour in the last spans.
        before: what users got from the old colour before; when they fared as badly, going back helps nobody.
    """
    allowed = max(_FAST_BURN * (1 - _OBJECTIVE), _BURN_TIMES_BEFORE * before.share)
    told = f"failed requests of users after the move: {users}, before it {before}"
    if users.bad >= _BURN_BAD_REQUESTS and users.share > allowed:
        return Finding(Verdict.FAIL, (f"{told}; more than {allowed:.2%} burns the error budget",))
    return Finding(Verdict.PASS, (told,))


def judge_capacity(*, ready: int | None, needed: int | None, target: str) -> Finding:
    """Say whether the new colour has as many ready pods as the live colour has now.

    Args:
        ready: ready pods of the new colour; None when nobody could say.
        needed: size of the live colour now, whoever sets it; None when nobody could say.
        target: name of the new colour.
    """
    if ready is None or needed is None:
        return Finding(Verdict.INCONCLUSIVE, (f"capacity: the sizes of both colours are unknown ({ready}, {needed})",))
    told = f"capacity: {target} has {ready} ready pods, the live colour needs {needed}"
    if ready < max(1, needed):
        return Finding(Verdict.FAIL, (told,))
    return Finding(Verdict.PASS, (told,))


@dataclass(frozen=True, slots=True)
class Limit:
    """The highest value that one query may have, such as memory over its limit."""

    name: str
    at_most: float
    query: str = ""
    """PromQL; $app, $colour and $stable stand for the application, the canary and the other colour."""


def judge_limit(limit: Limit, values: Iterable[float]) -> Finding:
    """Say whether every value is at most the limit; no value, NaN and infinity say nothing."""
    found = list(values)
    if not found or not all(map(math.isfinite, found)):
        return Finding(Verdict.INCONCLUSIVE, (f"{limit.name}: no number ({', '.join(map(str, found)) or 'empty'})",))
    worst = max(found)
    told = f"{limit.name}: {worst:.3g}, at most {limit.at_most:g}"
    return Finding(Verdict.FAIL if worst > limit.at_most else Verdict.PASS, (told,))


def judge_predictions(stable: Sequence[float], canary: Sequence[float], *, tolerance: float) -> Finding:
    """Say whether both colours predict the same for the same reference inputs.

    Args:
        stable: predictions of the live colour, in the target's unit.
        canary: predictions of the new colour for the same inputs.
        tolerance: largest difference; a declared change of the model sets it, infinity accepts any finite answer.
    """
    if not stable or len(stable) != len(canary):
        told = f"model parity: {len(stable)} answers of the live colour, {len(canary)} of the new one"
        return Finding(Verdict.INCONCLUSIVE, (told,))
    if not all(map(math.isfinite, (*stable, *canary))):
        return Finding(Verdict.FAIL, ("model parity: an answer is no number",))
    worst = max(abs(one - other) for one, other in zip(stable, canary, strict=True))
    told = f"model parity: largest difference {worst:.4g} over {len(stable)} inputs, at most {tolerance:g}"
    return Finding(Verdict.PASS if worst <= tolerance else Verdict.FAIL, (told,))


def judge_openapi(stable: Mapping[str, Any], canary: Mapping[str, Any]) -> Finding:
    """Say whether the new document still has every path, method and schema field of the old one."""
    if not stable.get("paths") or not canary.get("paths"):
        return Finding(Verdict.INCONCLUSIVE, ("OpenAPI: a colour shows no paths",))
    missing = sorted(_operations(stable) - _operations(canary)) + sorted(_fields(stable) - _fields(canary))
    if missing:
        return Finding(Verdict.FAIL, (f"OpenAPI: the new colour lacks {', '.join(missing)}",))
    return Finding(Verdict.PASS, (f"OpenAPI: all {len(_operations(stable))} operations are still there",))


def judge_downgrade(new: str, old: str, contracts: Sequence[str] | None) -> Finding:
    """Say whether the schema still has what an older version reads.

    Args:
        new: version that shall get traffic.
        old: version that has it.
        contracts: contract migrations applied since the new version last had traffic, all of them if it never had;
            None when there is no database to ask.
    """
    if contracts is None:
        return Finding(Verdict.PASS, ("schema: no database to ask whether a contract migration stands in the way",))
    if not new or not old:
        return Finding(Verdict.PASS, ("schema: a colour told no version, so nobody was asked for contract migrations",))
    if not is_downgrade(new, old):
        return Finding(Verdict.PASS, (f"schema: {new} is no older than {old}",))
    if contracts:
        told = (
            f"schema: {new} is older than {old}, and contract migration {', '.join(contracts)} took away what it reads"
        )
        return Finding(Verdict.FAIL, (f"{told}; release a repaired newer version instead",))
    return Finding(Verdict.PASS, (f"schema: {new} is older than {old}, and no contract migration came in between",))


def is_downgrade(new: str, old: str) -> bool:
    """Whether a version is older than another; versions that cannot be compared and differ count as older."""
    if not new or not old or new == old:
        return False
    ours, theirs = _VERSION.fullmatch(new), _VERSION.fullmatch(old)
    if ours is None or theirs is None:
        return True
    numbers = [tuple(int(each) for each in found.group(1, 2, 3)) for found in (ours, theirs)]
    if numbers[0] != numbers[1]:
        return numbers[0] < numbers[1]
    # Cited: semver.org 2.0.0, 11: a pre-release comes before its release; two of one release are not ordered here.
    return ours[4] is not None


def judge_webhook(status: int, said: object) -> Finding:
    """Say what a webhook's answer means; anything but a clear verdict is inconclusive.

    Args:
        status: HTTP status of the answer.
        said: the JSON body, `{"verdict": "pass" | "fail" | "inconclusive", "because": ["..."]}`; None without one.
    """
    if status != _OK or not isinstance(said, Mapping) or said.get("verdict") not in set(Verdict):
        return Finding(Verdict.INCONCLUSIVE, (f"webhook: answered {status} without a verdict",))
    reasons = said.get("because")
    told = "; ".join(map(str, reasons)) if isinstance(reasons, list) else ""
    return Finding(Verdict(said["verdict"]), (f"webhook: {said['verdict']}{': ' if told else ''}{told}",))


def judge_approval(*, asked_for: str, given_for: str | None) -> Finding:
    """Say whether a person approved this very release; an approval of another one is none."""
    if given_for == asked_for:
        return Finding(Verdict.PASS, (f"approved by hand for release {asked_for}",))
    stale = f"; the one there is for {given_for}" if given_for else ""
    return Finding(Verdict.INCONCLUSIVE, (f"release {asked_for} waits for `cryo release approve {asked_for}`{stale}",))


def _operations(document: Mapping[str, Any]) -> set[str]:
    methods = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
    return {
        f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item if method in methods
    }


def _fields(document: Mapping[str, Any]) -> set[str]:
    schemas = (document.get("components") or {}).get("schemas") or {}
    return {f"{name}.{field}" for name, schema in schemas.items() for field in schema.get("properties") or {}}
