"""An update that would hurt is refused before it has any effect, with the reason and the way forward."""

from dataclasses import replace

import pytest

from agents.release.errors import ReleaseRefusedError
from agents.release.gates import is_downgrade, judge_downgrade
from agents.release.guard import Asked, Live, judge_update
from agents.release.record import ReleaseRecord, Transition
from agents.release.routes import Weights
from agents.release.states import Phase
from agents.release.verdicts import Verdict
from agents.runtime.names import Colour

BLUE, GREEN = Colour.BLUE, Colour.GREEN
ALL_BLUE = Weights(100, 0)
OLD, NEW = "registry/a@sha256:1 version=1.0.0", "registry/a@sha256:2 version=2.0.0"


def record(phase: Phase, *, content: str = NEW) -> ReleaseRecord:
    step = Transition(phase, "2026-03-01T12:00:00.000Z", ("failed requests",), 100)
    return ReleaseRecord("r1", "model-server", BLUE, GREEN, (step,), content=content)


def asked(active: Colour = GREEN, *, blue: str | None = OLD, green: str | None = NEW, of_tree: bool = False) -> Asked:
    contents = {colour: text for colour, text in ((BLUE, blue), (GREEN, green)) if text is not None}
    return Asked("staging", "model-server", active, contents, frozenset(Colour) if of_tree else frozenset())


def live(weights: Weights | None = ALL_BLUE, last: ReleaseRecord | None = None, **more: object) -> Live:
    facts = Live(stack="staging", weights=weights, contents={BLUE: OLD, GREEN: "registry/a@sha256:0"}, record=last)
    return replace(facts, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wish", "facts"),
    [
        pytest.param(asked(), live(None), id="first update"),
        pytest.param(asked(BLUE), live(), id="nothing new"),
        pytest.param(asked(), live(), id="first release"),
        pytest.param(asked(), live(last=record(Phase.REFUSED)), id="again after a refusal"),
        pytest.param(
            asked(), live(Weights(0, 100), record(Phase.SETTLED), contents={GREEN: NEW}), id="after a release"
        ),
        pytest.param(asked(green=None, active=BLUE), live(), id="idle slot emptied"),
        pytest.param(asked(BLUE), live(last=record(Phase.ROLLED_BACK)), id="reverted in Git"),
        pytest.param(asked(), live(last=record(Phase.ROLLED_BACK), retry_of="r1"), id="retry allowed"),
        pytest.param(asked(), live(last=record(Phase.ROLLED_BACK, content="other")), id="repaired version"),
        pytest.param(
            asked(), live(Weights(95, 5), record(Phase.WATCHING), contents={BLUE: OLD, GREEN: NEW}), id="resumed"
        ),
        pytest.param(asked(BLUE, blue=""), live(), id="image that this update builds"),
        pytest.param(asked(BLUE), live(contents={}), id="colours from before the annotation"),
    ],
)
def test_harmless_update_goes_on(wish: Asked, facts: Live) -> None:
    assert judge_update(wish, facts) == ()


@pytest.mark.parametrize(
    ("wish", "facts", "told"),
    [
        (asked(), live(stack="production"), 'belongs to stack "production", not to "staging"'),
        (asked(BLUE, blue=NEW), live(), r"slots\.blue serves users and would change in place.*slots\.green and set"),
        (asked(GREEN, blue=NEW), live(), r"slots\.blue serves users and would change in place"),
        (asked(BLUE, blue=None), live(), r"slots\.blue serves users and would be emptied"),
        (
            asked(GREEN, green=OLD + "+"),
            live(Weights(95, 5), record(Phase.WATCHING), contents={GREEN: NEW}),
            r"slots\.green serves users and would change in place",
        ),
        (
            asked(GREEN, blue="other"),
            live(Weights(0, 100), record(Phase.SOAKING), contents={BLUE: OLD, GREEN: NEW}),
            r"slots\.blue serves users and would change in place",
        ),
        (asked(), live(Weights(90, 10)), "weights are blue 90, green 10, but no release of ours.*repair --to"),
        (asked(BLUE), live(Weights(90, 10), record(Phase.ROLLED_BACK)), "release r1 left blue 100, green 0.*`cryo rel"),
        (asked(), live(Weights(100, 0), record(Phase.SETTLED)), "release r1 left blue 0, green 100"),
        (asked(BLUE), live(Weights(0, 100), record(Phase.REFUSED)), "release r1 left blue 100, green 0"),
        (asked(), live(last=record(Phase.ROLLED_BACK)), "rolled back at .*failed requests.*cryo release revert"),
        (asked(), live(last=record(Phase.ROLLED_BACK), retry_of="r0"), "cryo release retry r1"),
        (asked(), live(last=record(Phase.ROLLED_BACK, content="")), "cryo release retry r1"),
    ],
)
def test_update_that_would_hurt_is_refused_with_reason_and_remedy(wish: Asked, facts: Live, told: str) -> None:
    with pytest.raises(ReleaseRefusedError, match=told):
        judge_update(wish, facts)


def test_live_slot_that_follows_the_checkout_is_updated_in_place_and_told() -> None:
    (note,) = judge_update(asked(BLUE, blue=NEW, of_tree=True), live())

    assert (
        note == f"model-server: slots.blue serves users, follows this checkout and is updated in place ({OLD} -> {NEW})"
    )


@pytest.mark.parametrize(
    ("new", "old", "older"),
    [
        ("1.0.0", "2.0.0", True),
        ("1.9.0", "1.10.0", True),
        ("2.0.0", "1.9.9", False),
        ("1.0.0", "1.0.0", False),
        ("1.0.0-rc1", "1.0.0", True),
        ("1.0.0", "1.0.0-rc1", False),
        ("dev", "1.0.0", True),
        ("", "1.0.0", False),
    ],
)
def test_older_version_is_a_downgrade(new: str, old: str, *, older: bool) -> None:
    assert is_downgrade(new, old) is older


@pytest.mark.parametrize(
    ("contracts", "verdict"), [((), Verdict.PASS), (("0021_drop",), Verdict.FAIL), (None, Verdict.PASS)]
)
def test_downgrade_passes_only_where_no_contract_came_in_between(contracts, verdict: Verdict) -> None:
    assert judge_downgrade("1.0.0", "2.0.0", contracts).verdict is verdict
