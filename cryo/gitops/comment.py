"""Keeps one comment per stack under a pull request: written once, edited after that."""

from dataclasses import dataclass

import requests

from cryo.errors import PermanentCryoError, TemporaryCryoError

_TIMEOUT_S = 30
_PAGE = 100
_FIRST_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class PullRequest:
    """Where the comment goes.

    Attributes:
        api_url: root of the REST API, such as https://api.github.com.
        repository: owner and name.
        number: of the pull request.
        token: may write comments; given as a header and never told.
    """

    api_url: str
    repository: str
    number: int
    token: str

    def __repr__(self) -> str:
        """Without the token."""
        return f"PullRequest({self.repository}#{self.number})"


def put_comment(pull: PullRequest, mark: str, body: str, http: requests.Session) -> str:
    """Write or edit the comment whose first line is `mark`.

    Args:
        pull: where it goes.
        mark: first line, by which it is found again.
        body: Markdown that begins with the mark.
        http: connection.

    Returns:
        "written" or "edited".

    Raises:
        PermanentCryoError: the host refused.
        TemporaryCryoError: it did not answer, or broke.
    """
    comments = f"{pull.api_url}/repos/{pull.repository}/issues/{pull.number}/comments"
    known = _find(pull, comments, mark, http)
    if known is None:
        _call(pull, http, "POST", comments, body)
        return "written"
    _call(pull, http, "PATCH", f"{pull.api_url}/repos/{pull.repository}/issues/comments/{known}", body)
    return "edited"


def _find(pull: PullRequest, url: str, mark: str, http: requests.Session) -> int | None:
    page = 1
    while True:
        answer = _call(pull, http, "GET", f"{url}?per_page={_PAGE}&page={page}", None)
        comments = answer.json()
        for comment in comments:
            if str(comment["body"]).startswith(mark):
                return int(comment["id"])
        if len(comments) < _PAGE:
            return None
        page += 1


def _call(pull: PullRequest, http: requests.Session, method: str, url: str, body: str | None) -> requests.Response:
    headers = {"Authorization": f"Bearer {pull.token}", "Accept": "application/vnd.github+json"}
    document = None if body is None else {"body": body}
    try:
        answer = http.request(method, url, headers=headers, json=document, timeout=_TIMEOUT_S)
    except requests.RequestException as error:
        message = f"{pull!r}: {pull.api_url} does not answer ({type(error).__name__}); run the job again"
        raise TemporaryCryoError(message) from error
    if answer.ok:
        return answer
    message = f"{pull!r}: {method} {url} answered {answer.status_code}"
    if answer.status_code >= _FIRST_SERVER_ERROR:
        raise TemporaryCryoError(f"{message}; run the job again")
    raise PermanentCryoError(f"{message}; the token needs the right to write to pull requests")
