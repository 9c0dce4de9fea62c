"""The registry in a bucket of a real S3 server over TLS with its own authority: raced, killed, away, and refused."""

import ipaddress
import os
import secrets
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from model_server.errors import RegistryBusyError, RegistryUnreachableError, SettingInvalidError
from model_server.registry.bucket import Access, Bucket, Keeping
from model_server.registry.opening import open_store
from model_server.registry.registry import Place, Registry
from model_server.registry.store import StoreKeyError
from toolchain.build import build_tools
from toolchain.pins import read_tools, select_tools

REGISTRY = "registry"
# A cold machine compiles the server first.
pytestmark = pytest.mark.timeout(900)


class S3Server:
    """One server process on a port of its own; it can be ended and started again on the same data."""

    def __init__(self, folder: Path, argv: list, environment: dict[str, str], port: int) -> None:
        self.folder, self.port, self.endpoint = folder, port, f"https://127.0.0.1:{port}"
        self._argv, self._environment = argv, environment
        self.start()

    def start(self) -> None:
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(self._argv, env=self._environment, stdout=log, stderr=subprocess.STDOUT)
        trusted, end = ssl.create_default_context(cafile=self.folder / "tls.crt"), time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            try:
                httpx.get(self.endpoint, verify=trusted, trust_env=False)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        pytest.fail(f"the S3 server does not answer: {(self.folder / 'log').read_text()}")

    def end(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def keeping(self, prefix: str = "", **changes) -> Keeping:
        access = Access(self.folder / "keys", self.folder / "tls.crt")._replace(**changes)
        return Keeping(None, Bucket(self.endpoint, REGISTRY, prefix), access)


def certify(folder: Path) -> None:
    """Write a certificate for 127.0.0.1 that is its own authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(tz=UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry test")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    (folder / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "tls.key").write_bytes(key.private_bytes(*pem))


def prepare(folder: Path) -> tuple[str, str]:
    (folder / "data" / REGISTRY).mkdir(parents=True)
    (folder / "keys").mkdir()
    pair = "registry", secrets.token_hex(16)
    for name, text in zip(("key-id", "key"), pair, strict=True):
        (folder / "keys" / name).write_text(text + "\n")
    certify(folder)
    return pair


@pytest.fixture(scope="module")
def versity(tmp_path_factory, free_port):
    """Versity S3 Gateway, which honours conditional writes."""
    folder, port = tmp_path_factory.mktemp("versity"), free_port()
    key_id, key = prepare(folder)
    tools = select_tools(read_tools(), frozenset({"tests"}))
    cache = Path(os.environ.get("CRYO_CACHE", "/var/cache/cryoprotect"))
    [built] = [
        path for tool, path in zip(tools, build_tools(tools, cache, print), strict=True) if tool.name == "versitygw"
    ]
    argv = [built / "bin" / "versitygw", f"--port=127.0.0.1:{port}", "--region=us-east-1", "--quiet"]
    argv += [f"--cert={folder / 'tls.crt'}", f"--key={folder / 'tls.key'}", "posix", folder / "data"]
    keys = {"ROOT_ACCESS_KEY": key_id, "ROOT_SECRET_KEY": key}
    server = S3Server(folder, argv, {"PATH": os.environ["PATH"], **keys}, port)
    yield server
    server.end()


@pytest.fixture
def rclone(tmp_path, free_port):
    """rclone's S3 server, which does not."""
    port = free_port()
    key_id, key = prepare(tmp_path)
    argv = [Path(sys.prefix) / "bin" / "rclone", "serve", "s3", tmp_path / "data", "--addr", f"127.0.0.1:{port}"]
    argv += ["--cert", tmp_path / "tls.crt", "--key", tmp_path / "tls.key", "--config", tmp_path / "none.conf"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "RCLONE_AUTH_KEY": f'"{key_id},{key}"'}
    server = S3Server(tmp_path, argv, environment, port)
    yield server
    server.end()


@pytest.fixture
def store(versity, request):
    return open_store(versity.keeping(f"{secrets.token_hex(4)}/cryo"))


def test_what_was_written_is_read_listed_and_deleted(store):
    store.replace("models/tg.json", b"one", expected=None)
    store.create("artefacts/ab/card.json", b"card")

    found = store.read("models/tg.json")

    assert (found.content, found.tag) == (b"one", store.tag("models/tg.json"))
    assert store.keys("models/") == ["models/tg.json"]
    assert store.keys("jobs/") == []
    assert store.read("models/none.json") is store.tag("models/none.json") is None
    store.delete("models/tg.json")
    store.delete("models/tg.json")
    assert store.read("models/tg.json") is None


def test_write_over_something_unseen_is_refused(store):
    store.replace("models/tg.json", b"one", expected=None)
    seen = store.read("models/tg.json").tag
    store.replace("models/tg.json", b"two", expected=seen)

    for expected in (None, seen):
        with pytest.raises(RegistryBusyError, match="changed by somebody else"):
            store.replace("models/tg.json", b"three", expected=expected)
    with pytest.raises(RegistryBusyError):
        store.replace("models/gone.json", b"three", expected=seen)
    assert store.read("models/tg.json").content == b"two"


def test_of_two_writers_of_the_same_words_one_wins(store):
    """Two workers who take the same job in the same second write the same record; one of them may start it."""
    store.replace("jobs/a.json", b"queued", expected=None)
    seen = store.read("jobs/a.json").tag
    store.replace("jobs/a.json", b"running", expected=seen)

    with pytest.raises(RegistryBusyError):
        store.replace("jobs/a.json", b"running", expected=seen)


def test_content_of_a_created_key_never_changes(store):
    store.create("artefacts/ab/card.json", b"one")
    store.create("artefacts/ab/card.json", b"one")

    with pytest.raises(StoreKeyError, match="other content"):
        store.create("artefacts/ab/card.json", b"two")
    with pytest.raises(StoreKeyError):
        store.read("../elsewhere")


def test_no_change_is_lost_when_eight_writers_change_one_key(versity):
    keeping = versity.keeping(secrets.token_hex(4))
    open_store(keeping).replace("models/tg.json", b"0", expected=None)

    def count(_writer: int) -> None:
        store, done = open_store(keeping), 0
        while done < 10:
            found = store.read("models/tg.json")
            try:
                store.replace("models/tg.json", b"%d" % (int(found.content) + 1), expected=found.tag)
            except RegistryBusyError:
                continue
            done += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))

    assert open_store(keeping).read("models/tg.json").content == b"80"


