"""Each scanner is a real process and is shown a planted fault; a scan that cannot fail protects nobody."""

import shutil
import subprocess
from pathlib import Path

import pytest

from cryo.errors import PermanentCryoError, TemporaryCryoError
from cryo.scans.run import run_scans
from cryo.settings import read_settings

ROOT = Path(__file__).parents[3]
# Put together here, so that no scanner takes this file for the leak.
PLANTED = "AKIA" + "Z7QX5LMN2RWYTB4K"


@pytest.fixture
def checkout(tmp_path):
    """A copy of the workflows in a Git repository of its own."""
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    shutil.copy(ROOT / ".gitleaks.toml", tmp_path)
    commit(tmp_path)
    return tmp_path


def commit(folder):
    for command in (
        ("init", "--quiet"),
        ("add", "--all"),
        ("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--message", "x"),
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)


def scan(name, folder):
    return run_scans((name,), folder, read_settings().cache, lambda _: None)


def test_our_workflows_pass_and_each_was_read(checkout):
    count = len(list((checkout / ".github" / "workflows").glob("*.yml")))

    mistakes, dangers = scan("workflows", checkout)

    assert (mistakes.seen, mistakes.findings, dangers.findings) == (count, (), ())
    assert dangers.seen == count + 1


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("make check", "make ${{ nope.x }}", "expression"),
        ("permissions: {}", "permissions: write-all", "excessive-permissions"),
        ("persist-credentials: false", "persist-credentials: true", "artipacked"),
        ("@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0", "@v5", "unpinned-uses"),
        ("run: make check", "run: echo ${{ github.head_ref }}", "template-injection"),
    ],
)
def test_a_planted_fault_in_a_workflow_is_found(checkout, before, after, rule):
    workflow = checkout / ".github" / "workflows" / "check.yml"
    text = workflow.read_text()
    assert before in text
    workflow.write_text(text.replace(before, after, 1))

    found = {finding.rule for verdict in scan("workflows", checkout) for finding in verdict.findings}

    assert rule in found


def test_a_checkout_without_workflows_has_not_passed(tmp_path):
    with pytest.raises(PermanentCryoError, match="holds no workflow"):
        scan("workflows", tmp_path)


def test_a_secret_is_found_after_it_was_deleted_again_and_not_repeated(checkout):
    secret = checkout / "settings.env"
    secret.write_text(f"AWS_ACCESS_KEY_ID={PLANTED}\n")
    commit(checkout)
    secret.unlink()
    commit(checkout)

    (verdict,) = scan("secrets", checkout)

    assert [finding.rule for finding in verdict.findings] == ["aws-access-token"]
    assert PLANTED not in str(verdict)
    assert PLANTED not in str(verdict.findings)
    assert verdict.seen >= 2


def test_a_shallow_clone_is_refused_because_nobody_would_read_its_past(checkout, tmp_path_factory):
    shallow = tmp_path_factory.mktemp("shallow") / "clone"
    (checkout / "more").write_text("x")
    commit(checkout)
    subprocess.run(["git", "clone", "--quiet", "--depth=1", f"file://{checkout}", str(shallow)], check=True)

    with pytest.raises(PermanentCryoError, match="fetch-depth: 0"):
        scan("secrets", shallow)


def test_advisories_that_cannot_be_reached_are_no_pass(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody listens there

    with pytest.raises(TemporaryCryoError, match="could not"):
        scan("packages", ROOT)
