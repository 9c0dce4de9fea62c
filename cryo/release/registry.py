"""Asks a registry which content a tag stands for, so that Git names the content and not the tag.

Cited: OCI distribution specification 1.1, "Checking if content exists in the registry"; its token flow is that of
Docker's registry ("Token Authentication Specification").
"""

import re
from collections.abc import Mapping
from http import HTTPStatus

import requests

from cryo.release.errors import RegistryUnavailableError, VersionUnknownError
from infra.images import REGISTRY_PASSWORD, REGISTRY_USER

_TIMEOUT_S = 10.0
_KINDS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


def find_digest(repository: str, tag: str, *, variables: Mapping[str, str], scheme: str = "https") -> str:
    """Return the reference with digest of a tag.

    Args:
        repository: registry and name, without tag and digest.
        tag: the version.
        variables: CRYO_REGISTRY_USER and CRYO_REGISTRY_PASSWORD, where the registry wants them.
        scheme: https; a test's registry speaks http.

    Raises:
        VersionUnknownError: the registry does not have it, or does not let us see it.
        RegistryUnavailableError: it does not answer.
    """
    host, name = repository.split("/", maxsplit=1)
    url = f"{scheme}://{host}/v2/{name}/manifests/{tag}"
    user, password = variables.get(REGISTRY_USER), variables.get(REGISTRY_PASSWORD)
    with requests.Session() as session:
        session.headers["Accept"] = ", ".join(_KINDS)
        login = (user, password) if user and password else None
        answer = _ask(session, "HEAD", url)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            _log_in(session, answer.headers.get("WWW-Authenticate", ""), login)
            answer = _ask(session, "HEAD", url)
    digest = answer.headers.get("Docker-Content-Digest", "")
    if answer.status_code != HTTPStatus.OK or not _DIGEST.fullmatch(digest):
        message = (
            f"{repository}:{tag}: the registry answered {answer.status_code} and no digest; push that version first, "
            f"name another, or set {REGISTRY_USER} and {REGISTRY_PASSWORD}; nothing was changed"
        )
        raise VersionUnknownError(message)
    return f"{repository}@{digest}"


def _log_in(session: requests.Session, challenge: str, login: tuple[str, str] | None) -> None:
    """Answer a challenge: Basic by name and password, Bearer by a token that may need neither."""
    facts = dict(_CHALLENGE.findall(challenge))
    if not challenge.lower().startswith("bearer") or "realm" not in facts:
        session.auth = login
        return
    wanted = {key: facts[key] for key in ("service", "scope") if key in facts}
    answer = _ask(session, "GET", facts["realm"], params=wanted, auth=login)
    try:
        found = answer.json()
        session.headers["Authorization"] = f"Bearer {found.get('token') or found['access_token']}"
    except (ValueError, KeyError, AttributeError) as error:
        message = f"{facts['realm']}: gave no token ({answer.status_code}); check {REGISTRY_USER}; nothing was changed"
        raise VersionUnknownError(message) from error


def _ask(
    session: requests.Session,
    method: str,
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
) -> requests.Response:
    try:
        answer = session.request(method, url, params=params, auth=auth, timeout=_TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as error:
        message = f"{url}: no answer ({type(error).__name__}); try again, or name the image with --image"
        raise RegistryUnavailableError(message) from error
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        message = f"{url}: answered {answer.status_code}; try again, or name the image with --image"
        raise RegistryUnavailableError(message)
    return answer
