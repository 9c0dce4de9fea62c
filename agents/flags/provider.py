"""The OpenFeature provider on the cache: what services of ours, and the flags service itself, ask through."""

from collections.abc import Mapping, Sequence
from typing import NoReturn
from uuid import UUID

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import (
    FlagNotFoundError,
    InvalidContextError,
    TargetingKeyMissingError,
    TypeMismatchError,
)
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType
from openfeature.flag_evaluation import Reason as OpenFeatureReason
from openfeature.provider import AbstractProvider, Metadata

from agents.flags.cache import FlagCache
from agents.flags.errors import FlagsStaleError
from agents.flags.evaluate import evaluate, parse_user_id
from agents.flags.metrics import FlagMetrics
from agents.flags.model import Context, Evaluation, Reason, Snapshot

TEAM_IDS = "teamIds"
"""Attribute of the context that adds teams to those that the database knows of the person."""
# Chosen: a service starts without its flags rather than not at all; until they come, everything is off.
_FIRST_COPY_S = 5.0
_NOBODY = EvaluationContext()


class FlagProvider(AbstractProvider):
    """Resolves boolean flags; whatever goes wrong, the answer is off or the caller's default, never an exception.

    When the copy of the flags is too old, every flag is off with reason ERROR, also for callers whose default is on.
    """

    def __init__(self, cache: FlagCache, metrics: FlagMetrics) -> None:
        """Take over a cache; `initialize` starts it and `shutdown` stops it."""
        super().__init__()
        self._cache = cache
        self._metrics = metrics

    def get_metadata(self) -> Metadata:
        """Name the provider."""
        return Metadata(name="cryoprotect-flags")

    def initialize(self, evaluation_context: EvaluationContext) -> None:  # noqa: ARG002 - the interface's parameter
        """Start reading the flags."""
        self._cache.start(wait_s=_FIRST_COPY_S)

    def shutdown(self) -> None:
        """Stop reading the flags."""
        self._cache.stop()

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,  # noqa: ARG002, FBT001 - the interface's parameter
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Answer for one flag.

        Raises:
            FlagNotFoundError: no such flag; the client returns the caller's default.
            TargetingKeyMissingError: the rules depend on who asks.
            InvalidContextError: `teamIds` is not a list of team ids.
        """
        try:
            snapshot = self._cache.snapshot()
        except FlagsStaleError as error:
            self._metrics.count_evaluation("any", "off", Reason.ERROR)
            return _details(Evaluation(value=False, reason=Reason.ERROR, because=str(error)))
        flag = snapshot.flags.get(flag_key)
        if flag is None:
            raise FlagNotFoundError(f"no flag is named {flag_key!r}")
        evaluation = evaluate(flag, read_context(evaluation_context or _NOBODY, snapshot))
        self._metrics.count_evaluation(flag.name, evaluation.variant, evaluation.reason)
        if evaluation.key_missing:
            raise TargetingKeyMissingError(f"{flag_key!r} depends on who asks; give the user's id as targeting key")
        return _details(evaluation)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Refuse: flags are on or off."""
        _refuse_type(flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Refuse: flags are on or off."""
        _refuse_type(flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Refuse: flags are on or off."""
        _refuse_type(flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Refuse: flags are on or off."""
        _refuse_type(flag_key, default_value, evaluation_context)


def read_context(given: EvaluationContext, snapshot: Snapshot) -> Context:
    """Say who asks: the key as given, and the teams that the database or the caller name.

    Raises:
        InvalidContextError: `teamIds` is not a list of team ids.
    """
    key = given.targeting_key or ""
    user_id = parse_user_id(key)
    known = snapshot.memberships.get(user_id, frozenset()) if user_id is not None else frozenset()
    return Context(key, known | _read_team_ids(given.attributes.get(TEAM_IDS, ())))


def _read_team_ids(given: object) -> frozenset[UUID]:
    if isinstance(given, Sequence) and not isinstance(given, str):
        found = [parse_user_id(each) if isinstance(each, str) else None for each in given]
        if None not in found:
            return frozenset(each for each in found if each is not None)
    raise InvalidContextError(f"{TEAM_IDS} must be a list of team ids")


def _details(evaluation: Evaluation) -> FlagResolutionDetails[bool]:
    return FlagResolutionDetails(
        value=evaluation.value,
        reason=OpenFeatureReason(evaluation.reason.value),
        variant=evaluation.variant.value,
        flag_metadata={"because": evaluation.because},
    )


def _refuse_type(flag_key: str, default_value: object, _context: EvaluationContext | None) -> NoReturn:
    raise TypeMismatchError(f"{flag_key!r} is on or off; ask for a boolean, not a {type(default_value).__name__}")
