"""A thousand random schedules: sizes change, processes die, people edit weights and approve; nobody is ever worse off.

Everything outside is one small world in memory; the machine, the driver and the record are the real ones.
"""

import random
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
import structlog
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.release.errors import ReleaseRefusedError, ReleaseRolledBackError, ReleaseUnderWayError
from agents.release.orders import Order, OrderBook
from agents.release.policy import Policy
from agents.release.probe import Answer
from agents.release.record import RecordStore, ReleaseRecord
from agents.release.request import SwitchRequest
from agents.release.routes import Weights, read_weights
from agents.release.smoke import Gateway
from agents.release.states import Course, Phase, decide_move, has_moved_traffic, is_over, may_follow
from agents.release.switch import Switch
from agents.release.verdicts import Finding, Verdict
from agents.runtime.cluster import ConfigMap, Deployment, HttpRoute
from agents.runtime.errors import AgentError, ClusterConflictError, ClusterUnavailableError
from agents.runtime.names import LABEL_COLOUR, Colour

APP = "model-server"
PREDICTION = b'{"predictions": [{"lower": 1, "prediction": 2, "upper": 3}]}'
STEPS = (5, 25, 50, 100)


class Killed(BaseException):
    """What SIGKILL looks like from inside a process: nothing catches it."""


@dataclass
class Chances:
    """How often each kind of trouble comes, per effect."""

    kill: float = 0.0
    unavailable: float = 0.0
    hand: float = 0.0
    resize: float = 0.0
    rival: float = 0.0
    bad_verdict: float = 0.0


class World:
    """Cluster, gateway, both colours and everybody who interferes, driven by one seed."""

    def __init__(self, clock, seed: int, chances: Chances) -> None:
        self.clock, self.chances = clock, chances
        self.dice = random.Random(seed)  # noqa: S311 - a simulation
        backends = [{"name": f"{APP}-{each}", "port": 8080, "weight": 100 * (each == "blue")} for each in Colour]
        self.route = HttpRoute("cryo", APP, "1", ({"backendRefs": backends},))
        self.maps: dict[str, ConfigMap] = {}
        self.version = 1
        self.sizes = dict.fromkeys(Colour, 2)
        self.ready = dict.fromkeys(Colour, 2)
        self.sized_at_step: list[tuple[int, int]] = []
        self.passed_shares: set[int] = set()
        self.by_hand = False

    @property
    def weights(self) -> Weights:
        return read_weights(self.route, APP)

    def happens(self, chance: float) -> bool:
        return self.dice.random() < chance

    def interfere(self) -> None:
        if self.happens(self.chances.resize):
            colour = self.dice.choice(list(Colour))
            self.sizes[colour] = self.dice.randint(1, 6)
            self.ready[colour] = self.dice.randint(0, self.sizes[colour])
        if self.happens(self.chances.hand):
            self.by_hand = True
            self._weigh(self.dice.choice([Weights(100, 0), Weights(0, 100), Weights(40, 60), Weights(0, 0)]))
        if self.happens(self.chances.rival) and (found := self.maps.get(f"release-{APP}")):
            self.maps[found.name] = replace(found, resource_version=self._next())

    def settle_down(self) -> None:
        """No more trouble; the new colour is scaled as the live one."""
        self.chances = Chances()
        self.ready = self.sizes = dict.fromkeys(Colour, 3)

    def get_http_route(self, _namespace: str, _name: str) -> HttpRoute:
        return self.route

    def apply_http_route(self, route: HttpRoute, **_: object) -> HttpRoute:
        if route.resource_version != self.route.resource_version:
            raise ClusterConflictError(route.name)
        self._fault(lambda: setattr(self, "route", replace(route, resource_version=self._next())))
        return self.route

    def get_config_map(self, _namespace: str, name: str) -> ConfigMap | None:
        return self.maps.get(name)

    def apply_config_map(self, wanted: ConfigMap, **_: object) -> ConfigMap:
        found = self.maps.get(wanted.name)
        if wanted.resource_version != (found.resource_version if found else None):
            raise ClusterConflictError(wanted.name)
        self._fault(lambda: self.maps.update({wanted.name: replace(wanted, resource_version=self._next())}))
        return self.maps[wanted.name]

    def list_deployments(self, _namespace: str, labels: dict[str, str]) -> list[Deployment]:
        self.interfere()
        colour = Colour(labels[LABEL_COLOUR])
        return [Deployment(f"{APP}-{colour}", self.sizes[colour], self.ready[colour])]

    def ask(self, url: str, **_: object) -> Answer:
        weights = self.weights
        own = Colour.GREEN if "green" in url else Colour.BLUE
        if "gateway" in url:
            both = weights.blue + weights.green
            own = Colour.GREEN if both and self.dice.random() * both < weights.green else Colour.BLUE
        return Answer(200, own, PREDICTION, "2" if own is Colour.GREEN else "1")

    def until_verdict(self, **_: object) -> Finding:
        self.interfere()
        if self.happens(self.chances.bad_verdict):
            return Finding(self.dice.choice([Verdict.FAIL, Verdict.INCONCLUSIVE]), ("the canary is worse",))
        self.passed_shares.add(self.weights.green)
        return Finding(Verdict.PASS, ("as good",))

    until_end = until_verdict

    def release(self, target: Colour = Colour.GREEN, *, approval: bool = False) -> Phase | None:
        """Run a release and return where its record stands; None where a hand had moved the traffic before any."""
        policy = Policy(
            steps=STEPS,
            soak_s=60,
            capacity=True,
            prometheus_url="http://prometheus",
            approval_deadline_s=5 if approval else None,
        )
        request = SwitchRequest(
            "cryo",
            APP,
            target,
            f"http://{target}",
            Gateway("http://gateway", confirmations=2),
            f"r{self.version}",
            2,
            policy=policy,
            stable_url=f"http://{target.other}",
        )
        store = RecordStore(self, "cryo", APP, written=self.look)
        log = structlog.get_logger().bind()
        Switch(request, self, self, self.clock, log, store, lambda _: PASSED, lambda _: self).run()  # type: ignore[arg-type,return-value]
        found = RecordStore(self, "cryo", APP).load()
        assert found is not None or self.by_hand
        return found.phase if found else None

    def look(self, record: ReleaseRecord) -> None:
        """Note how big both colours were when a step was decided."""
        if record.phase is Phase.SHIFTING:
            source = record.source
            self.sized_at_step.append((self.ready[record.target], self.sizes[source]))

    def _fault(self, effect) -> None:
        self.interfere()
        if self.happens(self.chances.unavailable):
            if self.happens(0.5):
                effect()
            raise ClusterUnavailableError(str(self.version))
        if self.happens(self.chances.kill):
            if self.happens(0.5):
                effect()
            raise Killed
        effect()

    def _weigh(self, weights: Weights) -> None:
        values = {f"{APP}-blue": weights.blue, f"{APP}-green": weights.green}
        backends = [{**each, "weight": values[each["name"]]} for each in self.route.rules[0]["backendRefs"]]
        self.route = replace(self.route, rules=({"backendRefs": backends},), resource_version=self._next())

    def _next(self) -> str:
        self.version += 1
        return str(self.version)


