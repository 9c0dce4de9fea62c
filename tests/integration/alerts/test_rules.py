"""The committed rules against Prometheus' own judge: they load, and every scene ends as it says."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
RULES = sorted((ROOT / "alerts" / "rules").glob("*.yml"))
TESTS = sorted((ROOT / "alerts" / "tests").glob("*.yml"))


@pytest.fixture(scope="module")
def promtool(program):
    """The pinned one, or another version by CRYO_PROMTOOL, such as that of Debian 12."""
    path = os.environ.get("CRYO_PROMTOOL") or program("prometheus", "promtool")

    def run(*arguments):
        return subprocess.run([path, *arguments], capture_output=True, text=True, check=False, timeout=280)

    return run


def test_every_rule_file_loads(promtool):
    done = promtool("check", "rules", *RULES)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") == len(RULES) > 4


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_scenes_fire_wait_and_stay_silent(promtool, path):
    done = promtool("test", "rules", path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_a_shifted_limit_is_noticed(promtool, tmp_path):
    """The scenes are worth something: with a limit 20 % higher the firing scene stays silent."""
    for folder in ("rules", "tests"):
        (tmp_path / folder).mkdir()
    rules = (ROOT / "alerts" / "rules" / "release_alerts.yml").read_text()
    changed = rules.replace("cryo_flags_snapshot_age_seconds) > 120", "cryo_flags_snapshot_age_seconds) > 144")
    assert changed != rules
    (tmp_path / "rules" / "release_alerts.yml").write_text(changed)
    test = tmp_path / "tests" / "release_60s_test.yml"
    test.write_text((ROOT / "alerts" / "tests" / "release_60s_test.yml").read_text())

    done = promtool("test", "rules", test)

    assert done.returncode != 0
    assert "FlagsStale" in done.stdout + done.stderr


def test_every_alert_is_tested_by_name():
    alerts = {
        rule["alert"]
        for path in RULES
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    tested = {
        test["name"].split(",")[0].split(":")[0] for path in TESTS for test in yaml.safe_load(path.read_text())["tests"]
    }

    assert alerts == tested
