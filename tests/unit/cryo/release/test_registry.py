"""A tag is turned into a digest by the registry itself; what it does not have is an unknown version."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cryo.release.errors import RegistryUnavailableError, VersionUnknownError
from cryo.release.registry import find_digest

DIGEST = "sha256:" + "a" * 64


class Registry(BaseHTTPRequestHandler):
    """The corner of the distribution API that is asked, with a token as public registries want one."""

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def do_HEAD(self) -> None:
        if self.path.endswith("/broken"):
            self.answer(503, {})
        elif self.headers.get("Authorization") != "Bearer let-me-in":
            realm = f"http://127.0.0.1:{self.server.server_address[1]}/token"
            self.answer(401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="s",scope="repository:team/a:pull"'})
        elif self.path == "/v2/team/a/manifests/0.2.0" and "oci.image.index" in self.headers["Accept"]:
            self.answer(200, {"Docker-Content-Digest": DIGEST})
        else:
            self.answer(404, {})

    def do_GET(self) -> None:
        good = self.path == "/token?service=s&scope=repository%3Ateam%2Fa%3Apull"
        body = b'{"token": "let-me-in"}' if good else b"{}"
        self.answer(200, {"Content-Length": str(len(body))})
        self.wfile.write(body)

    def answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()


@pytest.fixture(scope="module")
def repository():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}/team/a"
    server.shutdown()
    server.server_close()


def test_a_tag_becomes_a_digest(repository: str) -> None:
    assert find_digest(repository, "0.2.0", variables={}, scheme="http") == f"{repository}@{DIGEST}"


def test_an_unknown_version_is_refused_with_what_to_do(repository: str) -> None:
    with pytest.raises(VersionUnknownError, match=r"9\.9\.9: the registry answered 404 .*push that version first"):
        find_digest(repository, "9.9.9", variables={}, scheme="http")


def test_a_registry_in_trouble_is_a_reason_to_try_again(repository: str) -> None:
    with pytest.raises(RegistryUnavailableError, match="answered 503"):
        find_digest(repository, "broken", variables={}, scheme="http")
    with pytest.raises(RegistryUnavailableError, match="no answer"):
        find_digest("127.0.0.1:1/a", "0.2.0", variables={}, scheme="http")
