"""`cryo release VERSION` and `cryo release revert` on a real Git repository, beside a cluster that is a few facts."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from agents.release.guard import Live
from agents.release.record import ReleaseRecord, Transition
from agents.release.routes import Weights
from agents.release.states import Phase
from agents.runtime.names import Colour
from cryo.errors import CryoError
from cryo.release import write
from cryo.release.write import How, Place, write_release, write_revert
from infra.environment_files import load_environment
from infra.errors import InfraError

ROOT = Path(__file__).parents[4]
BLUE, GREEN = Colour.BLUE, Colour.GREEN
IMAGE = "registry.example.org/cryoprotect/model-server@sha256:" + "8" * 64
HOW = How()


def record(phase: Phase) -> ReleaseRecord:
    step = Transition(phase, "2026-03-01T12:00:00.000Z", ("failed requests of users: 9 of 90",), 0)
    return ReleaseRecord("r1", "model-server", BLUE, GREEN, (step,), {GREEN: "0.2.0"}, content="bad")


@pytest.fixture
def git(tmp_path):
    def run(*arguments: str) -> str:
        argv = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(tmp_path), *arguments]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    return run


@pytest.fixture
def place(tmp_path, git, monkeypatch) -> Place:
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "t")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "t@example.org")
    shutil.copytree(ROOT / "environments", tmp_path / "environments")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    names = ("agents", "backup", "gateway", "model-server", "object-store", "postgres", "prometheus", "trainer")
    index = {"schema": 1, "images": {name: {"ref": f"localhost/{name}:1"} for name in names}}
    (tmp_path / "index.json").write_text(json.dumps(index))
    contexts = [{"name": f"cryo-{name}", "context": {"cluster": "c"}} for name in ("embedded", "staging")]
    kubeconfig = {"clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}], "contexts": contexts}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "begin")
    variables = {"KUBECONFIG": str(tmp_path / "kubeconfig"), "CRYO_IMAGES_INDEX": str(tmp_path / "index.json")}
    return Place(tmp_path, tmp_path / "environments", "staging", "model-server", variables)


@pytest.fixture
def cluster(monkeypatch):
    """Say what is live."""

    def say(weights=Weights(100, 0), last=None, stack="staging"):  # noqa: B008 - frozen
        facts = Live(stack=stack, weights=weights, contents={}, record=last)
        monkeypatch.setattr(write, "open_cluster", lambda _plan: None)
        monkeypatch.setattr(write, "read_live", lambda *_: facts)
        monkeypatch.setattr("infra.live_guard.read_live", lambda *_: facts)

    say()
    return say


def active(place: Place) -> str:
    return load_environment(place.environments, place.stack).apps.model_server.active


@pytest.mark.usefixtures("cluster")
def test_a_release_fills_the_idle_slot_flips_active_and_commits_that_file_alone(place, git) -> None:
    (place.repository / "other").write_text("not ours")

    written = write_release(place, "0.2.0", image=IMAGE, how=HOW)

    app = load_environment(place.environments, "staging").apps.model_server
    assert (app.active, app.slots.green.image, app.slots.green.version) == ("green", IMAGE, "0.2.0")
    assert app.slots.blue.version == "0.1.0"
    assert git("log", "-1", "--format=%s").strip() == "release(staging): model-server 0.2.0 in green"
    assert git("show", "--format=", "--name-only").split() == ["environments/staging.yaml"]
    assert written.commit == git("rev-parse", "--short", "HEAD").strip()
    assert git("status", "--porcelain").strip() == "?? other"


@pytest.mark.usefixtures("cluster")
def test_a_dry_run_writes_nothing(place, git) -> None:
    written = write_release(place, "0.2.0", image=IMAGE, how=How(dry_run=True))

    assert "release(staging): model-server 0.2.0 in green" in written.message
    assert (git("status", "--porcelain"), active(place)) == ("", "blue")


def test_an_image_of_the_checkout_is_released_under_its_own_version_only(place, cluster) -> None:
    local = replace(place, stack="local")
    cluster(stack="local")

    with pytest.raises(CryoError, match=r"0\.2\.0: this checkout is version 0\.1\.0"):
        write_release(local, "0.2.0", image=None, how=HOW)
    write_release(local, "0.1.0", image=None, how=HOW)
    assert active(local) == "green"


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        pytest.param({"weights": Weights(0, 100)}, "Git says active: blue, but green serves", id="other colour serves"),
        pytest.param({"weights": None}, "serves nobody on the cluster of local yet", id="nothing live"),
        pytest.param({"weights": Weights(90, 10)}, "somebody edited them", id="edited weights"),
        pytest.param(
            {"weights": Weights(95, 5), "last": record(Phase.WATCHING)},
            "release r1 of model-server is watching",
            id="two",
        ),
        pytest.param({"stack": "production"}, 'belongs to stack "production"', id="other cluster"),
    ],
)
def test_a_release_that_does_not_fit_the_cluster_is_refused_and_nothing_is_written(place, git, cluster, facts, told):
    cluster(**{"stack": "local", **facts})

    with pytest.raises((CryoError, InfraError), match=told):
        write_release(replace(place, stack="local"), "0.2.0", image=IMAGE, how=HOW)
    assert (git("status", "--porcelain"), git("rev-list", "--count", "HEAD").strip()) == ("", "1")


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("version", "image", "told"),
    [
        ("0.2.0", IMAGE.replace("8" * 64, "3" * 64), "is the image of slots.blue too"),
        ("0.1.0", IMAGE, "both slots say version 0.1.0"),
        ("0.2", IMAGE, "version"),
    ],
)
def test_a_release_that_the_environment_refuses_is_not_written(place, git, version, image, told) -> None:
    with pytest.raises(InfraError, match=told):
        write_release(place, version, image=image, how=HOW)
    assert git("status", "--porcelain") == ""


@pytest.mark.usefixtures("cluster")
def test_a_file_with_somebody_elses_changes_is_left_alone(place) -> None:
    place.path.write_text(place.path.read_text() + "# mine\n")

    with pytest.raises(CryoError, match="has changes that are not committed"):
        write_release(place, "0.2.0", image=IMAGE, how=HOW)
    assert active(place) == "blue"


def test_a_revert_makes_git_true_and_keeps_the_record_in_its_message(place, git, cluster) -> None:
    write_release(place, "0.2.0", image=IMAGE, how=HOW)
    cluster(last=record(Phase.ROLLED_BACK))

    write_revert(place, how=HOW)

    said = git("log", "-1", "--format=%B")
    assert said.startswith("revert(staging): model-server back to blue\n")
    assert "2026-03-01T12:00:00.000Z  rolled_back: failed requests of users: 9 of 90" in said
    assert "Release-Id: r1" in said
    assert active(place) == "blue"


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, "there was no release yet"),
        ({"last": record(Phase.SETTLED), "weights": Weights(0, 100)}, "r1, is settled"),
        ({"last": record(Phase.ROLLED_BACK), "weights": Weights(0, 100)}, "left all traffic on blue, but"),
        ({"last": record(Phase.ROLLED_BACK)}, "Git already says active: blue"),
        ({"last": record(Phase.ROLLED_BACK), "stack": "production"}, 'belongs to stack "production"'),
    ],
)
def test_a_revert_without_a_reason_is_refused(place, git, cluster, facts, told) -> None:
    cluster(**facts)

    with pytest.raises(CryoError, match=told):
        write_revert(place, how=HOW)
    assert git("status", "--porcelain") == ""
