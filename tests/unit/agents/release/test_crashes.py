"""Releases that are killed, cut off and contradicted at every write; the next undisturbed run must set things right.

The cluster here is a dictionary that follows a script of faults, the clock only moves when somebody sleeps.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from agents.release.errors import ReleaseRefusedError, ReleaseRolledBackError
from agents.release.probe import Answer, NoAnswerError
from agents.release.record import RecordStore, ReleaseRecord
from agents.release.request import Outcome, SwitchRequest
from agents.release.routes import Weights, read_weights
from agents.release.smoke import Gateway
from agents.release.states import Move, Phase, has_promoted, is_over
from agents.release.switch import Switch
from agents.release.verdicts import Finding, Verdict
from agents.runtime.cluster import ConfigMap, HttpRoute
from agents.runtime.errors import AgentError, ClusterConflictError, ClusterUnavailableError
from agents.runtime.names import Colour

APP = "model-server"
PASSED = Finding(Verdict.PASS, ("told so",))


class Killed(BaseException):
    """What SIGKILL looks like from inside a process: nothing catches it."""


class World:
    """A cluster, a gateway and both colours in one process, with a script of faults for its writes."""

    def __init__(self, clock, faults: Iterator[str], *, live: Colour = Colour.BLUE, healthy: bool = True) -> None:
        self.clock, self.faults = clock, faults
        self.healthy = dict.fromkeys(Colour, True) | {Colour.GREEN: healthy}
        backends = [{"name": f"{APP}-{colour}", "port": 8080, "weight": 100 * (colour is live)} for colour in Colour]
        self.route = HttpRoute("cryo", APP, "1", ({"backendRefs": backends},))
        self.record: ConfigMap | None = None
        self.retry_of = ""
        self.version = 1
        self.history: list[tuple[str, str]] = []

    @property
    def weights(self) -> Weights:
        return read_weights(self.route, APP)

    def get_http_route(self, _namespace: str, _name: str) -> HttpRoute:
        return self.route

    def get_config_map(self, _namespace: str, name: str) -> ConfigMap | None:
        if name.endswith("-orders"):
            return ConfigMap("cryo", name, {"retry": self.retry_of}, {}, "1")
        return self.record

    def apply_http_route(self, route: HttpRoute, *, field_manager: str) -> HttpRoute:
        assert field_manager == "cryo-release"
        if route.resource_version != self.route.resource_version:
            raise ClusterConflictError(route.name)
        self._write(lambda: setattr(self, "route", replace(route, resource_version=self._next())), "route")
        return self.route

    def apply_config_map(self, config_map: ConfigMap, *, field_manager: str) -> ConfigMap:
        assert field_manager == "cryo-release"
        if config_map.resource_version != (self.record.resource_version if self.record else None):
            raise ClusterConflictError(config_map.name)
        phase = config_map.data["phase"]
        self._write(lambda: setattr(self, "record", replace(config_map, resource_version=self._next())), phase)
        assert self.record is not None
        return self.record

    def ask(self, url: str, **_: object) -> Answer:
        live = self.weights.live
        own = Colour.GREEN if "green" in url else Colour.BLUE
        colour = live if "gateway" in url else own
        if colour is None or not self.healthy[colour]:
            raise NoAnswerError(url)
        body = json.dumps({"predictions": [{"lower": 1, "prediction": 2, "upper": 3}]})
        return Answer(200, colour, body.encode())

    def _next(self) -> str:
        self.version += 1
        return str(self.version)

    def _write(self, effect, what: str) -> None:
        fault = next(self.faults, "ok")
        if fault in {"ok", "lost answer", "killed after"}:
            effect()
            self.history.append((what, str(self.weights.live)))
        if fault in {"lost answer", "unavailable"}:
            raise ClusterUnavailableError(fault)
        if fault.startswith("killed"):
            raise Killed

    def release(self, target: Colour = Colour.GREEN) -> Outcome:
        request = SwitchRequest(
            namespace="cryo",
            app=APP,
            target=target,
            smoke_url=f"http://{target}",
            gateway=Gateway("http://gateway", confirmations=3),
            release_id=f"r{self.version}",
            deadline_s=5,
        )
        log = structlog.get_logger().bind()
        store = RecordStore(self, "cryo", APP)
        return Switch(request, self, self, self.clock, log, store, lambda _age: PASSED).run()  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def silent_logs() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    yield
    structlog.reset_defaults()


def run_quietly(world: World, target: Colour) -> None:
    with suppress(AgentError, Killed):
        world.release(target)


FAULTS = st.lists(st.sampled_from(["ok", "unavailable", "lost answer", "killed before", "killed after"]), max_size=14)


@given(FAULTS, st.lists(st.sampled_from(Colour), min_size=1, max_size=3), st.booleans())
def test_undisturbed_run_after_any_faults_settles(
    make_clock,
    faults: list[str],
    runs: list[Colour],
    healthy: bool,  # noqa: FBT001 - hypothesis passes it by name
) -> None:
    world = World(make_clock(), iter(faults), healthy=healthy)
    for target in runs:
        run_quietly(world, target)
    world.faults = iter(())

    last: AgentError | None = None
    for _ in range(2):  # the first may only finish a rollback that was cut off
        before = RecordStore(world, "cryo", APP).load()
        world.retry_of = before.release_id if before else ""
        try:
            world.release(Colour.GREEN)
            last = None
        except (ReleaseRefusedError, ReleaseRolledBackError) as error:
            last = error

    assert world.weights == (Weights(0, 100) if healthy else Weights(100, 0))
    assert (last is None) == healthy
    record = RecordStore(world, "cryo", APP).load()
    assert record is None or is_over(record.phase) or record.target is not Colour.GREEN


@given(FAULTS)
def test_unhealthy_colour_is_never_left_with_traffic_by_a_run_that_ended(make_clock, faults: list[str]) -> None:
    world = World(make_clock(), iter(faults), healthy=False)
    run_quietly(world, Colour.GREEN)

    assert ("route", "green") not in world.history


@given(FAULTS)
def test_colour_that_breaks_after_a_killed_release_loses_its_traffic(make_clock, faults: list[str]) -> None:
    world = World(make_clock(), iter(faults))
    run_quietly(world, Colour.GREEN)
    before = RecordStore(world, "cryo", APP).load()
    world.faults = iter(())
    world.healthy[Colour.GREEN] = False

    run_quietly(world, Colour.GREEN)

    promoted = before is not None and has_promoted(before.phase)
    assert world.weights.live is (Colour.GREEN if promoted else Colour.BLUE)


@given(FAULTS)
def test_route_is_never_written_before_the_record_says_so(make_clock, faults: list[str]) -> None:
    world = World(make_clock(), iter(faults))
    run_quietly(world, Colour.GREEN)
    run_quietly(world, Colour.GREEN)

    told = "none"
    for what, live in world.history:
        if what == "route":
            assert told == (Phase.SHIFTING if live == Colour.GREEN else Phase.ROLLING_BACK)
        else:
            told = what


def test_cluster_that_stays_away_ends_in_try_again_after_its_deadlines(make_clock) -> None:
    clock = make_clock()
    world = World(clock, iter(["ok"] * 6 + ["ok"] + ["unavailable"] * 10_000))

    with pytest.raises(ClusterUnavailableError, match="gave up after 60 s"):
        world.release()

    assert clock.elapsed_s < 200
    assert world.weights.live is Colour.GREEN
    world.faults = iter(())
    assert world.release().result == "promoted"


def test_record_that_arrived_though_its_answer_was_lost_is_not_a_conflict(make_clock) -> None:
    world = World(make_clock(), iter(["lost answer"]))
    store = RecordStore(world, "cryo", APP)
    first = ReleaseRecord.begin("r1", APP, Colour.GREEN, at=world.clock.now(), because=("asked",))
    with pytest.raises(ClusterUnavailableError):
        store.save(first)

    assert store.save(first) == first
    assert store.save(first.advance(Move(Phase.BACKED_UP, 0, ()), at=world.clock.now())).phase is Phase.BACKED_UP


def test_record_that_somebody_else_wrote_is_a_conflict(make_clock) -> None:
    world = World(make_clock(), iter(()))
    ours, theirs = RecordStore(world, "cryo", APP), RecordStore(world, "cryo", APP)
    first = ReleaseRecord.begin("r1", APP, Colour.GREEN, at=world.clock.now(), because=("asked",))
    theirs.save(replace(first, release_id="r2"))

    with pytest.raises(ClusterConflictError):
        ours.save(first)
