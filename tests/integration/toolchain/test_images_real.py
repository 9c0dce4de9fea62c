"""The images that ship: what is in their archives, and PostgreSQL's first start in a real container.

The archives come from CRYO_CACHE, where `cryo up` left them; missing or outdated ones are built first, which takes two
minutes.
"""

import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from toolchain.images import BuildRequest, Containerd, build_images, load_images
from toolchain.images.archive import read_archive
from toolchain.images.index import ImageIndex
from toolchain.images.load import list_references
from toolchain.images.spec import SPECS
from toolchain.images.verify import find_problems

NAMES = ("agents", "backup", "model-server", "object-store", "trainer", "postgres", "gateway")
NAMESPACE = "cryo-images-test"  # not the cluster's, so that nothing of it is touched
CGROUPS = Path("/sys/fs/cgroup")
PHRASE = "correct horse"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    # Nothing else is a reason to skip: a missing tool must be red, or nobody notices that images were never tested.
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]


@pytest.fixture(scope="module")
def index():
    cache = Path(os.environ.get("CRYO_CACHE") or "/var/cache/cryoprotect")
    built = build_images(BuildRequest(Path(__file__).parents[3], cache, names=NAMES), print)
    return ImageIndex({name: built.images[name] for name in NAMES})


@pytest.fixture(scope="module")
def archived(index):
    return {name: read_archive(image.archive) for name, image in index.images.items()}


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_the_promises_of_all_images(archived, name):
    assert find_problems(SPECS[name], archived[name]) == ()


@pytest.mark.parametrize("name", ["agents", "model-server", "trainer", "gateway"])
def test_it_holds_no_shell_and_no_package_manager(archived, name):
    programs = {Path(path).name for path in archived[name].files if re.match(r"(usr/)?s?bin/", path)}

    assert programs.isdisjoint({"sh", "bash", "dash", "busybox", "apt-get", "dpkg", "perl", "mawk"})


def test_the_model_server_holds_no_training_package(archived):
    packages = {path.split("/")[3] for path in archived["model-server"].files if path.startswith("opt/app/site/")}

    assert {"onnxruntime", "rdkit", "numpy", "httptools"} <= packages
    assert packages.isdisjoint({"sklearn", "skl2onnx", "onnx", "scipy", "pip"})
    assert not [path for path in archived["model-server"].files if path.startswith("opt/app/model_server/train")]


def test_the_trainer_holds_what_trains_and_neither_server_nor_data(archived):
    files = archived["trainer"].files
    packages = {path.split("/")[3] for path in files if path.startswith("opt/app/site/")}

    assert {"sklearn", "skl2onnx", "onnxruntime", "rdkit"} <= packages
    assert packages.isdisjoint({"httptools", "uvloop", "kubernetes", "pip"})
    assert not [path for path in files if path.startswith(("opt/app/model_server/serve", "opt/app/model_server/pages"))]
    assert not [path for path in files if path.startswith("opt/app/model_server/") and path.endswith((".csv", ".onnx"))]


@pytest.mark.parametrize(
    ("name", "limit_mb"),
    [
        ("agents", 240),
        ("model-server", 400),
        ("trainer", 620),
        ("postgres", 130),
        ("gateway", 200),
        ("backup", 340),
        ("object-store", 130),
    ],
)
def test_it_stays_small(archived, name, limit_mb):
    """Limits: measured (agents 213 MB, of which zstandard and cryptography for dumps are 40, model-server 348, trainer
    566, postgres 103, gateway 185, backup 284, object-store 102) and room.
    """
    assert archived[name].unpacked_bytes < limit_mb * 1e6


@pytest.mark.parametrize("name", ["agents", "backup", "model-server"])
def test_python_code_is_compiled_for_good(archived, name):
    """It should ship compiled files, because a read-only root cannot cache them and each start would compile again."""
    files = archived[name].files
    sources = [path for path in files if re.match(r"opt/app/(agents|model_server)/.*\.py$", path)]
    compiled = {re.sub(r"__pycache__/(.*)\.cpython-313\.pyc$", r"\1.py", path) for path in files}

    assert sources
    assert set(sources) <= compiled


