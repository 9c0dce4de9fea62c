"""Backups in the real cluster: schedules, WAL over TLS into a real S3 server, and the database lost with its volume."""

import json
import time

import pytest

pytestmark = pytest.mark.slow

NAMESPACE = ("-n", "cryoprotect")
WAIT_S = 300
# Deliver: archive_timeout of 60 s bounds what a loss may cost.
RPO_S = 60


@pytest.fixture(scope="module")
def rows(platform):
    """A table of its own, so that no other test's rows are lost."""
    platform.sql("create table if not exists public.backup_marks (id bigint primary key, at timestamptz not null)")
    yield
    platform.sql("drop table public.backup_marks")


def wait_for(condition, what):
    ends_at = time.monotonic() + WAIT_S
    while True:
        try:
            found = condition()
        except AssertionError:
            found = None  # a pod that is just starting answers nothing
        if found:
            return found
        assert time.monotonic() < ends_at, what
        time.sleep(2)


def close_segment(platform):
    """Write a mark first: a segment that holds nothing is never closed."""
    platform.sql("select pg_create_restore_point('mark')", database="postgres")
    return platform.sql("select pg_walfile_name(pg_switch_wal())", database="postgres")


def backup(platform, *arguments):
    answer = platform.cryo("backup", *arguments, "--json", limit_s=900).stdout
    return json.loads(answer)


@pytest.fixture(scope="module")
def first(platform):
    return backup(platform, "run", "--type", "full")["backup"]


def test_every_schedule_is_there_and_one_fires(platform):
    listed = json.loads(platform.kubectl(*NAMESPACE, "get", "cronjobs", "-o", "json"))["items"]
    jobs = {job["metadata"]["labels"]["cryoprotect.io/backup-verb"]: job for job in listed}
    assert {"full", "diff", "incr", "verify", "drill", "command", "restore"} == set(jobs)
    name = jobs["incr"]["metadata"]["name"]
    patch = json.dumps({"spec": {"schedule": "* * * * *"}})
    try:
        platform.kubectl(*NAMESPACE, "patch", "cronjob", name, "--type=merge", f"--patch={patch}")
        wait_for(
            lambda: [
                job
                for job in json.loads(platform.kubectl(*NAMESPACE, "get", "jobs", "-o", "json"))["items"]
                if (job["metadata"].get("ownerReferences") or [{}])[0].get("name") == name
                and job["status"].get("succeeded")
            ],
            "the schedule did not fire, or its Job did not end well",
        )
    finally:
        back = json.dumps({"spec": {"schedule": jobs["incr"]["spec"]["schedule"]}})
        platform.kubectl(*NAMESPACE, "patch", "cronjob", name, "--type=merge", f"--patch={back}")


def test_wal_arrives_in_the_bucket(platform, first):
    segment = close_segment(platform)

    files = wait_for(
        lambda: [
            line
            for line in platform.kubectl(
                *NAMESPACE, "exec", "object-store-0", "--", "busybox", "find", "/data/backups/main/archive"
            ).splitlines()
            if segment in line
        ],
        f"{segment} did not arrive",
    )

    assert files[0].endswith(".zst")


def test_metrics_tell_the_age_of_the_backup_and_what_is_recoverable(platform, first):
    page = wait_for(
        lambda: platform.kubectl(
            "get", "--raw", "/api/v1/namespaces/cryoprotect/pods/backup-0:8080/proxy/metrics"
        ),
        "no metrics",
    )  # fmt: skip

    assert 'pgbackrest_repo_status{stanza="main"} 0.0' in page
    assert "pgbackrest_backup_since_last_completion_seconds" in page
    assert "cryo_backup_last_recoverable_timestamp_seconds" in page


def test_a_drill_restores_the_set_and_measures_it(platform, first):
    done = backup(platform, "drill", "--scratch", "/scratch")

    assert done["level"] >= 3
    assert 0 < done["rto_s"] <= done["rto_budget_s"]
    assert backup(platform, "show", first["label"])["backup"]["annotations"]


def test_what_is_stored_is_what_was_written(platform, first):
    assert backup(platform, "verify")["damage"] == []


def test_a_target_in_the_future_is_refused_and_the_database_goes_on(platform, first):
    refused = platform.cryo(
        "backup", "restore", "--in-place", "--to-time", "2099-01-01T00:00:00Z", "--yes", check=False, limit_s=600
    )

    assert refused.returncode == 70
    assert "nothing was touched" in refused.stdout + refused.stderr
    assert platform.sql("select 1") == "1"


def test_the_database_and_its_volume_are_lost_and_come_back(platform, first, rows):
    ends_at = time.monotonic() + RPO_S + 30
    while time.monotonic() < ends_at:
        platform.sql("insert into public.backup_marks select count(*) + 1, clock_timestamp() from public.backup_marks")
    written = dict(line.split("|") for line in platform.sql("select * from public.backup_marks").splitlines())
    lost_at = platform.sql("select extract(epoch from clock_timestamp())")
    epochs = platform.sql("select id || '|' || extract(epoch from at) from public.backup_marks").splitlines()

    platform.kubectl(*NAMESPACE, "delete", "pvc", "data-postgres-0", "--wait=false")
    platform.kubectl(*NAMESPACE, "delete", "pod", "postgres-0", "--force", "--grace-period=0")
    wait_for(
        lambda: (
            platform.sql("select 1", database="postgres") == "1"
            and platform.sql("select to_regclass('public.backup_marks') is null") == "t"
        ),
        "no empty database came up",
    )
    platform.cryo("backup", "restore", "--in-place", "--yes", limit_s=1200)

    found = dict(line.split("|") for line in platform.sql("select * from public.backup_marks").splitlines())
    assert found.items() <= written.items()
    missing = set(written) - set(found)
    oldest = min((float(at) for id_, at in (line.split("|") for line in epochs) if id_ in missing), default=None)
    assert oldest is None or float(lost_at) - oldest <= RPO_S
    assert platform.sql("select count(*) from cryo.schema_migrations") != "0"


def test_the_restored_database_archives_again_on_a_new_timeline(platform):
    segment = platform.sql("select pg_walfile_name(pg_switch_wal())", database="postgres")

    wait_for(
        lambda: backup(platform, "run", "--type", "incr")["backup"]["timeline"] >= 2, "no backup after the restore"
    )
    assert int(segment[:8], 16) >= 2
