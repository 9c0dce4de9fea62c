"""A flag that is changed by command reaches front ends and the model server, and its change is on record."""

import base64
import json
import time

import httpx
import pytest

URL = "http://127.0.0.1:8080/ofrep/v1/evaluate/flags/cluster_test"
ASKED = {"context": {"targetingKey": "00000000-0000-4000-8000-0000000000aa"}}
# The service reads every 5 s.
REACHED_LIMIT_S = 30
PREDICTIONS = "http://127.0.0.1:8080/api/v1/predictions"
GLYCINE = {"target": "iri-amino", "inputs": [{"smiles": "NCC(=O)O"}]}


def ask():
    return httpx.post(URL, json=ASKED, timeout=10, trust_env=False)


@pytest.fixture
def flag(platform):
    """A flag that is on for everybody, made as an administrator would in the database."""
    platform.sql("insert into feature_flags (name, enabled, rollout_percent) values ('cluster_test', true, 100)")
    yield "cluster_test"
    platform.sql("delete from feature_flags where name = 'cluster_test'")


def test_a_flag_reaches_the_front_end_and_its_change_is_audited(platform, flag):
    deadline = time.monotonic() + REACHED_LIMIT_S
    while (answer := ask()).status_code != httpx.codes.OK and time.monotonic() < deadline:
        time.sleep(1)

    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.json()["value"] is True
    changed = platform.sql(
        "select count(*) from audit_log where table_name = 'feature_flags' and after ->> 'name' = 'cluster_test'"
    )
    assert int(changed) >= 1


def test_an_unknown_flag_is_told_as_such(platform):
    answer = httpx.post(URL.replace("cluster_test", "no_such_flag"), json=ASKED, timeout=10, trust_env=False)

    assert answer.status_code == httpx.codes.NOT_FOUND
    assert answer.json()["errorCode"] == "FLAG_NOT_FOUND"


def test_the_service_logs_in_with_a_role_that_reads_no_table(platform):
    sessions = platform.sql("select distinct usename from pg_stat_activity where application_name like 'cryo-flags/%'")
    assert sessions == "cryo_flags"
    readable = platform.sql(
        "select count(*) from pg_class where relnamespace in ('public'::regnamespace, 'private'::regnamespace)"
        " and relkind = 'r' and has_table_privilege('cryo_flags', oid, 'select')"
    )
    assert readable == "0"


def test_prometheus_scrapes_the_service(platform):
    query = {"query": 'up{job=~".*flags.*"} == 1'}
    deadline = time.monotonic() + 60
    found = []
    while not found and time.monotonic() < deadline:
        answer = httpx.get("http://127.0.0.1:8080/api/v1/query", params=query, headers={"host": "prometheus.localhost"})
        found = json.loads(answer.text)["data"]["result"]
        time.sleep(1)
    assert found


@pytest.fixture
def database(platform, tmp_path, monkeypatch):
    """CRYO_DB_* for commands on this machine, which reaches pods by their address."""
    pod = json.loads(platform.kubectl("-n", "cryoprotect", "get", "pod", "postgres-0", "-o", "json"))
    [name] = [
        each["secret"]["secretName"]
        for each in pod["spec"]["volumes"]
        if each.get("secret", {}).get("secretName", "").startswith("postgres-password")
    ]
    held = platform.kubectl("-n", "cryoprotect", "get", "secret", name, "-o", "jsonpath={.data.password}")
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_bytes(base64.b64decode(held))
    for key, value in (("HOST", pod["status"]["podIP"]), ("USER", "postgres"), ("NAME", "cryoprotect")):
        monkeypatch.setenv(f"CRYO_DB_{key}", value)
    monkeypatch.setenv("CRYO_DB_PASSWORD_FILE", str(password))


def wait_for_code(wanted):
    deadline = time.monotonic() + REACHED_LIMIT_S
    while time.monotonic() < deadline:
        answer = httpx.post(PREDICTIONS, json=GLYCINE, timeout=10, trust_env=False)
        found = (answer.status_code, answer.json().get("error", {}).get("code"))
        if found == wanted:
            return
        time.sleep(0.5)
    pytest.fail(f"predictions answer {found}, not {wanted}: {answer.text}")


def test_model_answers_nobody_while_its_flag_is_off_and_its_pods_stay(platform, database):
    ready = "{.status.conditions[?(@.type=='Ready')].status}"
    restarts = "{.status.containerStatuses[0].restartCount}"
    listing = f"jsonpath={{range .items[*]}}{{.metadata.name}} {ready} {restarts};{{end}}"
    pods = ("-n", "cryoprotect", "get", "pods", "-l", "app.kubernetes.io/name=model-server", "-o", listing)
    wait_for_code((httpx.codes.OK, None))
    before = platform.kubectl(*pods)
    try:
        platform.cryo("flags", "set", "model.iri-amino", "--off", "--reason", "a cluster test turns it off")
        wait_for_code((httpx.codes.SERVICE_UNAVAILABLE, "model_disabled"))
        while_off = platform.kubectl(*pods)
    finally:
        platform.cryo("flags", "set", "model.iri-amino", "--on", "--reason", "a cluster test turns it on again")
    wait_for_code((httpx.codes.OK, None))

    assert before == while_off == platform.kubectl(*pods)
    assert " True 0;" in before
