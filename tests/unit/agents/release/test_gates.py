"""Gates are pure: facts in, verdict with reasons out; what is missing or no number never passes."""

import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.release.errors import PolicyMalformedError
from agents.release.evidence import _WORSE_ODDS, Block, Counts, _log_mean_exp, _log_ratio, log_evidence
from agents.release.gates import (
    Comparison,
    Limit,
    judge_approval,
    judge_burn,
    judge_capacity,
    judge_comparison,
    judge_limit,
    judge_openapi,
    judge_predictions,
)
from agents.release.policy import Policy
from agents.release.verdicts import Finding, Verdict, join_findings

RULE = Comparison("errors", minimum=100, alpha=0.0025, tolerated_odds=1.25)
COUNTS = st.integers(0, 200).flatmap(lambda total: st.builds(Counts, st.just(total), st.integers(0, total)))
BLOCKS = st.lists(st.builds(Block, COUNTS, COUNTS), max_size=8)


def draw(dice: random.Random, total: int, share: float) -> Counts:
    return Counts(total, sum(dice.random() < share for _ in range(total)))


@given(BLOCKS, st.floats(1, 3))
def test_evidence_is_a_finite_number_that_never_falls_below_none(blocks: list[Block], odds: float) -> None:
    evidence = log_evidence(blocks, tolerated_odds=odds)

    assert math.isfinite(evidence)
    assert evidence >= 0


@given(st.integers(0, 30), st.integers(1, 60), st.integers(1, 60))
def test_mean_of_the_evidence_is_one_when_the_colours_are_alike(bad: int, canary: int, stable: int) -> None:
    """The whole law of one block, without a simulation: the guarantee rests on it."""
    bad = min(bad, canary + stable)
    splits = range(max(0, bad - stable), min(bad, canary) + 1)
    ways = {split: math.comb(canary, split) * math.comb(stable, bad - split) for split in splits}
    total = sum(ways.values())
    mean = 0.0
    for split, count in ways.items():
        block = Block(Counts(canary, split), Counts(stable, bad - split))
        mean += count / total * math.exp(log_evidence_of_one(block))

    assert mean == pytest.approx(1.0, rel=1e-9)


def log_evidence_of_one(block: Block) -> float:
    return _log_mean_exp([_log_ratio(block, odds, 1.0) for odds in _WORSE_ODDS])


@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_jump_from_1_to_5_percent_fails_within_3000_requests(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a simulation
    blocks = [Block(draw(dice, 400, 0.05), draw(dice, 400, 0.01)) for _ in range(8)]

    assert judge_comparison(RULE, blocks).verdict is Verdict.FAIL


def test_canary_that_is_better_passes_however_much_better() -> None:
    blocks = [Block(Counts(500, 0), Counts(500, 250))] * 5

    assert judge_comparison(RULE, blocks).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "blocks", [[], [Block(Counts(0, 0), Counts(5000, 50))], [Block(Counts(5000, 50), Counts(99, 0))]]
)
def test_too_few_requests_of_either_colour_are_inconclusive(blocks: list[Block]) -> None:
    finding = judge_comparison(RULE, blocks)

    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "too few, 100 needed" in finding.because[0]


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="5 bad requests of 3"):
        Counts(3, 5)


@pytest.mark.parametrize(
    ("ready", "needed", "verdict"),
    [
        (3, 3, Verdict.PASS),
        (4, 3, Verdict.PASS),
        (2, 3, Verdict.FAIL),
        (0, 0, Verdict.FAIL),
        (1, 0, Verdict.PASS),
        (None, 3, Verdict.INCONCLUSIVE),
        (3, None, Verdict.INCONCLUSIVE),
    ],
)
def test_capacity_wants_the_size_that_the_live_colour_has_now(
    ready: int | None, needed: int | None, verdict: Verdict
) -> None:
    assert judge_capacity(ready=ready, needed=needed, target="green").verdict is verdict


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.5], Verdict.PASS),
        ([0.8], Verdict.PASS),
        ([0.5, 0.9], Verdict.FAIL),
        ([], Verdict.INCONCLUSIVE),
        ([math.nan], Verdict.INCONCLUSIVE),
        ([0.5, math.nan], Verdict.INCONCLUSIVE),
        ([math.inf], Verdict.INCONCLUSIVE),
    ],
)
def test_limit_without_a_number_says_nothing(values: list[float], verdict: Verdict) -> None:
    assert judge_limit(Limit("memory", 0.8), values).verdict is verdict


