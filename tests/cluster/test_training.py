"""In the cluster: data is pushed, a Job trains, the version appears, is promoted, and both colours serve it.

The data sets are not part of the repository; without CRYO_DATA_DIR only the admission policy is tested.
"""

import copy
import json
import os
import re
import time
from pathlib import Path

import httpx
import pytest

from model_server.jobs.cluster.manifest import PodPlan, build_job
from model_server.jobs.job import Order, new_job
from model_server.registry.record import Act

ROOT = Path(__file__).resolve().parents[2]
GATEWAY = "http://127.0.0.1:8080"
JOBS = "/api/v1/training-jobs"
SERVER = "system:serviceaccount:cryoprotect:model-server"
NAMESPACE = ("-n", "cryoprotect")
# Chosen: 30 s of processor time at half a core beside the rest of the platform, and the start of a pod.
PATIENCE_S = 480.0
GLYCINE = {"target": "iri-amino", "inputs": [{"smiles": "NCC(=O)O"}]}


@pytest.fixture
def data_dir():
    for candidate in (os.environ.get("CRYO_DATA_DIR"), ROOT.parent / "shared" / "data"):
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    pytest.skip("no data folder: set CRYO_DATA_DIR to train in the cluster")


@pytest.fixture
def token(platform, tmp_path):
    """The operator's token, as a person gets it."""
    path = tmp_path / "token"
    platform.cryo("token", "--file", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_text().strip()


@pytest.fixture
def http(token):
    with httpx.Client(
        base_url=GATEWAY, headers={"authorization": f"Bearer {token}"}, timeout=30, trust_env=False
    ) as client:
        yield client


def next_version(http) -> str:
    """The platform outlives the test, so each run makes another version."""
    listing = http.get("/api/v1/models/iri-amino/versions").json()["versions"]
    newest = max(int(entry["version"].split(".")[1]) for entry in listing)
    return f"9.{newest + 1}.0"


def wait_for(http, job_id, *states, patience_s=PATIENCE_S):
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        job = http.get(f"{JOBS}/{job_id}").json()
        if job["state"] in states:
            return job
        time.sleep(0.5)
    pytest.fail(f"{job_id} is not {states} after {patience_s:.0f} s: {job}")


def order(http, version):
    body = {"model": "iri-amino", "version": version, "reason": "a cluster test orders this"}
    reply = http.post(JOBS, json=body)
    assert reply.status_code == 202, reply.text
    return reply.json()["id"]


def answers_of(platform, colour):
    """Ask one colour itself, past the gateway."""
    path = f"/api/v1/namespaces/cryoprotect/services/model-server-{colour}:http/proxy/api/v1/models/iri-amino"
    return json.loads(platform.kubectl("get", "--raw", path))


def test_version_trained_in_a_job_is_served_by_both_colours_once_promoted(platform, http, data_dir):
    said = platform.cryo("data", "push", "--data-dir", str(data_dir)).stdout
    assert re.search(r"^iri_amino: (pushed|present)$", said, flags=re.MULTILINE)
    version = next_version(http)

    job = wait_for(http, order(http, version), "succeeded", "failed", "cancelled")

    assert (job["state"], job["error"]) == ("succeeded", None)
    listing = {e["version"]: e for e in http.get("/api/v1/models/iri-amino/versions").json()["versions"]}
    assert (listing[version]["digest"], listing[version]["aliases"]) == (job["digest"], [])
    card = http.get(f"/api/v1/models/iri-amino/versions/{version}").json()
    assert card["model"]["version"] == version
    promotion = {"version": version, "reason": "a cluster test promotes it", "override": True}
    reply = http.put("/api/v1/models/iri-amino/aliases/champion", json=promotion)
    assert reply.status_code == 200, reply.text
    deadline = time.monotonic() + 30
    served = {}
    while time.monotonic() < deadline and set(served.values()) != {version}:
        served = {colour: answers_of(platform, colour)["version"] for colour in ("blue", "green")}
        time.sleep(0.5)
    assert served == {"blue": version, "green": version}
    assert http.post("/api/v1/predictions", json=GLYCINE).json()["model"]["version"] == version


def test_job_whose_pod_is_killed_fails_and_registers_nothing(platform, http, data_dir):
    platform.cryo("data", "push", "--data-dir", str(data_dir))
    version = next_version(http)
    job_id = order(http, version)
    selector = (*NAMESPACE, f"--selector=batch.kubernetes.io/job-name=train-{job_id}")
    end = time.monotonic() + 120
    while time.monotonic() < end and "Running" not in platform.kubectl("get", "pods", *selector, "--no-headers"):
        time.sleep(0.5)

    platform.kubectl("delete", "pods", *selector, "--grace-period=0", "--force")

    job = wait_for(http, job_id, "failed", "succeeded", patience_s=120)
    assert job["state"] == "failed"
    assert job["error"]
    assert version not in {e["version"] for e in http.get("/api/v1/models/iri-amino/versions").json()["versions"]}


def test_cancelled_job_is_gone_from_the_cluster(platform, http, data_dir):
    platform.cryo("data", "push", "--data-dir", str(data_dir))
    job_id = order(http, next_version(http))
    wait_for(http, job_id, "running")

    assert http.request("DELETE", f"{JOBS}/{job_id}", json={"reason": "a cluster test cancels it"}).status_code == 200

    assert wait_for(http, job_id, "cancelled", "failed", "succeeded", patience_s=120)["state"] == "cancelled"
    assert f"train-{job_id}" not in platform.kubectl("get", "jobs", *NAMESPACE, "-o", "name")


@pytest.fixture(scope="module")
def manifest(platform):
    """A Job as this cluster's server would create it."""
    settings = json.loads(platform.kubectl("get", "configmaps", *NAMESPACE, "-o", "json"))["items"]
    (data, *_) = [item["data"] for item in settings if "CRYO_TRAINER_IMAGE" in item.get("data", {})]
    plan = PodPlan(
        image=data["CRYO_TRAINER_IMAGE"],
        claim=data["CRYO_TRAINER_CLAIM"],
        account=data["CRYO_TRAINER_ACCOUNT"],
        requests={"cpu": "50m", "memory": "64Mi"},
        limits={"cpu": "1", "memory": "1Gi"},
        deadline_s=int(data["CRYO_TRAINER_DEADLINE_S"]),
    )
    asked = Act("2026-11-24T12:00:00Z", "test", "never created")
    return build_job(new_job("20261124-120000-abc123", Order("iri-amino", "9.9.9", 1), asked), plan, account_uid="u-1")


def dry_run(platform, tmp_path, manifest) -> str:
    """Ask the API server to create it as the model server, without creating it; return why not."""
    path = tmp_path / "job.json"
    path.write_text(json.dumps(manifest))
    try:
        platform.kubectl("create", *NAMESPACE, "--dry-run=server", f"--as={SERVER}", "-f", str(path))
    except AssertionError as error:
        return str(error)
    return ""


def changed(manifest, path, value):
    """Return a copy with one thing changed."""
    made = copy.deepcopy(manifest)
    place = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return made


POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
REGISTRY_VOLUME = {"name": "registry", "persistentVolumeClaim": {"claimName": "data-postgres-0"}}
FORBIDDEN = [
    pytest.param((*CONTAINER, "image"), "docker.io/library/busybox:1.36", "the image is the trainer's", id="image"),
    pytest.param((*CONTAINER, "args"), ["-c", "print(1)", "x"], "the program is model_server.train", id="program"),
    pytest.param((*CONTAINER, "command"), ["/usr/bin/python3"], "the program is model_server.train", id="command"),
    pytest.param(
        (*CONTAINER, "env"),
        [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "postgres-password", "key": "password"}}}],
        "there are no variables",
        id="secret-as-variable",
    ),
    pytest.param((*POD, "serviceAccountName"), "release", "the pod has no identity", id="other-account"),
    pytest.param((*POD, "automountServiceAccountToken"), True, "the pod has no identity", id="token"),
    pytest.param((*POD, "hostNetwork"), True, "shares nothing with its node", id="host-network"),
    pytest.param(
        (*POD, "volumes", 1),
        {"name": "tmp", "secret": {"secretName": "x"}},
        "the volumes are the registry's",
        id="secret",
    ),
    pytest.param(
        (*POD, "volumes", 1),
        {"name": "tmp", "hostPath": {"path": "/"}},
        "the volumes are the registry's",
        id="host-path",
    ),
    pytest.param((*POD, "volumes", 0), REGISTRY_VOLUME, "the volumes are the registry's", id="database-volume"),
    pytest.param((*CONTAINER, "volumeMounts", 1, "subPath"), "models", "its own folder", id="registry-records"),
    pytest.param((*CONTAINER, "volumeMounts", 0, "readOnly"), False, "its own folder", id="data-writable"),
    pytest.param(
        (*CONTAINER, "securityContext", "readOnlyRootFilesystem"), False, "has no privilege", id="writable-root"
    ),
    pytest.param(
        ("spec", "template", "metadata", "labels", "app.kubernetes.io/name"), "model-server", "labelled", id="labels"
    ),
    pytest.param(("spec", "activeDeadlineSeconds"), 999_999, "one pod that ends", id="deadline"),
    pytest.param(("spec", "parallelism"), 50, "one pod that ends", id="many-pods"),
    pytest.param(("metadata", "name"), "anything", "its name is", id="name"),
]


