"""The four calls to the API server over real TLS: what each answer means, and that the token is read anew."""

import datetime as dt
import ipaddress
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from model_server.errors import SettingInvalidError, TrainerMissingError, TrainerUnreachableError
from model_server.jobs.cluster.api import ApiServer
from model_server.jobs.cluster.manifest import PodPlan
from model_server.jobs.cluster.runner import KubernetesRunner
from model_server.jobs.job import Order, new_job
from model_server.jobs.plan import Seen, Sight
from model_server.jobs.workspace import Workspace
from model_server.registry.record import Act

JOB = new_job(
    "20261124-120000-abc123", Order("tg", "2.0.0", 1), Act("2026-11-24T12:00:00Z", "ada", "more sugars measured")
)
JOBS = "/apis/batch/v1/namespaces/lab/jobs"
ACCOUNT = "/api/v1/namespaces/lab/serviceaccounts/trainer"
PODS = "/api/v1/namespaces/lab/pods?labelSelector=batch.kubernetes.io/job-name%3Dtrain-20261124-120000-abc123"


def make_certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "api")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


class Cluster(ThreadingHTTPServer):
    """An API server that answers as the test says and remembers what it was asked."""

    daemon_threads = True

    def __init__(self, account):
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(account / "ca.crt", account / "key.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.answers, self.asked = {("GET", ACCOUNT): (200, {"metadata": {"uid": "u-1"}})}, []


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.asked.append((self.command, self.path, self.headers["authorization"], body))
        status, document = self.server.answers.get((self.command, self.path), (404, {"message": "not found"}))
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names that the library calls

    def log_message(self, *_arguments):
        """Stay silent."""


@pytest.fixture
def account(tmp_path):
    make_certificate(tmp_path)
    (tmp_path / "namespace").write_text("lab")
    (tmp_path / "token").write_text("first\n")
    return tmp_path


@pytest.fixture
def cluster(account):
    server = Cluster(account)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def api(cluster, account):
    return ApiServer("127.0.0.1", cluster.server_port, account)


@pytest.fixture
def runner(api):
    return KubernetesRunner(api, PodPlan("trainer:1", "registry-1", "trainer", {"cpu": "1"}, {"cpu": "1"}, 600))


@pytest.fixture
def place(tmp_path):
    return Workspace(tmp_path / "work")


@pytest.mark.parametrize("status", [200, 201, 202, 409])
def test_job_is_created_once_with_the_current_token(cluster, runner, account, place, status):
    cluster.answers["POST", JOBS] = (status, {})
    runner.start(JOB, place)
    (account / "token").write_text("renewed\n")
    runner.start(JOB, place)

    created = [(token, body) for method, _, token, body in cluster.asked if method == "POST"]
    assert [token for token, _ in created] == ["Bearer first", "Bearer renewed"]
    assert created[0][1]["metadata"]["name"] == "train-20261124-120000-abc123"


def test_job_belongs_to_the_account_of_its_pods_so_that_it_goes_with_the_environment(cluster, runner, place):
    cluster.answers["POST", JOBS] = (201, {})
    runner.start(JOB, place)

    (owner,) = cluster.asked[-1][3]["metadata"]["ownerReferences"]
    assert owner == {"apiVersion": "v1", "kind": "ServiceAccount", "name": "trainer", "uid": "u-1"}


@pytest.mark.parametrize("status", [403, 404])
def test_missing_account_is_permanent_and_named(cluster, runner, place, status):
    cluster.answers["GET", ACCOUNT] = (status, {"message": "serviceaccounts trainer is not here"})

    with pytest.raises(TrainerMissingError, match="ServiceAccount trainer"):
        runner.start(JOB, place)
    assert "POST" not in {method for method, *_ in cluster.asked}


@pytest.mark.parametrize("status", [400, 403, 422])
def test_refusal_of_the_cluster_is_permanent_and_in_its_own_words(cluster, runner, place, status):
    cluster.answers["POST", JOBS] = (status, {"message": "denied request: the image is the trainer's"})

    with pytest.raises(TrainerMissingError, match="the image is the trainer's"):
        runner.start(JOB, place)


@pytest.mark.parametrize("answer", [(401, {}), (429, {"message": "slow down"}), (500, {}), (201, b"<html>")])
def test_any_other_answer_is_temporary(cluster, runner, place, answer):
    cluster.answers["POST", JOBS] = answer

    with pytest.raises(TrainerUnreachableError):
        runner.start(JOB, place)


def test_absent_job_is_absent_and_a_living_one_is_deleted_with_its_pods(cluster, runner, place):
    assert runner.look(JOB, place) == Seen(Sight.ABSENT)
    runner.stop(JOB, place, kill=True)
    assert "DELETE" not in {method for method, *_ in cluster.asked}

    name = f"{JOBS}/train-{JOB.id}"
    cluster.answers |= {("GET", name): (200, {}), ("GET", PODS): (200, {"items": []}), ("DELETE", name): (200, {})}
    runner.stop(JOB, place, kill=False)

    method, path, _, body = cluster.asked[-1]
    assert (method, path, body["propagationPolicy"]) == ("DELETE", name, "Foreground")


def test_ended_job_keeps_its_log(cluster, runner, place):
    ended = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    cluster.answers |= {("GET", f"{JOBS}/train-{JOB.id}"): (200, ended), ("GET", PODS): (200, {"items": []})}

    runner.stop(JOB, place, kill=True)

    assert "DELETE" not in {method for method, *_ in cluster.asked}


def test_server_that_is_away_or_not_the_clusters_own_is_temporary(cluster, account, tmp_path, place):
    plan = PodPlan("i", "c", "a", {}, {}, 60)
    with pytest.raises(TrainerUnreachableError, match="does not answer"):
        KubernetesRunner(ApiServer("127.0.0.1", 1, account), plan).look(JOB, place)
    other = tmp_path / "other"
    other.mkdir()
    make_certificate(other)
    for name in ("namespace", "token"):
        (other / name).write_text("x")
    with pytest.raises(TrainerUnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
        KubernetesRunner(ApiServer("127.0.0.1", cluster.server_port, other), plan).look(JOB, place)


def test_pod_without_its_identity_says_what_is_missing(account, place):
    (account / "token").unlink()

    with pytest.raises(SettingInvalidError, match="token of its ServiceAccount"):
        KubernetesRunner(ApiServer("127.0.0.1", 1, account), PodPlan("i", "c", "a", {}, {}, 60)).look(JOB, place)
