"""A release in steps on the real platform: a good one passes, one whose canary fails 5 % of its requests goes back."""

import json
import time

import pytest

OTHER = {"blue": "green", "green": "blue"}
NAMESPACE = ("-n", "cryoprotect")
FAULTY_SHARE = 0.1
# A second pod behind the colour's Service, made of the agents' image, that answers for the real one and fails a tenth
# of what it gets: with half of the connections, about one request in twenty fails.
PROXY = """
import random, sys, http.client
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Faulty(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if "predictions" in self.path and random.random() < float(sys.argv[2]):
            status, headers, answer = 500, [], b"{}"
        else:
            way = http.client.HTTPConnection(sys.argv[1], 8080, timeout=10)
            given = {k: v for k, v in self.headers.items() if k.lower() in ("content-type", "accept")}
            way.request(self.command, self.path, body, given)
            got = way.getresponse()
            status, headers, answer = got.status, got.getheaders(), got.read()
            way.close()
        self.send_response(status)
        for key, value in headers:
            if key.lower() in ("content-type", "x-cryo-colour", "x-cryo-version"):
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    do_POST = do_GET
ThreadingHTTPServer(("0.0.0.0", 8080), Faulty).serve_forever()
"""


def read_record(platform) -> dict[str, object]:
    text = platform.kubectl(
        *NAMESPACE, "get", "configmap", "release-model-server", "-o", "jsonpath={.data.record\\.json}"
    )
    return dict(json.loads(text))


def weights(platform) -> dict[str, int]:
    route = json.loads(platform.kubectl(*NAMESPACE, "get", "httproute", "model-server", "-o", "json"))
    return {each["name"].rsplit("-", 1)[1]: each["weight"] for each in route["spec"]["rules"][0]["backendRefs"]}


def set_active(environments, colour: str) -> None:
    path = environments / "local.yaml"
    path.write_text(path.read_text().replace(f"active: {OTHER[colour]}", f"active: {colour}"))


@pytest.fixture
def live(platform) -> str:
    return max(weights(platform).items(), key=lambda each: each[1])[0]


@pytest.fixture
def faulty_pod(platform, live):
    colour = OTHER[live]
    found = platform.kubectl(*NAMESPACE, "get", "pods", "-l", f"cryoprotect.io/color={colour}", "-o", "json")
    (pod,) = json.loads(found)["items"]
    job = json.loads(platform.kubectl(*NAMESPACE, "get", "jobs", "-l", "app.kubernetes.io/name=migrate", "-o", "json"))
    image = job["items"][0]["spec"]["template"]["spec"]["containers"][0]["image"]
    container = {
        "name": "proxy",
        "image": image,
        "command": ["/usr/bin/python3", "-c", PROXY, pod["status"]["podIP"], str(FAULTY_SHARE)],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "readinessProbe": {"httpGet": {"path": "/livez", "port": 8080}, "periodSeconds": 1},
    }
    labels = {"app.kubernetes.io/name": "model-server", "cryoprotect.io/color": colour}
    overrides = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    platform.kubectl(
        *NAMESPACE, "run", "faulty", f"--image={image}", "--restart=Never", f"--overrides={json.dumps(overrides)}"
    )
    try:
        platform.kubectl(*NAMESPACE, "wait", "--for=condition=Ready", "pod/faulty", "--timeout=60s")
        yield
    finally:
        platform.kubectl(*NAMESPACE, "delete", "pod", "faulty", "--now")


def test_good_release_goes_through_every_step_of_its_environment(platform, environments, live):
    set_active(environments, OTHER[live])
    try:
        platform.pulumi("up", "--yes", "--skip-preview", environments=environments)

        record = read_record(platform)
        shares = [(step["phase"], step["share"]) for step in record["transitions"] if step["share"]]
        assert shares == [
            *(("shifting", 50), ("watching", 50), ("shifting", 100), ("promoted", 100), ("settled", 100)),
        ]
        assert weights(platform) == {live: 0, OTHER[live]: 100}
        history = platform.sql("select phase, to_colour from release_history order by started_at desc limit 1")
        assert history == f"promoted|{OTHER[live]}"
    finally:
        set_active(environments, live)
        platform.pulumi("up", "--yes", "--skip-preview", environments=environments)


@pytest.mark.usefixtures("faulty_pod")
def test_canary_that_fails_one_request_in_twenty_loses_its_traffic_and_the_update_is_red(platform, environments, live):
    path = environments / "local.yaml"
    path.write_text(path.read_text().replace("minimum_requests: 300", "minimum_requests: 1500"))
    set_active(environments, OTHER[live])
    began = time.monotonic()

    done = platform.pulumi("up", "--yes", "--skip-preview", environments=environments, check=False)

    record = read_record(platform)
    assert done.returncode != 0
    assert time.monotonic() - began < 150
    assert weights(platform) == {live: 100, OTHER[live]: 0}
    assert record["phase"] == "rolled_back"
    assert "failed requests of" in record["reasons"][0]
    assert "failed requests of" in done.stdout + done.stderr
    again = platform.pulumi("up", "--yes", "--skip-preview", environments=environments, check=False)
    assert again.returncode != 0
    assert f"cryo release retry {record['release_id']}" in again.stderr
    assert read_record(platform) == record
    told = platform.kubectl(*NAMESPACE, "get", "events", "--field-selector", "reason=ReleaseRolledBack", "-o", "name")
    assert f"model-server.{record['release_id']}".lower() in told
    page = platform.cryo("release", "page", "--env", "local").stdout
    assert "rolled back: failed requests of" in page

    platform.cryo("release", "revert", "--env", "local", "--no-commit", environments=environments)

    assert f"active: {live}" in path.read_text()
    path.write_text(path.read_text().replace("minimum_requests: 1500", "minimum_requests: 300"))
    platform.pulumi("up", "--yes", "--skip-preview", environments=environments)
    platform.cryo("release", "retry", str(record["release_id"]))