def test_job_of_the_servers_own_shape_is_let_in(platform, tmp_path, manifest):
    assert dry_run(platform, tmp_path, manifest) == ""


@pytest.mark.parametrize(("path", "value", "message"), FORBIDDEN)
def test_anything_else_is_refused_to_the_model_server(platform, tmp_path, manifest, *, path, value, message):
    assert message in dry_run(platform, tmp_path, changed(manifest, path, value))


def test_model_server_may_not_delete_another_job(platform):
    jobs = platform.kubectl("get", "jobs", *NAMESPACE, "-o", "name", "-l", "app.kubernetes.io/name=migrate")

    with pytest.raises(AssertionError, match="deletes training Jobs only"):
        platform.kubectl("delete", *NAMESPACE, "--dry-run=server", f"--as={SERVER}", jobs.splitlines()[0])


def test_model_server_may_do_nothing_else_in_its_namespace(platform):
    listing = platform.kubectl("auth", "can-i", "--list", *NAMESPACE, f"--as={SERVER}")

    found = re.findall(r"^([a-z][\w.]*) .*\[([a-z ]*)\]\s*$", listing, flags=re.MULTILINE)
    rights = {kind: set(verbs.split()) for kind, verbs in found if not kind.startswith("selfsubject")}
    # The account of training pods, and no other: its uid goes into the Jobs that it owns.
    assert rights.pop("serviceaccounts") == {"get"}
    assert re.search(r"^serviceaccounts +\[\] +\[trainer\]", listing, flags=re.MULTILINE), listing
    assert rights == {"jobs.batch": {"get", "create", "delete"}, "pods": {"get", "list"}}