@pytest.fixture(scope="module")
def containerd(index):
    folder = Path(tempfile.mkdtemp(prefix="cryo-images-", dir="/run"))
    configuration = folder / "config.toml"
    configuration.write_text(
        f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\n  address = "{folder}/sock"\n'
    )
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(["containerd", "--config", str(configuration)], stdout=log, stderr=log)
    where = Containerd(folder / "sock", folder / "ctr.log", namespace=NAMESPACE)
    try:
        deadline = time.monotonic() + 20
        while not where.socket.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        loaded = load_images(index, where, print)
        assert set(loaded) == {image.ref for image in index.images.values()}
        yield where
    finally:
        server.terminate()
        server.wait(20)
        for mount in [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()][::-1]:
            if mount.startswith(str(folder)):
                subprocess.run(["umount", "--lazy", mount], check=True)
        shutil.rmtree(folder)
        for group in (*CGROUPS.glob(NAMESPACE), *CGROUPS.glob(f"*/{NAMESPACE}")):
            group.rmdir()


def ctr(containerd, *arguments, check=True):
    return subprocess.run(
        ["ctr", "--address", str(containerd.socket), "--namespace", containerd.namespace, *arguments],
        capture_output=True, text=True, check=check, timeout=120,
    )  # fmt: skip


def test_loaded_images_have_their_exact_names_and_are_not_loaded_twice(containerd, index):
    assert {image.ref for image in index.images.values()} <= list_references(containerd)
    assert load_images(index, containerd, print) == ()


def test_the_digest_in_containerd_is_the_one_of_the_index(containerd, index):
    listed = ctr(containerd, "images", "list").stdout

    for image in index.images.values():
        assert re.search(rf"{re.escape(image.ref)}\s.*{image.digest}", listed)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("agents", "import agents.migrate, agents.release, kubernetes.client, psycopg, ssl, zoneinfo"),
        (
            "model-server",
            "import model_server.serve, httptools, uvloop, msgspec, numpy, onnxruntime, rdkit.Chem.AllChem",
        ),
    ],
)
def test_python_images_import_what_they_run_on_a_read_only_root(containerd, index, name, code):
    check = f"import os, sys; {code}; print(os.getuid(), sys.version_info[:2], os.access('/', os.W_OK))"

    image = index.images[name].ref
    result = ctr(containerd, "run", "--rm", "--read-only", image, f"import-{name}", "/usr/bin/python3", "-c", check)

    assert result.stdout.split("\n")[-2] == "65532 (3, 13) False"


def test_the_gateway_runs_without_a_shell(containerd, index):
    image = index.images["gateway"].ref

    assert (
        "3.7"
        in ctr(containerd, "run", "--rm", "--read-only", image, "gateway", "/usr/local/bin/traefik", "version").stdout
    )


