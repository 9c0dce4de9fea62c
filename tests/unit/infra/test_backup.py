import base64
import json

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from infra.backup_sections import Backup
from infra.certificates import make_certificates

VERBS = ("full", "diff", "incr", "verify", "drill", "command", "restore")


@pytest.fixture(scope="module")
def blue(render):
    return render("local")


@pytest.fixture(scope="module")
def green(render):
    return render("local")


@pytest.fixture
def jobs(blue):
    return {r.name.removeprefix("backup-"): r for r in blue.rendered if r.kind == "CronJob"}


def test_every_schedule_is_a_cron_job_that_never_runs_twice_at_once(jobs):
    assert sorted(VERBS) == sorted(jobs)
    for job in jobs.values():
        assert job.spec["concurrencyPolicy"] == "Forbid"
        assert job.spec["timeZone"] == "UTC"
        assert job.spec["startingDeadlineSeconds"] == 3600
        assert job.spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 21600
        assert job.spec["jobTemplate"]["spec"]["backoffLimit"] == 0
        assert job.spec["successfulJobsHistoryLimit"] == job.spec["failedJobsHistoryLimit"] == 3


def test_what_people_start_never_starts_by_itself(jobs):
    assert {"command", "restore"} == {verb for verb, job in jobs.items() if job.spec["suspend"]}


def test_only_the_restore_sees_the_database_volume(jobs):
    def claims(job):
        return {v["persistentVolumeClaim"]["claimName"] for v in job.pod["volumes"] if "persistentVolumeClaim" in v}

    assert {"restore": {"data-postgres-0"}} == {verb: claims(job) for verb, job in jobs.items() if claims(job)}


def test_the_database_knows_no_store_and_no_key(blue, find):
    config = find(blue, "ConfigMap", "postgres").inputs["data"]["pgbackrest.conf"]
    volumes = {v["secret"]["secretName"] for v in find(blue, "StatefulSet", "postgres").pod["volumes"] if "secret" in v}

    assert "repo1-host-type=tls" in config
    assert "s3" not in config
    assert "cipher" not in config
    assert volumes == {"postgres-password-1a2b3c4d", "backup-tls-1a2b3c4d"}


def test_each_part_gets_its_own_certificate_and_no_other(blue, find):
    items = {}
    for name in ("postgres", "backup", "object-store"):
        (volume,) = [v for v in find(blue, "StatefulSet", name).pod["volumes"] if v["name"] == "backup-tls"]
        items[name] = {item["key"] for item in volume["secret"]["items"]}

    assert items == {name: {"ca.crt", f"{name}.crt", f"{name}.key"} for name in items}


def test_wal_is_archived_within_the_minute(blue, find):
    server = next(find(blue, "StatefulSet", "postgres").containers())

    assert "archive_timeout=60s" in server["args"]
    assert "archive_mode=on" in server["args"]


def test_the_store_is_a_bucket_where_the_environment_names_one(rendering, find):
    settings = json.loads(find(rendering("production"), "ConfigMap", "backup").inputs["data"]["settings.json"])
    secrets = [v["secret"]["secretName"] for v in find(rendering("production"), "StatefulSet", "backup").pod["volumes"]
               if "secret" in v]  # fmt: skip

    assert settings["near"]["endpoint"] == "objects.example.org"
    assert "backup-keys" in secrets
    assert not [r for r in rendering("production").resources if r.name == "object-store"]


def test_a_volume_binds_the_jobs_to_the_host_that_has_it(rendering, find):
    job = find(rendering("staging"), "CronJob", "backup-full")
    host = find(rendering("staging"), "StatefulSet", "backup")

    assert host.spec["volumeClaimTemplates"][0]["metadata"]["name"] == "repository"
    assert job.pod["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    claims = [v["persistentVolumeClaim"]["claimName"] for v in job.pod["volumes"] if "persistentVolumeClaim" in v]
    assert claims == ["repository-backup-0"]


def test_certificates_are_signed_by_their_authority_for_their_names():
    files = make_certificates(("backup", "postgres"))
    authority = x509.load_pem_x509_certificate(files["ca.crt"])
    verifier = PolicyBuilder().store(Store([authority])).build_server_verifier(x509.DNSName("backup"))

    verifier.verify(x509.load_pem_x509_certificate(files["backup.crt"]), [])
    with pytest.raises(x509.verification.VerificationError):
        verifier.verify(x509.load_pem_x509_certificate(files["postgres.crt"]), [])


def test_the_passphrase_is_drawn_once_and_kept(blue, green, find):
    made = [find(recorder, "Secret", "backup-cipher") for recorder in (blue, green)]
    values = [base64.b64decode(secret.inputs["data"]["value"]["passphrase"]) for secret in made]

    assert values[0] != values[1]
    assert all(secret.ignore_changes == ("data",) for secret in made)


def test_a_repository_is_exactly_one_kind_of_store(blue):
    with pytest.raises(ValueError, match="none of embedded, s3 and volume"):
        Backup.model_validate({"repository": {}})