@pytest.mark.parametrize(
    ("users", "before", "verdict"),
    [
        (Counts(1000, 50), Counts(1000, 9), Verdict.FAIL),
        (Counts(1000, 50), Counts(1000, 11), Verdict.PASS),
        (Counts(1000, 14), Counts(1000, 0), Verdict.PASS),
        (Counts(30, 19), Counts(1000, 0), Verdict.PASS),
        (Counts(0, 0), Counts(0, 0), Verdict.PASS),
    ],
)
def test_burn_is_judged_against_the_objective_and_what_was_before(
    users: Counts, before: Counts, verdict: Verdict
) -> None:
    assert judge_burn(users, before=before).verdict is verdict


@pytest.mark.parametrize(
    ("stable", "canary", "tolerance", "verdict"),
    [
        ([190.0, 200.0], [190.0, 200.0], 0.0, Verdict.PASS),
        ([190.0, 200.0], [190.0, 201.0], 0.5, Verdict.FAIL),
        ([190.0, 200.0], [190.0, 201.0], math.inf, Verdict.PASS),
        ([190.0], [math.nan], math.inf, Verdict.FAIL),
        ([190.0], [], 1.0, Verdict.INCONCLUSIVE),
        ([], [], 1.0, Verdict.INCONCLUSIVE),
    ],
)
def test_parity_tells_a_changed_model(
    stable: list[float], canary: list[float], tolerance: float, verdict: Verdict
) -> None:
    assert judge_predictions(stable, canary, tolerance=tolerance).verdict is verdict


def document(*operations: str, **schemas: list[str]) -> dict[str, object]:
    paths: dict[str, dict[str, object]] = {}
    for operation in operations:
        method, path = operation.split()
        paths.setdefault(path, {})[method] = {}
    named = {name: {"properties": {key: {} for key in fields}} for name, fields in schemas.items()}
    return {"paths": paths, "components": {"schemas": named}}


@pytest.mark.parametrize(
    ("canary", "verdict", "told"),
    [
        (document("get /a", "post /b", Answer=["x", "y"]), Verdict.PASS, "all 2"),
        (document("get /a", "post /b", "get /c", Answer=["x", "y", "z"]), Verdict.PASS, "all 2"),
        (document("get /a", Answer=["x", "y"]), Verdict.FAIL, "lacks POST /b"),
        (document("get /a", "post /b", Answer=["x"]), Verdict.FAIL, "lacks Answer.y"),
        (document(), Verdict.INCONCLUSIVE, "shows no paths"),
    ],
)
def test_contract_may_grow_and_not_shrink(canary: dict[str, object], verdict: Verdict, told: str) -> None:
    finding = judge_openapi(document("get /a", "post /b", Answer=["x", "y"]), canary)

    assert finding.verdict is verdict
    assert told in finding.because[0]


@pytest.mark.parametrize(
    ("given_for", "verdict"), [("r2", Verdict.PASS), ("r1", Verdict.INCONCLUSIVE), (None, Verdict.INCONCLUSIVE)]
)
def test_approval_names_its_release(given_for: str | None, verdict: Verdict) -> None:
    assert judge_approval(asked_for="r2", given_for=given_for).verdict is verdict


@given(st.lists(st.builds(Finding, st.sampled_from(Verdict), st.just(("why",))), max_size=5))
def test_joined_findings_pass_only_when_all_do(findings: list[Finding]) -> None:
    joined = join_findings(findings)

    assert joined.has_passed == (bool(findings) and all(each.has_passed for each in findings))
    assert joined.because


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("[]", "expected a JSON object"),
        ("{", "Expecting"),
        ({"stepz": [100]}, "unknown key stepz"),
        ({"steps": [5, 50]}, "end with 100"),
        ({"steps": [50, 5, 100]}, "have to rise"),
        ({"steps": [0, 100]}, "from 1 or more"),
        ({"steps": []}, "end with 100"),
        ({"steps": [5, 100]}, "need prometheus_url"),
        ({"soak_s": -1}, "below 0"),
        ({"soak_s": "60"}, "not of type float"),
        ({"capacity": 1}, "not of type bool"),
        ({"minimum_requests": 1.5}, "not of type int"),
    ],
)
def test_policy_that_cannot_be_meant_is_refused_by_key(raw: object, told: str) -> None:
    text = raw if isinstance(raw, str) else json.dumps(raw)

    with pytest.raises(PolicyMalformedError, match=told):
        Policy.parse(text)


def test_policy_without_words_moves_all_traffic_after_the_smoke_test() -> None:
    assert Policy.parse("").steps == (100,)
    assert Policy.parse('{"steps": [5, 100], "prometheus_url": "http://p", "parity_tolerance": null}').steps == (5, 100)
