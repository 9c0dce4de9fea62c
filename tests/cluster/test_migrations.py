"""Migrations in the cluster: one of many runners applies, and a failed one stops the release before it begins."""

import json
import time

import pytest

NAMESPACE = "cryoprotect"
RUNNERS = 20
RACE_LIMIT_S = 300


def read_weights(platform):
    route = json.loads(platform.kubectl("-n", NAMESPACE, "get", "httproute", "model-server", "-o", "json"))
    return {each["name"]: each["weight"] for each in route["spec"]["rules"][0]["backendRefs"]}


def read_migrate_job(platform):
    jobs = json.loads(platform.kubectl("-n", NAMESPACE, "get", "jobs", "-o", "json"))["items"]
    return next(job for job in jobs if job["metadata"]["labels"].get("app.kubernetes.io/name") == "migrate")


@pytest.fixture
def edited_history(platform):
    """The history says that an applied file had another text, as after a careless edit."""
    turn = "update cryo.schema_migrations set sha256 = reverse(sha256) where number = 3"
    platform.sql(turn)
    yield
    platform.sql(turn)


@pytest.fixture
def moved_to_green(platform, environments):
    """An environment that makes a new migrate Job and wants the traffic on the other colour."""
    path = environments / "local.yaml"
    text = path.read_text()
    active = "blue" if "active: blue" in text else "green"
    changed = text.replace(f"active: {active}", f"active: {'green' if active == 'blue' else 'blue'}")
    base = environments / "base.yaml"
    assert changed != text
    assert "deadline_s: 300" in base.read_text()
    base.write_text(base.read_text().replace("deadline_s: 300", "deadline_s: 301", 1))
    path.write_text(changed)
    yield environments
    platform.cryo("up")


def test_failed_migration_stops_the_update_before_any_traffic_moves(platform, moved_to_green, edited_history):
    before = read_weights(platform)

    done = platform.pulumi("up", "--yes", "--skip-preview", environments=moved_to_green, check=False)

    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "0003_expand_science.sql was edited after it was applied" in said
    assert "restore the applied text" in said
    assert read_weights(platform) == before


def test_of_twenty_runners_started_at_once_exactly_one_applies(platform, tmp_path):
    job = read_migrate_job(platform)
    spec = job["spec"]["template"]["spec"]
    container = spec["containers"][0]
    for each in container["env"]:
        if each["name"] == "CRYO_DB_NAME":
            each["value"] = "race"
    container["args"] = ["-m", "agents.migrate", "apply", "--wait-s", str(RACE_LIMIT_S)]
    container["resources"] = {}
    spec["terminationGracePeriodSeconds"] = 5
    labels = {"app.kubernetes.io/name": "migrate", "race": "yes"}
    race = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "race", "namespace": NAMESPACE},
        "spec": {
            "completions": RUNNERS,
            "parallelism": RUNNERS,
            "backoffLimit": 0,
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    path = tmp_path / "race.json"
    path.write_text(json.dumps(race))
    platform.sql("create database race")
    try:
        platform.kubectl("apply", "--filename", str(path))
        deadline = time.monotonic() + RACE_LIMIT_S
        while (status := read_race(platform)).get("succeeded", 0) < RUNNERS:
            assert not status.get("failed"), platform.kubectl("-n", NAMESPACE, "logs", "-l", "race=yes", "--tail=3")
            assert time.monotonic() < deadline, status
            time.sleep(2)
        logs = platform.kubectl(
            "-n", NAMESPACE, "logs", "-l", "race=yes", "--tail=-1", "--prefix", f"--max-log-requests={RUNNERS}"
        )
        rows = int(platform.sql("select count(*) from cryo.schema_migrations", database="race"))
    finally:
        platform.kubectl("-n", NAMESPACE, "delete", "job", "race", "--cascade=foreground", "--wait")
        platform.sql("drop database race with (force)")

    appliers = {line.split(" ", 1)[0] for line in logs.splitlines() if "migrate.step.applied" in line}
    lockers = {line.split(" ", 1)[0] for line in logs.splitlines() if "migrate.lock.taken" in line}
    assert len(appliers) == 1
    assert len(lockers) == RUNNERS
    assert sum("migrate.step.applied" in line for line in logs.splitlines()) == rows > 0


def read_race(platform):
    return json.loads(platform.kubectl("-n", NAMESPACE, "get", "job", "race", "-o", "json"))["status"]
