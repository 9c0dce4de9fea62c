"""Pages over HTTP: headers, caching, refusals as pages, and answers like those of the API."""

import re

import httpx
import pytest

from model_server.pages.frame import TABS


def assets(html: str) -> list[str]:
    return re.findall(r'(?:src|href)="(/static/[^"]+)"', html)


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server.url) as client:
        yield client


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.title)
def test_every_tab_answers_with_a_strict_policy(client, tab):
    page = client.get(tab.path)

    policy = page.headers["content-security-policy"]
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"


def test_static_files_are_kept_for_ever_under_a_name_of_their_content(client):
    paths = assets(client.get("/").text)
    assert len(paths) >= 4
    for path in paths:
        given = client.get(path)
        assert given.status_code == 200, path
        assert given.headers["cache-control"] == "public, max-age=31536000, immutable"
        again = client.get(path, headers={"if-none-match": given.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_page_of_another_build_gets_todays_files_and_does_not_keep_them(client):
    """During a release the page may come from one colour and its scripts be asked of the other."""
    [path] = [path for path in assets(client.get("/").text) if path.endswith("pages.js")]

    given = client.get(path.replace(path.split("/")[2], "0" * 16))

    assert given.status_code == 200
    assert given.headers["cache-control"] == "no-cache"


def test_packed_file_is_the_same_file(client):
    [path] = [path for path in assets(client.get("/").text) if path.endswith("pages.css")]
    plain = client.get(path, headers={"accept-encoding": "identity"})
    packed = client.get(path, headers={"accept-encoding": "gzip"})

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.content == packed.content


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/models/none", 404, "No such model"),
        ("/models/tg?version=9.9.9", 404, "no such version"),
        ("/static/0/none.js", 404, "there is no file"),
        ("/?smiles=C&smiles=C", 422, "given twice"),
        ("/?" + "&".join(f"a{index}=1" for index in range(200)), 422, "nreadable query"),
        ("/?smiles=%FF", 422, "nreadable query"),
    ],
)
def test_refusal_is_a_page(client, path, status, words):
    page = client.get(path)

    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert words in page.text


def test_what_was_typed_comes_back_as_text(client):
    typed = '"><script>alert(1)</script>{{ 7 * 191 }}'
    page = client.get("/", params={"smiles": typed, "target": typed, "condition-x": typed, "version": typed})

    assert page.status_code == 422
    assert "<script>alert" not in page.text
    assert "1337" not in re.sub(r"/static/\w+/", "", page.text)


def test_pages_are_not_in_the_document_of_the_api(client):
    paths = client.get("/api/v1/openapi.json").json()["paths"]

    assert [
        path
        for path in paths
        if not path.startswith(("/api/", "/v2")) and path not in ("/livez", "/readyz", "/metrics")
    ] == []


def test_pages_are_closed_where_reading_needs_a_token(start_server, models_dir, tmp_path):
    (tmp_path / "token").write_text("t" * 40)
    server = start_server(
        CRYO_MODELS_DIR=str(models_dir),
        CRYO_SERVICE_TOKEN_FILE=str(tmp_path / "token"),
        CRYO_TOKENS_EVERYWHERE="on",
        CRYO_DRAIN_S="0",
    )
    server.wait_until("/readyz", 200)

    page = httpx.get(server.url + "/models")

    assert page.status_code == 401
    assert page.headers["content-type"].startswith("text/html")