PASSED = Finding(Verdict.PASS, ("told so",))
FINDINGS = st.builds(Finding, st.sampled_from(Verdict), st.just(("why",)))


@pytest.fixture(autouse=True)
def silent_logs():
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    yield
    structlog.reset_defaults()


def run_once(world: World) -> None:
    with suppress(AgentError, Killed):
        world.release()


@given(st.integers(0, 2**32))
@example(3706)  # a hand gives green all traffic before the first record, so there is nothing to release and no record
@settings(max_examples=1000)
def test_no_schedule_leaves_a_release_stuck_and_none_promotes_without_every_verdict(make_clock, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a simulation
    rates = [dice.choice([0, 0, 0.02, 0.1]) for _ in range(6)]
    world = World(make_clock(), seed, Chances(*rates))
    for _ in range(dice.randint(1, 4)):
        run_once(world)
    world.settle_down()
    if world.by_hand and world.weights.live is None:
        world._weigh(Weights(100, 0))  # what the refusal tells the person to do

    ends: list[object] = []
    for _ in range(3):  # a rollback that was cut off is finished first, then a person allows one more try
        if before := RecordStore(world, "cryo", APP).load():
            OrderBook(world, "cryo", APP).give(Order.RETRY, before.release_id)
        try:
            ends.append(world.release())
            break
        except (ReleaseRefusedError, ReleaseRolledBackError) as error:
            ends.append(error)
            if world.weights.live is None:
                world._weigh(Weights(100, 0))

    assert world.weights == Weights(0, 100), ends
    found = RecordStore(world, "cryo", APP).load()
    assert found is None or is_over(found.phase) or world.by_hand


@given(st.integers(0, 2**32))
@settings(max_examples=300)
def test_no_step_is_taken_before_the_new_colour_is_as_big_as_the_live_one(make_clock, seed: int) -> None:
    world = World(make_clock(), seed, Chances(kill=0.03, resize=0.3))
    sizes: list[tuple[int, int]] = []
    asked = world.list_deployments
    seen: dict[Colour, Deployment] = {}

    def remember(namespace: str, labels: dict[str, str]) -> list[Deployment]:
        found = asked(namespace, labels)
        seen[Colour(labels[LABEL_COLOUR])] = found[0]
        return found

    def note(record: ReleaseRecord) -> None:
        if record.phase is Phase.SHIFTING:
            sizes.append((seen[record.target].ready, seen[record.source].wanted))

    world.list_deployments = remember  # type: ignore[method-assign]
    world.look = note  # type: ignore[method-assign]
    for _ in range(3):
        run_once(world)

    assert all(ready >= needed for ready, needed in sizes)


@given(st.integers(0, 2**32))
@settings(max_examples=200)
def test_promotion_without_trouble_had_a_verdict_at_every_step(make_clock, seed: int) -> None:
    world = World(make_clock(), seed, Chances(kill=0.05, unavailable=0.05, bad_verdict=0.2))
    for _ in range(4):
        run_once(world)

    if world.weights.green == 100:
        assert {5, 25, 50} <= world.passed_shares


@given(st.sampled_from(Phase), st.integers(0, 100), FINDINGS, st.floats(0, 60))
def test_every_decision_is_a_legal_step_with_its_reasons(
    phase: Phase, share: int, finding: Finding, soak_s: float
) -> None:
    if is_over(phase):
        return
    move = decide_move(phase, share, finding, Course(STEPS, soak_s))

    assert may_follow(phase, move.phase)
    assert move.because == finding.because
    if not finding.has_passed:
        assert move.phase is not Phase.SHIFTING
        assert move.share <= share or has_moved_traffic(phase)
    if move.phase is Phase.PROMOTED:
        assert share == 100


def test_weights_set_by_hand_during_a_step_end_the_release_and_are_put_back(make_clock) -> None:
    world = World(make_clock(), 1, Chances())
    passes = world.until_verdict

    def meddle(**_: object) -> Finding:
        world._weigh(Weights(60, 40))
        return passes()

    world.until_verdict = meddle  # type: ignore[method-assign]

    with pytest.raises(ReleaseRolledBackError, match="somebody else moved traffic"):
        world.release()
    assert world.weights == Weights(100, 0)


def test_approval_of_another_release_approves_nothing(make_clock) -> None:
    world = World(make_clock(), 1, Chances())
    OrderBook(world, "cryo", APP).give(Order.APPROVE, "an older one")

    with pytest.raises(ReleaseRefusedError, match="the one there is for an older one"):
        world.release(approval=True)
    assert world.weights == Weights(100, 0)


def test_what_was_rolled_back_is_not_promoted_again_without_a_persons_word(make_clock) -> None:
    world = World(make_clock(), 1, Chances(bad_verdict=1.0))
    with pytest.raises((ReleaseRolledBackError, ReleaseRefusedError)):
        world.release()
    world.settle_down()
    record = RecordStore(world, "cryo", APP).load()
    assert record is not None

    with pytest.raises(ReleaseRefusedError, match=f"cryo release retry {record.release_id}"):
        world.release()
    assert RecordStore(world, "cryo", APP).load() == record

    OrderBook(world, "cryo", APP).give(Order.RETRY, record.release_id)
    assert world.release() is Phase.SETTLED


@pytest.mark.parametrize(("pod", "refused"), [("Running", True), ("Failed", False), (None, False)])
def test_release_that_another_pod_drives_is_left_alone(make_clock, pod: str | None, *, refused: bool) -> None:
    world = World(make_clock(), 1, Chances())
    store = RecordStore(world, "cryo", APP, holder="release-model-server-a1b2c")
    store.save(ReleaseRecord.begin("r1", APP, Colour.GREEN, at=world.clock.now(), because=("asked",)))
    world.get_pod_phase = lambda _namespace, name: pod if name == "release-model-server-a1b2c" else None

    if refused:
        with pytest.raises(ReleaseUnderWayError, match="cryo release abort r1"):
            world.release()
        assert (world.weights, store.load().release_id) == (Weights(100, 0), "r1")
    else:
        assert world.release() is Phase.SETTLED


def test_way_back_does_not_wait_for_the_pod_that_drives_the_release(make_clock) -> None:
    world = World(make_clock(), 1, Chances())
    world.get_pod_phase = lambda *_: "Running"
    record = ReleaseRecord.begin("r1", APP, Colour.GREEN, at=world.clock.now(), because=("asked",))
    step = replace(record.transitions[0], phase=Phase.SOAKING, share=100)
    RecordStore(world, "cryo", APP, holder="elsewhere").save(replace(record, transitions=(step,)))
    world._weigh(Weights(0, 100))

    with suppress(AgentError):
        world.release(Colour.BLUE)
    assert world.weights == Weights(100, 0)


def test_approved_release_goes_on(make_clock) -> None:
    world = World(make_clock(), 1, Chances())
    OrderBook(world, "cryo", APP).give(Order.APPROVE, f"r{world.version + 1}")

    assert world.release(approval=True) is Phase.SETTLED


def test_soaking_release_is_taken_back_at_once_when_git_wants_the_old_colour_again(make_clock) -> None:
    world = World(make_clock(), 1, Chances())
    real = world.until_verdict

    def die_in_soak(**more: object) -> Finding:
        if world.weights.green == 100:
            raise Killed
        return real(**more)

    world.until_verdict = world.until_end = die_in_soak  # type: ignore[method-assign]
    with suppress(Killed):
        world.release()
    before = world.clock.elapsed_s
    with suppress(Killed):
        world.release(Colour.BLUE)

    assert world.weights == Weights(100, 0)
    assert world.clock.elapsed_s - before < 5
