"""The old colour shrinks only when its release is settled and over, Git agrees, and the serving colour is whole."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agents.release.guard import Asked, Live
from agents.release.record import ReleaseRecord, Transition
from agents.release.routes import Weights
from agents.release.standby import judge_standby
from agents.release.states import Phase
from agents.runtime.names import Colour

BLUE, GREEN = Colour.BLUE, Colour.GREEN
SETTLED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTENTS = {BLUE: "old", GREEN: "new"}


def record(phase: Phase = Phase.SETTLED) -> ReleaseRecord:
    step = Transition(phase, "2026-03-01T12:00:00.000Z", ("why",), 100)
    return ReleaseRecord("r1", "model-server", BLUE, GREEN, (step,))


ASKED = Asked("staging", "model-server", GREEN, CONTENTS)
LIVE = Live("staging", Weights(0, 100), CONTENTS, record(), whole=frozenset({GREEN}))


def test_old_colour_may_shrink_when_everything_speaks_for_it() -> None:
    found = judge_standby(ASKED, LIVE, now=SETTLED_AT + timedelta(minutes=30), after_s=1800)

    assert found.allowed
    assert found.because == "release r1 settled 1800 s ago or more"


@pytest.mark.parametrize(
    ("asked", "live", "minutes", "told"),
    [
        pytest.param(ASKED, LIVE, 29, "blue is the way back until 2026-03-01T12:30:00", id="too early"),
        pytest.param(ASKED, replace(LIVE, record=None), 99, "no release settled last", id="no release"),
        pytest.param(ASKED, replace(LIVE, record=record(Phase.SOAKING)), 99, "no release settled last", id="soaking"),
        pytest.param(
            ASKED, replace(LIVE, record=record(Phase.ROLLED_BACK)), 99, "no release settled", id="rolled back"
        ),
        pytest.param(
            ASKED, replace(LIVE, weights=Weights(100, 0)), 99, "Git asks for green, blue serves", id="taken back"
        ),
        pytest.param(replace(ASKED, active=BLUE), LIVE, 99, "Git asks for blue, green serves", id="next release"),
        pytest.param(
            replace(ASKED, contents={**CONTENTS, BLUE: "newer"}),
            LIVE,
            99,
            "blue gets another content",
            id="being filled",
        ),
        pytest.param(
            ASKED, replace(LIVE, contents={GREEN: "new"}), 99, "blue gets another content", id="unknown content"
        ),
        pytest.param(ASKED, replace(LIVE, whole=frozenset({BLUE})), 99, "green serves and has not all", id="not whole"),
    ],
)
def test_old_colour_stays_large_while_anything_speaks_against_it(
    asked: Asked, live: Live, minutes: int, told: str
) -> None:
    found = judge_standby(asked, live, now=SETTLED_AT + timedelta(minutes=minutes), after_s=1800)

    assert not found.allowed
    assert told in found.because
