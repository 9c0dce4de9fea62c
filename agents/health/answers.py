"""Reports as HTTP answers: whole for callers with a token, pass or fail for others; pure."""

import hashlib
from http import HTTPStatus

import msgspec

from agents.health.findings import Report, Status
from agents.runtime.web.answer import JSON, Answer

HEALTH_JSON = "application/health+json"
PROBLEM_JSON = "application/problem+json"
_WORDS = {Status.OK: "pass", Status.INFO: "pass", Status.WARN: "warn", Status.SKIPPED: "warn"}


class Problem(msgspec.Struct, frozen=True):
    """Why a request was not answered (RFC 9457)."""

    title: str
    status: int
    detail: str


class Verdict(msgspec.Struct, frozen=True):
    """All that an anonymous caller is told."""

    status: str
    """`pass`, `warn` or `fail`."""


def word_for(status: Status) -> str:
    """Return the word of the expired draft of health+json for a status."""
    return _WORDS.get(status, "fail")


def answer_problem(status: HTTPStatus, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Say why not."""
    return Answer(status, msgspec.json.encode(Problem(status.phrase, status, detail)), headers, PROBLEM_JSON)


def answer_value(value: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """Send a value as JSON."""
    return Answer(status, msgspec.json.encode(value))


def answer_report(report: Report, *, whole: bool, accept: str, if_none_match: str) -> Answer:
    """Send a report.

    The status code says whether there is an answer, not whether it is good: a sick database is told with 200, so that
    nobody takes the agent itself for broken.

    Args:
        report: what was found.
        whole: whether the caller may know what is wrong.
        accept: header of the request.
        if_none_match: header of the request.
    """
    if HEALTH_JSON in accept:
        body, kind = msgspec.json.encode(_health_json(report, whole=whole)), HEALTH_JSON
    else:
        body, kind = msgspec.json.encode(report if whole else Verdict(word_for(report.status))), JSON
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = (("etag", tag), ("cache-control", "private, no-cache"), ("vary", "accept, authorization"))
    if tag in {each.strip() for each in if_none_match.split(",")}:
        return Answer(HTTPStatus.NOT_MODIFIED, b"", headers)
    return Answer(HTTPStatus.OK, body, headers, kind)


def _health_json(report: Report, *, whole: bool) -> dict[str, object]:
    """Write a report as draft-inadarei-api-health-check-06 has it."""
    verdict: dict[str, object] = {"status": word_for(report.status)}
    if not whole:
        return verdict
    checks = {
        outcome.id.replace(".", ":"): [
            {
                "status": word_for(outcome.status),
                "observedValue": outcome.findings[0].value if outcome.findings else outcome.total,
                "observedUnit": outcome.unit or "findings",
                "time": report.taken_at,
                "output": outcome.reason or (outcome.title if outcome.findings else ""),
            }
        ]
        for outcome in report.outcomes
    }
    return {**verdict, "serviceId": report.database, "version": "1", "checks": checks}
