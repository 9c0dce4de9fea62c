"""The emergency way back is refused where it would hurt, and says why."""

import pytest

from agents.release.errors import ReleaseRefusedError
from agents.release.record import ReleaseRecord, Transition
from agents.release.rollback import Ground, decide_rollback
from agents.release.states import Phase, has_moved_traffic
from agents.runtime.cluster import Deployment
from agents.runtime.names import Colour


def record(phase: Phase) -> ReleaseRecord:
    step = Transition(phase, "2026-03-01T12:00:00.000Z", ("why",), 100)
    return ReleaseRecord("r1", "model-server", Colour.BLUE, Colour.GREEN, (step,), {Colour.BLUE: "1.0.0"})


def ground(
    phase: Phase = Phase.SETTLED, *, ready: int = 2, version: str = "1.0.0", contracts: tuple[str, ...] | None = ()
) -> Ground:
    return Ground(record(phase), (Deployment("model-server-blue-1", 2, ready, version),), contracts)


@pytest.mark.parametrize("phase", [each for each in Phase if has_moved_traffic(each) or each is Phase.SETTLED])
def test_whatever_may_have_moved_traffic_can_be_taken_back(phase: Phase) -> None:
    found, because = decide_rollback(ground(phase))

    assert found.phase is phase
    assert because == ("release r1 came from blue, which has 2 ready pods", "no contract migration since")


@pytest.mark.parametrize(
    ("stands_on", "told"),
    [
        (Ground(None, (), ()), "there was no release yet"),
        (ground(Phase.REFUSED), "release r1 is refused"),
        (ground(Phase.ROLLED_BACK), "release r1 is rolled_back"),
        (ground(Phase.PROVED), "release r1 is proved"),
        (ground(contracts=("0021_drop_old",)), "point of no return since it began: contract migration 0021_drop_old"),
        (ground(ready=0), "has no ready pod; start model-server-blue again"),
        (Ground(record(Phase.SETTLED), (), ()), "has no ready pod"),
        (ground(version="2.0.0"), r"which was 1\.0\.0 then and is 2\.0\.0 now"),
    ],
)
def test_rollback_that_would_hurt_is_refused_with_its_reason(stands_on: Ground, told: str) -> None:
    with pytest.raises(ReleaseRefusedError, match=told):
        decide_rollback(stands_on)


def test_schema_that_nobody_could_ask_is_told() -> None:
    assert decide_rollback(ground(contracts=None))[1][-1] == "the schema was not asked"
