"""The on-call agent in the cluster: which role it is, who reaches it, and where its secrets are."""

from __future__ import annotations

import pytest

from infra.errors import InfraError


@pytest.fixture(scope="module")
def local(render):
    return render("local")


def env_of(container):
    return {each["name"]: each["value"] for each in container["env"]}


def mounts_of(container):
    return {each["name"]: each["mountPath"] for each in container["volumeMounts"]}


def secrets_of(workload):
    return {each["secret"]["secretName"] for each in workload.pod["volumes"] if "secret" in each}


def test_agent_logs_in_as_its_own_role_and_never_sees_the_owners_password(local, find):
    deployment = find(local, "Deployment", "oncall")
    (container,) = deployment.containers()
    env, mounts = env_of(container), mounts_of(container)

    assert env["CRYO_DB_USER"] == "cryo_oncall"
    assert env["CRYO_DB_PASSWORD_FILE"] == f"{mounts['oncall-password']}/password"
    assert env["CRYO_ONCALL_LINK_KEY_FILE"] == f"{mounts['links']}/password"
    assert env["CRYO_ONCALL_ROSTER"] == f"{mounts['roster']}/roster.yaml"
    assert secrets_of(deployment) == {"oncall-password-1a2b3c4d", "oncall-links-password-1a2b3c4d"}


def test_one_machine_has_no_channel_and_its_links_lead_to_the_gateway(local, find):
    (container,) = find(local, "Deployment", "oncall").containers()
    env = env_of(container)

    assert [name for name in env if "SMTP" in name or "SLACK" in name] == []
    assert env["CRYO_ONCALL_PUBLIC_URL"] == "http://127.0.0.1:8080"


def test_production_reads_its_channels_from_files(rendering, find):
    deployment = find(rendering("production"), "Deployment", "oncall")
    (container,) = deployment.containers()
    env, folder = env_of(container), mounts_of(container)["channels"]

    assert env["CRYO_ONCALL_SLACK_URL_FILE"] == f"{folder}/slack-url"
    assert env["CRYO_ONCALL_SMTP_PASSWORD_FILE"] == f"{folder}/smtp-password"
    assert env["CRYO_ONCALL_SMTP_ENCRYPTION"] == "starttls"
    assert "oncall-channels" in secrets_of(deployment)


def test_role_may_log_in_before_the_agent_starts_and_exists_before_that(local):
    wanted = {("Deployment", "oncall"): ":Job::oncall-login", ("Job", "oncall-login"): ":Job::migrate"}
    for (kind, name), before in wanted.items():
        (request,) = [r for (type_, n), r in local.requests.items() if n == name and type_.endswith(f":{kind}")]
        assert any(urn.endswith(before) for urn in request.dependencies)


def test_gateway_shows_links_and_neither_webhook_nor_metrics(local, find):
    (rule,) = find(local, "HTTPRoute", "oncall").spec["rules"]

    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/oncall/act"}}]


@pytest.mark.parametrize(("stack", "ports"), [("local", [53, 5432]), ("production", [53, 5432, 443])])
def test_only_its_callers_reach_it_and_it_reaches_only_what_it_needs(rendering, find, stack, ports):
    spec = find(rendering(stack), "NetworkPolicy", "oncall").spec
    (incoming,) = spec["ingress"]

    assert incoming["ports"] == [{"port": 8080, "protocol": "TCP"}]
    assert [sorted(peer) for peer in incoming["from"]] == [["podSelector"], ["podSelector"], ["namespaceSelector"]]
    assert [rule["ports"][0]["port"] for rule in spec["egress"]] == ports


def test_environment_without_the_agent_has_nothing_of_it(render):
    recorder = render("local", {"oncall": {"enabled": False, "roster": "none.yaml"}})

    assert not [r for r in recorder.rendered if r.name.startswith("oncall") and r.kind != "Secret"]


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"slack": True}, "oncall.secret"),
        ({"roster": "none.yaml"}, "oncall.roster: none.yaml cannot be read"),
        ({"public_url": "https://x/y"}, "oncall.public_url"),
        (
            {"mail": {"host": "mail.example.org", "port": 25, "encryption": "none", "sender": "a@b", "user": None}},
            "mail",
        ),
    ],
)
def test_settings_that_would_reach_nobody_are_refused(render, over, told):
    with pytest.raises(InfraError, match=told):
        render("local", {"oncall": over})
