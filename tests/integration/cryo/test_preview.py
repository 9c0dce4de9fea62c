"""A pull request is compared with the commit at which it left its base, in a real Git repository."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cryo.errors import PermanentCryoError
from cryo.gitops.compare import compare_revisions
from cryo.settings import read_settings
from infra.errors import ConfigError

ROOT = Path(__file__).parents[3]


def git(folder, *arguments):
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    """A repository with a branch `main`, and a branch of its own checked out."""
    for folder in ("environments", "migrations"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "x")
    git(tmp_path, "switch", "--quiet", "--create", "change")
    return tmp_path


@pytest.fixture
def settings(checkout):
    return replace(read_settings(), repository=checkout, environments=checkout / "environments", stack="local")


def change(file, before, after):
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))


def test_a_release_is_told_and_what_others_merged_meanwhile_is_not(checkout, settings):
    left_at = git(checkout, "rev-parse", "main")
    git(checkout, "switch", "--quiet", "main")
    change(checkout / "environments/base.yaml", "soak_s: ", "soak_s: 1")
    git(checkout, "commit", "--quiet", "--all", "--message", "somebody else's")
    git(checkout, "switch", "--quiet", "change")
    change(checkout / "environments/local.yaml", "active: blue", "active: green")

    found = compare_revisions(settings, "main", None)

    assert found.commit == left_at
    assert found.traffic == ("model-server: traffic moves from blue to green",)
    assert [str(each) for each in found.settings] == ["apps.model-server.active: blue -> green"]
    assert (found.migrations, found.edited) == ((), ())


def test_an_environment_that_cannot_be_deployed_is_refused(checkout, settings):
    change(checkout / "environments/local.yaml", "active: blue", "active: purple")

    with pytest.raises(ConfigError, match=r"environments/local.yaml:\d+: apps.model-server.active"):
        compare_revisions(settings, "main", None)


def test_a_commit_that_is_not_here_is_named_with_the_remedy(settings):
    with pytest.raises(PermanentCryoError, match="fetch-depth: 0"):
        compare_revisions(settings, "no-such-branch", None)
