"""The workflows run what a laptop runs, and nothing that can change under them."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
# A bare Debian has no make yet; this is what README asks of a machine.
INSTALL = "apt-get update && apt-get install --yes --no-install-recommends ca-certificates git make procps python3"
PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def name_of(path):
    return path.name


def jobs_of(path):
    return yaml.safe_load(path.read_text())["jobs"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=name_of)
def test_every_step_calls_a_make_target_that_exists(workflow):
    commands = [step["run"] for job in jobs_of(workflow).values() for step in job.get("steps", []) if "run" in step]
    targets = {target for command in commands if command != INSTALL for target in command.split()[1:]}

    assert all(command == INSTALL or command.startswith("make ") for command in commands)
    assert targets <= MAKE_TARGETS


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=name_of)
def test_every_foreign_action_is_pinned_by_its_commit_and_says_its_version(workflow):
    uses = [line.strip().removeprefix("- ") for line in workflow.read_text().splitlines() if "uses:" in line]

    assert [line for line in uses if not line.startswith("uses: ./") and not PINNED.match(line)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=name_of)
def test_a_workflow_begins_without_rights_and_every_job_ends_in_time(workflow):
    jobs = jobs_of(workflow)

    assert "\npermissions: {}\n" in workflow.read_text()
    assert [name for name, job in jobs.items() if "uses" not in job and "timeout-minutes" not in job] == []


def test_the_pipeline_calls_every_reusable_workflow():
    reusable = {path.name for path in WORKFLOWS if "workflow_call:" in path.read_text()}
    called = {Path(job["uses"]).name for job in jobs_of(ROOT / ".github/workflows/ci-cd.yml").values()}

    assert called == reusable


def test_one_action_has_one_version_everywhere():
    pins: dict[str, set[str]] = {}
    for workflow in WORKFLOWS:
        for action, commit in re.findall(r"uses: ([\w-]+/[\w-]+)@([0-9a-f]{40})", workflow.read_text()):
            pins.setdefault(action, set()).add(commit)

    assert [action for action, commits in pins.items() if len(commits) > 1] == []
