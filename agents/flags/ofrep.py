"""The OpenFeature Remote Evaluation Protocol as bytes: requests to contexts, evaluations to answers; pure.

Source: service/openapi.yaml of the protocol, version 0.1.0.
"""

import hashlib
from collections.abc import Iterable
from http import HTTPStatus

import msgspec
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagEvaluationDetails

from agents.runtime.web.answer import Answer

_TARGETING_KEY = "targetingKey"
# What the protocol answers with 400; everything else but an unknown flag is the server's own failure.
_CALLER_ERRORS = frozenset({ErrorCode.PARSE_ERROR, ErrorCode.TARGETING_KEY_MISSING, ErrorCode.INVALID_CONTEXT})
_ENCODE = msgspec.json.Encoder().encode


class BadRequestError(ValueError):
    """A request that the protocol answers with 400."""

    def __init__(self, code: ErrorCode, details: str) -> None:
        """Keep the protocol's code next to the words."""
        super().__init__(details)
        self.code = code


class _Success(msgspec.Struct, frozen=True):
    key: str
    value: bool
    reason: str
    variant: str
    metadata: dict[str, str]


class _Failure(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    error_code: str
    error_details: str
    key: str | msgspec.UnsetType = msgspec.UNSET


class _GeneralError(msgspec.Struct, frozen=True, rename="camel"):
    error_details: str


class _Bulk(msgspec.Struct, frozen=True):
    flags: list[_Success | _Failure]


def parse_request(content: bytes) -> EvaluationContext:
    """Read the body of either endpoint; without a context nobody asks.

    Raises:
        BadRequestError: not JSON (PARSE_ERROR), or a context of another shape (INVALID_CONTEXT).
    """
    try:
        body = msgspec.json.decode(content) if content else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequestError(ErrorCode.PARSE_ERROR, f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequestError(ErrorCode.PARSE_ERROR, "the body must be a JSON object")
    context = body.get("context", {})
    if not isinstance(context, dict):
        raise BadRequestError(ErrorCode.INVALID_CONTEXT, "context must be an object")
    key = context.pop(_TARGETING_KEY, None)
    if key is not None and not isinstance(key, str):
        raise BadRequestError(ErrorCode.INVALID_CONTEXT, f"{_TARGETING_KEY} must be a text")
    return EvaluationContext(key or None, context)


def require_key(context: EvaluationContext) -> None:
    """Refuse a bulk request of nobody: most of its flags could not be answered.

    Raises:
        BadRequestError: TARGETING_KEY_MISSING.
    """
    if not context.targeting_key:
        raise BadRequestError(ErrorCode.TARGETING_KEY_MISSING, f"give the user's id as context.{_TARGETING_KEY}")


def answer_flag(details: FlagEvaluationDetails[bool]) -> Answer:
    """Answer for one flag."""
    if details.error_code is None:
        return Answer(HTTPStatus.OK, _ENCODE(_success(details)))
    if details.error_code is ErrorCode.FLAG_NOT_FOUND:
        return Answer(HTTPStatus.NOT_FOUND, _ENCODE(_failure(details, details.error_code)))
    if details.error_code in _CALLER_ERRORS:
        return Answer(HTTPStatus.BAD_REQUEST, _ENCODE(_failure(details, details.error_code)))
    return general_error(HTTPStatus.INTERNAL_SERVER_ERROR, details.error_message or details.error_code.value)


def answer_flags(all_details: Iterable[FlagEvaluationDetails[bool]], *, if_none_match: str) -> Answer:
    """Answer for all flags, or say that nothing changed since the answer with that tag.

    Args:
        all_details: one per flag, always in the same order.
        if_none_match: the header's value, empty without one.
    """
    body = _ENCODE(
        _Bulk([_success(each) if each.error_code is None else _failure(each, each.error_code) for each in all_details])
    )
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = (("etag", tag),)
    if _matches(if_none_match, tag):
        return Answer(HTTPStatus.NOT_MODIFIED, b"", headers)
    return Answer(HTTPStatus.OK, body, headers)


def answer_refusal(error: BadRequestError, key: str | None = None) -> Answer:
    """Answer a request that could not be understood."""
    body = _Failure(error.code.value, str(error), msgspec.UNSET if key is None else key)
    return Answer(HTTPStatus.BAD_REQUEST, _ENCODE(body))


def general_error(status: HTTPStatus, details: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Answer what is nobody's flag: a defect, a wrong path or method, too large a body."""
    return Answer(status, _ENCODE(_GeneralError(details)), headers)


def _success(details: FlagEvaluationDetails[bool]) -> _Success:
    metadata = {name: str(value) for name, value in details.flag_metadata.items()}
    return _Success(details.flag_key, details.value, str(details.reason), str(details.variant), metadata)


def _failure(details: FlagEvaluationDetails[bool], code: ErrorCode) -> _Failure:
    return _Failure(code.value, details.error_message or code.value, details.flag_key)


def _matches(if_none_match: str, tag: str) -> bool:
    given = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return "*" in given or tag in given
