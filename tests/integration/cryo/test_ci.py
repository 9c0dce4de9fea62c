"""The host's two services are real HTTP servers here: one that keeps comments, one that hands out identities."""

import json
import secrets
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import yaml

from cryo.errors import PermanentCryoError, TemporaryCryoError
from cryo.gitops.cluster_access import ClusterAddress, fetch_token, read_address, write_kubeconfig
from cryo.gitops.comment import PullRequest, put_comment

TOKEN = secrets.token_urlsafe()
MARK = "<!-- cryo-preview:staging -->"
ADDRESS = ClusterAddress("https://192.0.2.1:6443", "Y2E=", "cryo-staging", "cryo cluster")


class Host(BaseHTTPRequestHandler):
    def answer(self, status, document):
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def read(self):
        return json.loads(self.rfile.read(int(self.headers["content-length"])))

    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        if self.headers["authorization"] != f"Bearer {TOKEN}":
            self.answer(401, {})
        elif "audience" in query:
            self.answer(200, {"value": f"identity for {query['audience'][0]}"})
        else:
            size, page = int(query["per_page"][0]), int(query["page"][0])
            self.answer(200, self.server.comments[(page - 1) * size : page * size])

    def do_POST(self):
        self.server.comments.append({"id": len(self.server.comments), **self.read()})
        self.answer(201, {})

    def do_PATCH(self):
        self.server.comments[int(self.path.rsplit("/", 1)[1])].update(self.read())
        self.answer(200, {})

    def log_message(self, *_):
        """A test prints nothing of its own."""


@pytest.fixture
def host():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    server.comments = []
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def http():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def pull(host, token=TOKEN):
    return PullRequest(host.url, "o/r", 7, token)


@pytest.mark.parametrize("others", [0, 3, 100, 250])
def test_the_second_preview_edits_the_first_one_on_whatever_page_it_is(host, http, others):
    host.comments += [{"id": number, "body": f"talk about {MARK}"} for number in range(others)]

    assert put_comment(pull(host), MARK, f"{MARK}\nfirst", http) == "written"
    assert put_comment(pull(host), MARK, f"{MARK}\nsecond", http) == "edited"
    assert [each["body"] for each in host.comments[others:]] == [f"{MARK}\nsecond"]


def test_a_refused_comment_says_which_right_is_missing_and_not_the_token(host, http):
    wrong = secrets.token_urlsafe()

    with pytest.raises(PermanentCryoError, match="right to write") as refused:
        put_comment(pull(host, wrong), MARK, MARK, http)

    assert wrong not in str(refused.value)


def test_a_host_that_does_not_answer_is_tried_again_later(http):
    nowhere = PullRequest("http://127.0.0.1:9", "o/r", 7, TOKEN)

    with pytest.raises(TemporaryCryoError, match="run the job again"):
        put_comment(nowhere, MARK, MARK, http)


def test_a_run_gets_its_identity_for_the_cluster_alone(host, http):
    variables = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{host.url}/token?v=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": TOKEN}

    assert fetch_token(variables, ADDRESS.audience, http) == "identity for cryo cluster"


@pytest.mark.parametrize(
    ("variables", "said"),
    [({}, "id-token: write"), ({"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong"}, "answered 401")],
)
def test_a_run_without_the_right_is_told_which_one(host, http, variables, said):
    given = variables and {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{host.url}/token?v=1", **variables}

    with pytest.raises(PermanentCryoError, match=said):
        fetch_token(given, ADDRESS.audience, http)


def test_the_kubeconfig_is_private_and_names_the_cluster(tmp_path):
    path = tmp_path / "new" / "kubeconfig"

    write_kubeconfig(path, ADDRESS, TOKEN)

    document = yaml.safe_load(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert document["current-context"] == "cryo-staging"
    assert document["clusters"][0]["cluster"]["server"] == ADDRESS.server
    assert document["users"][0]["user"] == {"token": TOKEN}


def test_an_address_that_is_not_whole_names_what_is_missing():
    with pytest.raises(PermanentCryoError, match="CRYO_CLUSTER_CA, CRYO_CLUSTER_AUDIENCE: not set"):
        read_address({"CRYO_CLUSTER_SERVER": "x", "CRYO_KUBE_CONTEXT": "y"})
