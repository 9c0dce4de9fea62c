"""One changed line moves the traffic without a failed request; nothing else changes anything."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_second_up_changes_nothing(platform):
    platform.pulumi("preview", "--expect-no-changes")


def test_drift_check_right_after_up_is_clean(platform):
    platform.pulumi("refresh", "--preview-only", "--expect-no-changes")


def test_drift_check_notices_a_change_made_by_hand(platform):
    label = ("-n", "cryoprotect", "label", "service", "postgres", "--overwrite")
    platform.kubectl(*label, "app.kubernetes.io/part-of=elsewhere")
    try:
        done = platform.pulumi("refresh", "--preview-only", "--expect-no-changes", check=False)
        assert done.returncode != 0
    finally:
        platform.kubectl(*label, "app.kubernetes.io/part-of=cryoprotect")


def test_weights_moved_by_another_hand_are_no_drift_stop_an_update_and_can_be_repaired(platform):
    """Routing has one owner, the release agent: Pulumi neither resets weights nor calls them drift (ADR 0003)."""
    route = ("-n", "cryoprotect", "get", "httproute", "model-server", "-o", "json")
    before = json.loads(platform.kubectl(*route))["spec"]["rules"][0]["backendRefs"]
    live = max(before, key=lambda each: each["weight"])["name"].rsplit("-", 1)[1]
    idle = min(range(len(before)), key=lambda index: before[index]["weight"])
    patch = f'[{{"op": "replace", "path": "/spec/rules/0/backendRefs/{idle}/weight", "value": 10}}]'
    platform.kubectl("-n", "cryoprotect", "patch", "httproute", "model-server", "--type=json", f"--patch={patch}")
    try:
        platform.pulumi("refresh", "--preview-only", "--expect-no-changes")
        refused = platform.pulumi("preview", check=False)
        assert refused.returncode != 0
        assert "somebody edited them; nothing was changed; `cryo release repair" in refused.stderr
    finally:
        if platform.cryo("release", "repair", check=False).returncode:
            platform.cryo("release", "repair", "--to", live)
    assert json.loads(platform.kubectl(*route))["spec"]["rules"][0]["backendRefs"] == before
    platform.pulumi("preview", "--expect-no-changes")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("active: blue", "active: blau", "blau", id="no-such-colour"),
        pytest.param("replicas: 1", "replicsa: 1", "replicsa", id="unknown-key"),
        pytest.param("apps:", "apps: [", "local.yaml", id="not-yaml"),
    ],
)
def test_broken_environment_file_is_one_error_without_a_traceback(platform, environments, old, new, said):
    path = environments / "local.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))

    done = platform.pulumi("preview", environments=environments, check=False)

    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_colour_changes_under_load_lose_no_request(platform):
    script = [sys.executable, str(ROOT / "bench" / "cutover.py"), "--changes", "2", "--rate", "100"]
    done = subprocess.run(script, capture_output=True, text=True, check=False, timeout=400)

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    figures = json.loads(done.stdout.splitlines()[-1])["figures"]
    assert figures["failed"] == 0
    assert figures["requests"] > 1000
