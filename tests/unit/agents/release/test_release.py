"""The pure half of a release: phases, how to begin, weights, records, verdicts."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.release.errors import RecordMalformedError, ReleaseRefusedError
from agents.release.plan import Start, decide_start
from agents.release.probe import Answer, NoAnswerError
from agents.release.record import ReleaseRecord, Transition, parse_record
from agents.release.routes import Weights, give, read_weights
from agents.release.smoke import (
    Gateway,
    await_confirmation,
    await_pass,
    judge_answer,
    judge_prediction,
)
from agents.release.states import Move, Phase, has_moved_traffic, is_over, may_follow
from agents.release.verdicts import Finding, Verdict
from agents.runtime.clock import Deadline
from agents.runtime.cluster import HttpRoute
from agents.runtime.names import Colour

PHASES = st.sampled_from(Phase)
WEIGHTS = st.builds(Weights, st.integers(0, 100), st.integers(0, 100))
COLOURS = st.sampled_from(Colour)


def record(phase: Phase, target: Colour = Colour.GREEN) -> ReleaseRecord:
    return ReleaseRecord(
        "r1", "model-server", target.other, target, (Transition(phase, "2026-03-01T12:00:00.000Z", ("why",)),)
    )


def route(*backends: dict[str, Any], rules: int = 1) -> HttpRoute:
    rule = {"matches": [{"path": {"value": "/"}}], "backendRefs": list(backends), "timeouts": {"request": "30s"}}
    return HttpRoute("cryo", "model-server", "1", (rule,) * rules)


def backend(colour: str, **more: Any) -> dict[str, Any]:
    return {"name": f"model-server-{colour}", "port": 8080, **more}


@given(PHASES)
def test_every_phase_can_reach_an_end(phase: Phase) -> None:
    reached = {phase}
    for _ in Phase:
        reached |= {after for before in reached for after in Phase if may_follow(before, after)}

    assert any(is_over(each) for each in reached)


@given(PHASES)
def test_phase_that_moved_traffic_can_only_end_settled_or_put_back(phase: Phase) -> None:
    ends = {after for after in Phase if may_follow(phase, after) and is_over(after)}

    if has_moved_traffic(phase):
        assert ends <= {Phase.SETTLED, Phase.ROLLED_BACK}


@given(WEIGHTS, st.none() | st.builds(record, PHASES, COLOURS), COLOURS)
def test_every_beginning_has_a_reason_and_is_safe(weights: Weights, last: ReleaseRecord | None, target: Colour) -> None:
    try:
        decision = decide_start(weights, last, target)
    except ReleaseRefusedError:
        tried = last is not None and (has_moved_traffic(last.phase) or last.phase is Phase.ROLLED_BACK)
        assert weights.live is None or tried
        return

    assert decision.because
    assert all(decision.because)
    if decision.start is Start.ALREADY_THERE:
        assert weights.live is target
        assert last is None or last.phase is not Phase.ROLLING_BACK
    if decision.start is Start.RESUME:
        assert last is not None
        assert last.target is target
        assert has_moved_traffic(last.phase)
    assert (decision.start is Start.FINISH_ROLLBACK) == (last is not None and last.phase is Phase.ROLLING_BACK)


@pytest.mark.parametrize(
    ("weights", "last", "start"),
    [
        (Weights(100, 0), None, Start.BEGIN),
        (Weights(0, 100), None, Start.ALREADY_THERE),
        (Weights(100, 0), record(Phase.SETTLED), Start.BEGIN),
        (Weights(100, 0), record(Phase.REFUSED), Start.BEGIN),
        (Weights(100, 0), record(Phase.ROLLED_BACK, Colour.BLUE), Start.BEGIN),
        (Weights(100, 0), record(Phase.PREPARING), Start.BEGIN),
        (Weights(100, 0), record(Phase.PROVED), Start.BEGIN),
        (Weights(100, 0), record(Phase.SHIFTING), Start.RESUME),
        (Weights(0, 100), record(Phase.SHIFTING), Start.RESUME),
        (Weights(50, 50), record(Phase.WATCHING), Start.RESUME),
        (Weights(0, 100), record(Phase.SOAKING), Start.RESUME),
        (Weights(0, 100), record(Phase.ROLLING_BACK), Start.FINISH_ROLLBACK),
        (Weights(100, 0), record(Phase.ROLLING_BACK), Start.FINISH_ROLLBACK),
        (Weights(75, 25), record(Phase.WATCHING, Colour.BLUE), Start.TAKE_BACK),
        (Weights(100, 0), record(Phase.SOAKING, Colour.BLUE), Start.TAKE_BACK),
    ],
)
def test_beginning_follows_weights_and_record(weights: Weights, last: ReleaseRecord | None, start: Start) -> None:
    assert decide_start(weights, last, Colour.GREEN).start is start


@pytest.mark.parametrize(
    ("content", "retry_of", "begins"),
    [
        ("image:1", None, False),
        ("image:2", None, True),
        ("image:1", "r1", True),
        ("image:1", "r0", False),
        ("", None, False),
    ],
)
def test_what_was_rolled_back_is_tried_again_only_when_repaired_or_allowed(
    content: str, retry_of: str | None, *, begins: bool
) -> None:
    last = replace(record(Phase.ROLLED_BACK), content="image:1")

    if begins:
        start = decide_start(Weights(100, 0), last, Colour.GREEN, content=content, retry_of=retry_of).start
        assert start is Start.BEGIN
    else:
        with pytest.raises(ReleaseRefusedError, match="cryo release retry r1"):
            decide_start(Weights(100, 0), last, Colour.GREEN, content=content, retry_of=retry_of)


@pytest.mark.parametrize("weights", [Weights(0, 0), Weights(50, 50), Weights(1, 99)])
def test_divided_traffic_without_a_release_is_refused(weights: Weights) -> None:
    with pytest.raises(ReleaseRefusedError, match="give one colour 100 and the other 0"):
        decide_start(weights, record(Phase.SETTLED), Colour.GREEN)


def test_colour_with_another_version_than_then_is_released_anew_not_taken_back() -> None:
    soaking = replace(record(Phase.SOAKING, Colour.BLUE), versions={Colour.GREEN: "1.0.0"})

    assert decide_start(Weights(100, 0), soaking, Colour.GREEN, target_version="1.0.0").start is Start.TAKE_BACK
    assert decide_start(Weights(100, 0), soaking, Colour.GREEN, target_version="2.0.0").start is Start.BEGIN
    with pytest.raises(ReleaseRefusedError, match=r"green was 1\.0\.0 then and is 2\.0\.0 now"):
        decide_start(Weights(50, 50), soaking, Colour.GREEN, target_version="2.0.0")


def test_pointing_changes_the_weights_and_nothing_else() -> None:
    before = route(backend("green", weight=0, filters=["f"]), backend("blue", weight=100))

    after = give(before, "model-server", Colour.GREEN, 25)

    assert read_weights(after, "model-server") == Weights(blue=75, green=25)
    assert after.rules[0]["backendRefs"][0] == backend("green", weight=25, filters=["f"])
    assert {key: value for key, value in after.rules[0].items() if key != "backendRefs"} == {
        "matches": [{"path": {"value": "/"}}],
        "timeouts": {"request": "30s"},
    }
    assert read_weights(before, "model-server") == Weights(blue=100, green=0)


def test_backend_without_weight_weighs_one() -> None:
    assert read_weights(route(backend("blue"), backend("green", weight=0)), "model-server") == Weights(1, 0)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (route(backend("blue"), backend("green"), rules=2), "has 2 rules"),
        (route(backend("blue"), backend("green"), rules=0), "has 0 rules"),
        (route(backend("blue")), "sends traffic to model-server-blue"),
        (route(backend("blue"), backend("blue")), "model-server-blue, model-server-blue"),
        (route(backend("blue"), backend("green"), backend("red")), "model-server-red"),
        (route(), "sends traffic to nothing"),
    ],
)
def test_route_of_another_shape_is_refused(bad: HttpRoute, told: str) -> None:
    with pytest.raises(ReleaseRefusedError, match=told):
        give(bad, "model-server", Colour.BLUE, 100)


@given(COLOURS, st.lists(st.tuples(PHASES, st.lists(st.text(), max_size=3)), max_size=5))
def test_record_survives_its_config_map(target: Colour, steps: list[tuple[Phase, list[str]]]) -> None:
    first = Transition(Phase.PREPARING, "2026-03-01T12:00:00.000Z", ())
    rest = tuple(Transition(phase, "2026-03-01T12:00:01.000Z", tuple(why), len(why)) for phase, why in steps)
    versions = {target: "1.0.0"}
    before = ReleaseRecord("r1", "model-server", target.other, target, (first, *rest), versions)

    assert parse_record(json.dumps(before.to_json()), "here") == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        json.dumps({**record(Phase.PREPARING).to_json(), "schema": 3}),
        json.dumps({**record(Phase.PREPARING).to_json(), "to": "red"}),
        json.dumps({**record(Phase.PREPARING).to_json(), "from": "green"}),
        json.dumps({**record(Phase.PREPARING).to_json(), "transitions": []}),
        json.dumps(
            {**record(Phase.PREPARING).to_json(), "transitions": [{"phase": "dancing", "at": "", "because": []}]}
        ),
    ],
)
def test_malformed_record_is_refused_by_place(text: str) -> None:
    with pytest.raises(RecordMalformedError, match="ConfigMap a/b: not a"):
        parse_record(text, "ConfigMap a/b")


def test_record_refuses_an_illegal_step(clock) -> None:
    fresh = ReleaseRecord.begin("r1", "model-server", Colour.GREEN, at=clock.now(), because=("asked",))

    with pytest.raises(ValueError, match="promoted cannot follow preparing"):
        fresh.advance(Move(Phase.PROMOTED, 100, ()), at=clock.now())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("smoke", (Phase.PREPARING, 0)),
        ("weights", (Phase.SHIFTING, 100)),
        ("confirm", (Phase.SHIFTING, 100)),
        ("promoted", (Phase.SETTLED, 100)),
        ("rolling_back", (Phase.ROLLING_BACK, 0)),
        ("rolled_back", (Phase.ROLLED_BACK, 0)),
        ("refused", (Phase.REFUSED, 0)),
    ],
)
def test_record_of_the_first_schema_is_still_read(written: str, read: tuple[Phase, int]) -> None:
    step = {"phase": written, "at": "2026-03-01T12:00:00.000Z", "because": ["why"]}
    old = {"schema": 1, "release_id": "r1", "app": "a", "from": "blue", "to": "green", "transitions": [step]}

    found = parse_record(json.dumps(old), "here")

    assert (found.phase, found.share) == read


@pytest.mark.parametrize(
    ("status", "colour", "verdict"),
    [
        (200, "green", Verdict.PASS),
        (200, "blue", Verdict.FAIL),
        (200, "", Verdict.FAIL),
        (200, "GREEN", Verdict.FAIL),
        (204, "green", Verdict.FAIL),
        (503, "green", Verdict.FAIL),
    ],
)
def test_answer_passes_with_status_and_colour_only(status: int, colour: str, verdict: Verdict) -> None:
    assert judge_answer(Answer(status, colour, b""), "/livez", Colour.GREEN).verdict is verdict


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["predictions", "lower", "prediction", "upper"]), inner, max_size=4)
        ),
        max_leaves=8,
    )
)
def test_prediction_of_any_shape_is_judged_without_a_crash(body: object) -> None:
    assert judge_prediction(Answer(200, "green", json.dumps(body).encode()), "/p").verdict in Verdict


@pytest.mark.parametrize(
    ("low", "point", "high"), [(2, 1, 3), (1, 3, 2), (3, 2, 1), (1, math.nan, 2), (1, 2, math.inf)]
)
def test_prediction_outside_its_interval_fails(low: float, point: float, high: float) -> None:
    body = {"predictions": [{"lower": low, "prediction": point, "upper": high}]}

    assert judge_prediction(Answer(200, "green", json.dumps(body).encode()), "/p").verdict is Verdict.FAIL


@given(st.floats(-500, 500), st.floats(0, 50), st.floats(0, 50))
def test_prediction_inside_its_interval_passes(point: float, below: float, above: float) -> None:
    body = {"predictions": [{"lower": point - below, "prediction": point, "upper": point + above}]}

    assert judge_prediction(Answer(200, "green", json.dumps(body).encode()), "/p").verdict is Verdict.PASS


class Script:
    """A probe that plays answers from a list, then repeats the last one."""

    def __init__(self, *colours: str | None) -> None:
        self.colours = list(colours)

    def ask(self, url: str, **_: object) -> Answer:
        colour = self.colours.pop(0) if len(self.colours) > 1 else self.colours[0]
        if colour is None:
            raise NoAnswerError(url)
        return Answer(200, colour, b"")


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        (["green"], Verdict.PASS),
        (["blue", "blue", "green"], Verdict.PASS),
        (["green", "green", None, "green"], Verdict.PASS),
        (["blue"], Verdict.FAIL),
        ([None], Verdict.INCONCLUSIVE),
        (["green", "green", "blue"], Verdict.FAIL),
        (["green"] * 150 + ["blue"], Verdict.PASS),
    ],
)
def test_confirmation_wants_answers_in_a_row(clock, script: list[str | None], verdict: Verdict) -> None:
    gateway = Gateway("http://gateway", confirmations=3)

    finding = await_confirmation(Script(*script), gateway, Colour.GREEN, deadline=Deadline.after(5, clock))  # type: ignore[arg-type]

    assert finding.verdict is verdict
    assert clock.elapsed_s <= 5.1


def test_answers_that_alternate_never_confirm(clock) -> None:
    gateway = Gateway("http://gateway", confirmations=3)
    probe = Script(*["green", "green", "blue"] * 100)

    finding = await_confirmation(probe, gateway, Colour.GREEN, deadline=Deadline.after(5, clock))  # type: ignore[arg-type]

    assert finding.verdict is not Verdict.PASS


def test_confirmation_cut_short_by_its_deadline_is_inconclusive_even_when_all_answers_were_right(clock) -> None:
    gateway = Gateway("http://gateway", confirmations=1000)

    finding = await_confirmation(Script("green"), gateway, Colour.GREEN, deadline=Deadline.after(1, clock))  # type: ignore[arg-type]

    assert finding.verdict is Verdict.INCONCLUSIVE


def test_waiting_for_a_pass_ends_at_the_deadline_with_the_last_reason(clock) -> None:
    findings = iter(Finding(Verdict.FAIL, (str(n),)) for n in range(1000))

    finding = await_pass(lambda: next(findings), Deadline.after(3, clock))

    assert (finding.verdict, clock.elapsed_s) == (Verdict.FAIL, 3)
    assert int(finding.because[0]) == 6
