"""The wire form of OFREP: statuses, bodies and tags, and no request that breaks it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagEvaluationDetails, Reason

from agents.flags.ofrep import BadRequestError, answer_flag, answer_flags, answer_refusal, parse_request, require_key
from agents.flags.routes import Matched, Route, match_path

ON = FlagEvaluationDetails("a", True, "on", {"because": "rollout"}, Reason.SPLIT)


@pytest.mark.parametrize(
    ("content", "context"),
    [
        (b"", EvaluationContext()),
        (b"{}", EvaluationContext()),
        (b'{"context":{}}', EvaluationContext()),
        (b'{"context":{"targetingKey":"x","plan":7}}', EvaluationContext("x", {"plan": 7})),
        (b'{"context":{"targetingKey":null},"more":1}', EvaluationContext()),
        (b'{"context":{"targetingKey":""}}', EvaluationContext()),
    ],
)
def test_context_is_read(content: bytes, context: EvaluationContext) -> None:
    assert parse_request(content) == context


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", ErrorCode.PARSE_ERROR),
        (b"[]", ErrorCode.PARSE_ERROR),
        (b"\xff", ErrorCode.PARSE_ERROR),
        (b'{"context":{"targetingKey":"\\ud800"}}', ErrorCode.PARSE_ERROR),
        (b'{"context":' + b"[" * 60_000, ErrorCode.PARSE_ERROR),
        (b'{"context":[]}', ErrorCode.INVALID_CONTEXT),
        (b'{"context":null}', ErrorCode.INVALID_CONTEXT),
        (b'{"context":{"targetingKey":7}}', ErrorCode.INVALID_CONTEXT),
    ],
    ids=["cut off", "a list", "not UTF-8", "lone surrogate", "deep", "context is a list", "null", "numeric key"],
)
def test_body_of_another_shape_is_refused_with_the_protocols_code(content: bytes, code: ErrorCode) -> None:
    with pytest.raises(BadRequestError) as caught:
        parse_request(content)

    assert caught.value.code is code


@given(content=st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda body: json.dumps(body).encode()))
def test_no_body_breaks_the_parser(content: bytes) -> None:
    codes = set()
    try:
        parse_request(content)
    except BadRequestError as error:
        codes.add(error.code)

    assert codes <= {ErrorCode.PARSE_ERROR, ErrorCode.INVALID_CONTEXT}


def test_success_has_the_fields_of_the_protocol() -> None:
    answer = answer_flag(ON)

    assert answer.status == 200
    assert json.loads(answer.body) == {
        "key": "a",
        "value": True,
        "reason": "SPLIT",
        "variant": "on",
        "metadata": {"because": "rollout"},
    }


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (ErrorCode.FLAG_NOT_FOUND, 404),
        (ErrorCode.PARSE_ERROR, 400),
        (ErrorCode.TARGETING_KEY_MISSING, 400),
        (ErrorCode.INVALID_CONTEXT, 400),
    ],
)
def test_error_names_the_flag_and_the_code(code: ErrorCode, status: int) -> None:
    answer = answer_flag(FlagEvaluationDetails("a", value=False, error_code=code, error_message="why"))

    assert answer.status == status
    assert json.loads(answer.body) == {"key": "a", "errorCode": code.value, "errorDetails": "why"}


@pytest.mark.parametrize("code", [ErrorCode.GENERAL, ErrorCode.PROVIDER_NOT_READY, ErrorCode.TYPE_MISMATCH])
def test_failure_of_the_service_itself_has_details_only(code: ErrorCode) -> None:
    answer = answer_flag(FlagEvaluationDetails("a", value=False, error_code=code, error_message="why"))

    assert (answer.status, json.loads(answer.body)) == (500, {"errorDetails": "why"})


def test_bulk_refusal_has_no_key_and_a_single_one_has() -> None:
    error = BadRequestError(ErrorCode.TARGETING_KEY_MISSING, "who?")

    assert json.loads(answer_refusal(error).body) == {"errorCode": "TARGETING_KEY_MISSING", "errorDetails": "who?"}
    assert json.loads(answer_refusal(error, "a").body)["key"] == "a"
    with pytest.raises(BadRequestError):
        require_key(EvaluationContext())


@pytest.mark.parametrize("header", ["{tag}", "W/{tag}", '"other", {tag}', "*"])
def test_unchanged_answer_is_not_sent_again(header: str) -> None:
    first = answer_flags([ON], if_none_match="")
    tag = dict(first.headers)["etag"]

    again = answer_flags([ON], if_none_match=header.format(tag=tag))

    assert (again.status, again.body, dict(again.headers)) == (304, b"", {"etag": tag})


def test_changed_answer_is_sent_with_a_new_tag() -> None:
    tag = dict(answer_flags([ON], if_none_match="").headers)["etag"]
    off = FlagEvaluationDetails("a", False, "off", {}, Reason.SPLIT)
    failed = FlagEvaluationDetails("b", value=False, error_code=ErrorCode.INVALID_CONTEXT, error_message="why")

    changed = answer_flags([off, failed], if_none_match=tag)

    assert changed.status == 200
    assert dict(changed.headers)["etag"] != tag
    assert [each["key"] for each in json.loads(changed.body)["flags"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("path", "matched"),
    [
        ("/livez", Matched(Route.LIVE)),
        ("/ofrep/v1/evaluate/flags", Matched(Route.BULK)),
        ("/ofrep/v1/evaluate/flags/a.b-c", Matched(Route.SINGLE, "a.b-c")),
        ("/ofrep/v1/evaluate/flags/a%20b", Matched(Route.SINGLE, "a b")),
        ("/ofrep/v1/evaluate/flags/", Matched(Route.UNMATCHED)),
        ("/ofrep/v1/evaluate/flags/a/b", Matched(Route.UNMATCHED)),
        ("/ofrep/v1/configuration", Matched(Route.UNMATCHED)),
        ("/", Matched(Route.UNMATCHED)),
    ],
)
def test_path_finds_its_route(path: str, matched: Matched) -> None:
    assert match_path(path) == matched