def test_version_is_registered_promoted_and_read_by_another_process(versity, models_dir):
    keeping = versity.keeping(secrets.token_hex(4))
    registry = Registry(Place(models_dir / "none", open_store(keeping)))
    registry.register(models_dir / "tg" / "1.1.0", who="ada", why="a test registers it")
    registry.assign("tg", "champion", "1.1.0", registry.act("ada", "a test promotes it"))

    other = Registry(Place(models_dir / "none", open_store(keeping)))

    assert (other.names(), other.champion("tg")) == (["tg"], "1.1.0")
    assert other.load("tg", "1.1.0").digest == registry.record("tg").versions["1.1.0"].digest


def test_store_that_ignores_conditions_is_refused_with_the_reason(rclone):
    with pytest.raises(SettingInvalidError, match="ignores If-None-Match or If-Match"):
        open_store(rclone.keeping())


def test_wrong_keys_are_told_apart_from_a_store_that_is_away(versity, tmp_path):
    (tmp_path / "key-id").write_text("registry")
    (tmp_path / "key").write_text("wrong")
    nobody = Keeping(None, Bucket("https://127.0.0.1:9", REGISTRY, ""), versity.keeping().access)

    with pytest.raises(SettingInvalidError, match="refuses the keys"):
        open_store(versity.keeping(keys_dir=tmp_path))
    with pytest.raises(SettingInvalidError, match="key-id"):
        open_store(versity.keeping(keys_dir=tmp_path / "none"))
    with pytest.raises(RegistryUnreachableError):
        open_store(versity.keeping(ca=None))
    with pytest.raises(RegistryUnreachableError):
        open_store(nobody)


def test_servers_share_the_bucket_and_answer_while_it_is_away(versity, start_server, models_dir, tmp_path, operator):
    (tmp_path / "token").write_text(operator["authorization"].split()[1])
    settings = {
        "CRYO_MODELS_DIR": str(models_dir),
        "CRYO_MODELS": "tg",
        "CRYO_REGISTRY_S3": f"{versity.endpoint}/{REGISTRY}/{secrets.token_hex(4)}",
        "CRYO_REGISTRY_S3_KEYS": str(versity.folder / "keys"),
        "CRYO_REGISTRY_S3_CA": str(versity.folder / "tls.crt"),
        "CRYO_SERVICE_TOKEN_FILE": str(tmp_path / "token"),
        "CRYO_DRAIN_S": "0",
    }
    servers = [start_server(**settings), start_server(**settings)]
    for server in servers:
        server.wait_until("/readyz", 200)
    change = {"version": "1.0.0", "reason": "a test goes back to it"}
    path = f"{servers[0].url}/api/v1/models/tg/aliases/champion"

    assert httpx.put(path, json=change, headers=operator, timeout=30).status_code == 200
    end = time.monotonic() + 30
    while httpx.get(f"{servers[1].url}/api/v1/models/tg").json()["version"] != "1.0.0" and time.monotonic() < end:
        time.sleep(0.1)
    assert httpx.get(f"{servers[1].url}/api/v1/models/tg").json()["version"] == "1.0.0"

    versity.end()
    try:
        servers[1].wait_until_told("model_server.registry.unreachable", 1, deadline_s=60)
        refused = httpx.put(path, json={**change, "version": "1.1.0"}, headers=operator, timeout=90)
        question = {"target": "tg", "inputs": [{"smiles": "OCC(O)CO"}]}
        answered = httpx.post(f"{servers[1].url}/api/v1/predictions", json=question)
        ready = httpx.get(f"{servers[1].url}/readyz")
    finally:
        versity.start()

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "registry_unreachable")
    assert (answered.status_code, answered.json()["model"]["version"]) == (200, "1.0.0")
    assert ready.status_code == 200
    servers[1].wait_until_told("model_server.registry.reachable", 1, deadline_s=60)
