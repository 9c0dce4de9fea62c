"""How old an answer may be, and what happens when the database is away; provider and metrics with it."""

from collections.abc import Callable
from uuid import UUID

import pytest
import structlog
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from prometheus_client import CollectorRegistry

from agents.flags.cache import FlagCache
from agents.flags.errors import FlagsStaleError, SnapshotInvalidError
from agents.flags.metrics import FlagMetrics
from agents.flags.model import Flag, Snapshot
from agents.flags.provider import FlagProvider
from agents.flags.settings import CacheSettings
from agents.flags.store import parse_snapshot
from agents.runtime.clock import Deadline
from agents.runtime.errors import DatabaseUnavailableError

ANN, RED = UUID(int=1), UUID(int=11)
EVERYBODY = Flag("a", enabled=True, rollout_basis_points=10_000)
OF_RED = Flag("b", enabled=True, team_ids=frozenset({RED}))
FLAGS = Snapshot({"a": EVERYBODY, "b": OF_RED}, {ANN: frozenset({RED})})


class Source:
    """Answers as told, or fails."""

    def __init__(self) -> None:
        self.answer: Snapshot | Exception = FLAGS

    def __call__(self, _deadline: Deadline) -> Snapshot:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def cache(source, clock, registry) -> FlagCache:
    settings = CacheSettings(refresh_s=5, max_stale_s=60)
    return FlagCache(source, settings, clock=clock, log=structlog.get_logger(), metrics=FlagMetrics(registry))


def test_copy_serves_until_it_is_too_old(cache, source, clock, registry) -> None:
    cache.refresh()
    source.answer = DatabaseUnavailableError("away")
    clock.sleep(60)
    cache.refresh()

    assert cache.snapshot() is FLAGS
    assert registry.get_sample_value("cryo_flags_snapshot_age_seconds") == 60
    clock.sleep(0.1)
    with pytest.raises(FlagsStaleError, match="60 s old, 60 s are allowed"):
        cache.snapshot()
    assert cache.names() == ("a", "b")
    source.answer = FLAGS
    assert cache.refresh()
    assert cache.snapshot() is FLAGS


def test_age_counts_from_before_the_read(source, clock, registry) -> None:
    """What a slow read saw may be as old as its beginning."""

    def slow(_deadline: Deadline) -> Snapshot:
        clock.sleep(50)
        return FLAGS

    settings = CacheSettings(refresh_s=5, max_stale_s=60)
    cache = FlagCache(slow, settings, clock=clock, log=structlog.get_logger(), metrics=FlagMetrics(registry))
    cache.refresh()

    assert cache.age_s == 50


def test_flags_that_were_never_read_are_not_served(cache, source) -> None:
    source.answer = DatabaseUnavailableError("away")

    assert not cache.refresh()
    assert not cache.has_loaded
    with pytest.raises(FlagsStaleError, match="not read yet"):
        cache.snapshot()


def test_outage_is_told_once_and_every_read_is_counted(cache, source, registry) -> None:
    with structlog.testing.capture_logs() as logs:
        cache.refresh()
        cache.refresh()
        source.answer = DatabaseUnavailableError("away")
        for _ in range(3):
            cache.refresh()
        source.answer = FLAGS
        cache.refresh()

    assert [each["event"] for each in logs] == [
        "flags.refresh.succeeded",
        "flags.refresh.failed",
        "flags.refresh.succeeded",
    ]
    counted = {
        outcome: registry.get_sample_value("cryo_flags_refreshes_total", {"outcome": outcome})
        for outcome in ("changed", "unchanged", "failed")
    }
    assert counted == {"changed": 1, "unchanged": 2, "failed": 3}


def test_thread_outlives_a_defect(source, registry) -> None:
    from agents.runtime.clock import SystemClock  # noqa: PLC0415 - the one test that needs real time

    source.answer = ZeroDivisionError("a defect")
    settings = CacheSettings(refresh_s=0.05, max_stale_s=60)
    cache = FlagCache(source, settings, clock=SystemClock(), log=structlog.get_logger(), metrics=FlagMetrics(registry))
    with structlog.testing.capture_logs() as logs:
        cache.start(wait_s=0.2)
        source.answer = FLAGS
        cache.start(wait_s=10)
        cache.stop()

    assert cache.has_loaded
    assert "flags.refresh.crashed" in {each["event"] for each in logs}


@pytest.fixture
def ask(cache, registry) -> Callable[..., OpenFeatureClient]:
    """A client of the standard's own SDK on our provider; the fixture reads the flags itself, without the thread."""
    cache.refresh()
    provider = FlagProvider(cache, FlagMetrics(CollectorRegistry()))
    provider.initialize = lambda evaluation_context: None  # type: ignore[method-assign] # noqa: ARG005 - no thread here
    api.set_provider_and_wait(provider, "test")
    yield api.get_client("test")
    api.clear_providers()


def test_client_gets_value_variant_and_reason(ask) -> None:
    details = ask.get_boolean_details("a", default_value=False, evaluation_context=EvaluationContext("x"))

    assert (details.value, details.variant, details.reason) == (True, "on", "SPLIT")
    assert details.flag_metadata == {"because": "rollout"}


@pytest.mark.parametrize(
    ("context", "value"),
    [
        (EvaluationContext(str(ANN)), True),
        (EvaluationContext("x"), False),
        (EvaluationContext("x", {"teamIds": [str(RED)]}), True),
    ],
    ids=["member in the database", "stranger", "team named by the caller"],
)
def test_team_is_known_from_the_database_or_from_the_caller(ask, context, *, value: bool) -> None:
    assert ask.get_boolean_value("b", default_value=False, evaluation_context=context) is value


@pytest.mark.parametrize(
    ("key", "context", "code"),
    [
        ("missing", EvaluationContext("x"), ErrorCode.FLAG_NOT_FOUND),
        ("a", EvaluationContext(), ErrorCode.TARGETING_KEY_MISSING),
        ("a", EvaluationContext("x", {"teamIds": "red"}), ErrorCode.INVALID_CONTEXT),
        ("a", EvaluationContext("x", {"teamIds": [1]}), ErrorCode.INVALID_CONTEXT),
    ],
)
def test_error_gives_the_callers_default_and_the_standards_code(ask, key, context, code) -> None:
    details = ask.get_boolean_details(key, default_value=False, evaluation_context=context)

    assert (details.value, details.error_code, details.reason) == (False, code, "ERROR")


@pytest.mark.parametrize("kind", ["string", "integer", "float", "object"])
def test_other_types_do_not_match(ask, kind: str) -> None:
    default = {"string": "x", "integer": 1, "float": 1.0, "object": {}}[kind]

    details = getattr(ask, f"get_{kind}_details")("a", default, EvaluationContext("x"))

    assert (details.value, details.error_code) == (default, ErrorCode.TYPE_MISMATCH)


def test_everything_is_off_when_the_copy_is_too_old_even_where_the_default_is_on(ask, clock) -> None:
    clock.sleep(61)

    details = ask.get_boolean_details("a", default_value=True, evaluation_context=EvaluationContext("x"))

    assert (details.value, details.variant, details.reason) == (False, "off", "ERROR")


@pytest.mark.parametrize(
    "document", [None, 7, "", "{}", '{"flags":[{}],"memberships":{}}', '{"flags":[],"memberships":{"x":[]}}']
)
def test_answer_that_is_no_set_of_flags_is_refused(document: object) -> None:
    with pytest.raises(SnapshotInvalidError, match="cryo migrate apply"):
        parse_snapshot(document)