class Postgres:
    """One database container on a volume that outlives it."""

    def __init__(self, containerd, image, folder):
        self.containerd, self.image, self.folder = containerd, image, folder
        # A temporary folder's name may end in an underscore, and containerd refuses such an identifier.
        self.name = f"pg-{secrets.token_hex(6)}"
        self.starts = 0

    @property
    def data(self):
        return self.folder / "data" / "pgdata"

    def start(self, *arguments):
        log = ("--detach", "--log-uri", f"file://{self.folder}/log")
        self._run(*log, check=True, arguments=arguments)

    def refuse(self):
        """Start it and wait for its end; returns what it said.

        Not by way of the log: another process copies it there, and loses the last line of one that ends at once.
        """
        done = self._run("--rm", check=False, arguments=())
        assert done.returncode != 0
        return done.stdout + done.stderr

    def _run(self, *options, check, arguments):
        mounts = []
        for source, target, mode in (
            ("data", "/var/lib/postgresql/data", "rw"),
            ("secret", "/run/secrets/postgres", "ro"),
            ("run", "/var/run/postgresql", "rw"),
            ("tmp", "/tmp", "rw"),  # noqa: S108 - the path inside the container
        ):
            mounts += ["--mount", f"type=bind,src={self.folder}/{source},dst={target},options=rbind:{mode}"]
        self.starts += 1
        return ctr(
            self.containerd, "run", *options, "--read-only", *mounts, self.image, self.name,
            "/usr/local/bin/start-postgres", *arguments, check=check,
        )  # fmt: skip

    def execute(self, *argv, check=True):
        self.starts += 1
        return ctr(
            self.containerd,
            "task",
            "exec",
            "--exec-id",
            f"e{self.starts}",
            "--user",
            "999",
            self.name,
            *argv,
            check=check,
        )

    def query(self, sql, phrase=PHRASE):
        shell = f"PGPASSWORD='{phrase}' psql -h 127.0.0.1 -U postgres -d cryoprotect -Atc \"$0\""
        return self.execute("/usr/bin/sh", "-c", shell, sql, check=False)

    def wait_until_ready(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = self.query("select 1")
            if answer.stdout.strip() == "1":
                return
            time.sleep(0.2)
        pytest.fail(f"no answer within 60 s: {(self.folder / 'log').read_text()[-2000:]}")

    def wait_for_exit(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if "RUNNING" not in ctr(self.containerd, "tasks", "list").stdout:
                break
            time.sleep(0.1)
        self.remove()

    def kill(self, signal="SIGKILL"):
        ctr(self.containerd, "tasks", "kill", "--signal", signal, self.name)
        self.wait_for_exit()

    def remove(self):
        ctr(self.containerd, "tasks", "delete", "--force", self.name, check=False)
        ctr(self.containerd, "containers", "delete", self.name, check=False)


@pytest.fixture
def postgres(containerd, index, tmp_path):
    folder = Path(tempfile.mkdtemp(prefix="pg", dir=tmp_path))
    # Containers reach these folders through their own users, so the folders above must let them pass.
    for above in (folder, *folder.parents[:4]):
        above.chmod(above.stat().st_mode | 0o755)
    for name in ("data", "run", "tmp", "secret"):
        (folder / name).mkdir()
        os.chown(folder / name, 999, 999)
    (folder / "secret" / "password").write_text(PHRASE + "\n")
    os.chown(folder / "secret" / "password", 999, 999)
    server = Postgres(containerd, index.images["postgres"].ref, folder)
    yield server
    server.remove()


def test_postgres_initialises_once_and_keeps_data_over_kill_and_restart(postgres):
    postgres.start("-c", "shared_buffers=48MB")
    postgres.wait_until_ready()
    assert postgres.query("show shared_buffers").stdout.strip() == "48MB"
    assert postgres.query("show data_checksums").stdout.strip() == "on"
    assert (
        postgres.query("select datcollate from pg_database where datname = 'cryoprotect'").stdout.strip() == "C.UTF-8"
    )
    assert "password authentication failed" in postgres.query("select 1", phrase="wrong").stderr
    postgres.query("create table kept as select 42 as answer")

    postgres.kill()
    postgres.start()
    postgres.wait_until_ready()

    assert postgres.query("table kept").stdout.strip() == "42"
    started_at = time.monotonic()
    postgres.kill("SIGINT")
    assert time.monotonic() - started_at < 10
    assert not (postgres.data / "postmaster.pid").exists()


@pytest.mark.parametrize("moment", ["PG_VERSION", "global/pg_control", "postgresql.conf"])
def test_postgres_killed_during_its_first_start_converges_on_the_next(postgres, moment):
    unfinished = postgres.folder / "data" / "pgdata.unfinished" / moment
    postgres.start()
    deadline = time.monotonic() + 30
    while not unfinished.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    postgres.kill()
    assert not postgres.data.exists(), "killed too late to prove anything"

    postgres.start()
    postgres.wait_until_ready()

    assert not (postgres.folder / "data" / "pgdata.unfinished").exists()


def test_postgres_without_a_password_changes_nothing_and_may_be_tried_again(postgres):
    (postgres.folder / "secret" / "password").write_text("")

    assert "mount the superuser's password there" in postgres.refuse()
    assert not list((postgres.folder / "data").iterdir())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("PG_VERSION", "16\n", "made by PostgreSQL 16"), ("precious.txt", "x", "holds files but no cluster")],
)
def test_postgres_never_touches_data_it_does_not_understand(postgres, name, content, message):
    postgres.data.mkdir()
    (postgres.data / name).write_text(content)
    shutil.chown(postgres.data, 999, 999)

    assert message in postgres.refuse()
    assert (postgres.data / name).read_text() == content


def test_postgres_holds_the_backup_engine(postgres):
    postgres.start()
    postgres.wait_until_ready()

    assert postgres.execute("/usr/bin/pgbackrest", "version").stdout.startswith("pgBackRest 2.5")
