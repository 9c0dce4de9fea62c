"""After `make up` the platform answers, stands as declared, and says so."""

import json
import re
import subprocess
import time

import httpx
import pytest

GATEWAY = "http://127.0.0.1:8080"
# A target is found within seconds of its pod and scraped every 5 s after that.
SCRAPE_LIMIT_S = 60
GLYCEROL = {"target": "tg", "inputs": [{"smiles": "OCC(O)CO"}]}


@pytest.fixture
def http():
    with httpx.Client(base_url=GATEWAY, timeout=10, trust_env=False) as client:
        yield client


def test_prediction_through_the_gateway_covers_the_measured_value(platform, http):
    """Glycerol's measured Tg is 190 K; the 90 % interval has to hold it."""
    answer = http.post("/api/v1/predictions", json=GLYCEROL)

    assert answer.status_code == httpx.codes.OK
    (prediction,) = answer.json()["predictions"]
    assert prediction["lower"] <= 190 <= prediction["upper"]
    assert answer.headers["x-cryo-colour"] in {"blue", "green"}


def test_bad_molecule_is_one_error_from_the_server_behind_the_gateway(platform, http):
    answer = http.post("/api/v1/predictions", json={"target": "tg", "inputs": [{"smiles": "C1CC"}]})

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert answer.json()["error"]["path"] == "inputs[0].smiles"


def test_pages_open_at_the_gateway_and_draw_what_was_asked(platform, http):
    """Drawing needs libraries that are in the image and not in its Python packages."""
    page = http.get("/", params={"kind": "molecule", "target": "tg", "smiles": "OCC(O)CO"})

    assert page.status_code == httpx.codes.OK
    assert page.text.count("<path d=") > 20
    (script,) = re.findall(r'src="(/static/[^"]+/pages.js)"', page.text)
    assert "immutable" in http.get(script).headers["cache-control"]


def test_migrations_are_applied_and_their_tables_are_there(platform):
    tables = platform.sql("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")

    assert int(tables) >= 15


def test_prometheus_scrapes_both_colours(platform):
    query = {"query": 'count by (colour) (up{colour=~"blue|green"} == 1)'}
    found = set()
    deadline = time.monotonic() + SCRAPE_LIMIT_S
    while found != {"blue", "green"} and time.monotonic() < deadline:
        answer = httpx.get(f"{GATEWAY}/api/v1/query", params=query, headers={"host": "prometheus.localhost"})
        found = {series["metric"]["colour"] for series in answer.json()["data"]["result"]}
        time.sleep(1)

    assert found == {"blue", "green"}


def test_status_says_that_all_is_well_and_names_every_process(platform):
    status = json.loads(platform.cryo("status", "--json").stdout)

    assert status["well"] is True
    assert {process["name"] for process in status["processes"]} >= {"etcd", "kube-apiserver", "containerd", "kubelet"}
    assert sum(status["weights"]["model-server"].values()) > 0


def test_control_plane_and_node_stay_below_their_memory_limit(platform):
    assert json.loads(platform.cryo("status", "--json").stdout)["memory_bytes"] < 1_500_000_000


def test_pods_run_without_root_and_without_a_writable_root_filesystem(platform):
    pods = json.loads(platform.kubectl("get", "pods", "-n", "cryoprotect", "-o", "json"))["items"]

    assert pods
    for pod in pods:
        for container in pod["spec"]["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True, pod["metadata"]["name"]
            assert context["allowPrivilegeEscalation"] is False, pod["metadata"]["name"]
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True, pod["metadata"]["name"]


def test_no_secret_stands_in_the_state_in_plain_text(platform):
    password = platform.kubectl(
        "exec", "-n", "cryoprotect", "postgres-0", "--", "cat", "/run/secrets/postgres/password"
    ).strip()  # fmt: skip
    exported = platform.pulumi("stack", "export", "--file", "/dev/stderr").stderr

    assert len(password) >= 20
    assert '"type"' in exported
    assert password not in exported


def test_urls_prints_a_request_that_works_as_it_stands(platform):
    line = next(line for line in platform.cryo("urls").stdout.splitlines() if line.startswith("try"))
    done = subprocess.run(["bash", "-c", line.removeprefix("try").strip()], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["target"] == "tg"


@pytest.mark.parametrize("name", ["kubelet", "model-server"])
def test_logs_of_a_process_and_of_an_app_are_one_command_away(platform, name):
    assert platform.cryo("logs", name, "--lines", "3").stdout.strip()
