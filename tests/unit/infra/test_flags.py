"""The flags service in the cluster: which role it is, who may ask it, and where it is reached."""

from __future__ import annotations

import pytest

from model_server.serve.settings import ServeSettings

PASSWORD_FILE = "/run/secrets/flags/password"  # noqa: S105 - a path


@pytest.fixture(scope="module")
def blue(render):
    return render("local")


def env_of(container):
    return {each["name"]: each["value"] for each in container["env"]}


def secrets_of(workload):
    return {each["secret"]["secretName"] for each in workload.pod["volumes"] if "secret" in each}


def test_service_logs_in_as_its_own_role_and_never_sees_the_owners_password(blue, find):
    deployment = find(blue, "Deployment", "flags")
    (container,) = deployment.containers()

    assert env_of(container)["CRYO_DB_USER"] == "cryo_flags"
    assert env_of(container)["CRYO_DB_PASSWORD_FILE"] == PASSWORD_FILE
    assert secrets_of(deployment) == {"flags-password-1a2b3c4d"}


def test_role_may_log_in_before_the_service_starts(blue, find):
    job = find(blue, "Job", "flags-login")
    (container,) = job.containers()
    (request,) = [r for (t, name), r in blue.requests.items() if name == "flags" and t.endswith(":Deployment")]

    assert any(urn.endswith(":Job::flags-login") for urn in request.dependencies)
    assert container["args"][2:] == ["allow-login", "--password-file", PASSWORD_FILE]
    assert env_of(container)["CRYO_DB_USER"] == "postgres"
    assert secrets_of(job) == {"flags-password-1a2b3c4d", "postgres-password-1a2b3c4d"}


def test_role_exists_before_it_may_log_in(blue):
    (request,) = [
        request for (type_, name), request in blue.requests.items() if name == "flags-login" and type_.endswith(":Job")
    ]

    assert any(urn.endswith(":Job::migrate") for urn in request.dependencies)


def test_requests_never_reach_the_job_that_sets_the_password(blue, find):
    selector = find(blue, "Service", "flags").spec["selector"]
    labels = find(blue, "Job", "flags-login").spec["template"]["metadata"]["labels"]

    assert not selector.items() <= labels.items()


def test_path_of_the_flags_wins_over_the_application_on_the_same_hosts(rendering, find):
    production = rendering("production")
    route, app = (find(production, "HTTPRoute", name) for name in ("flags", "model-server"))

    (rule,) = route.spec["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/ofrep"}}]
    assert [(b["name"], b["port"]) for b in rule["backendRefs"]] == [("flags", 8080)]
    assert route.spec["hostnames"] == app.spec["hostnames"]


def test_only_gateway_prometheus_and_model_server_may_ask_and_only_the_database_is_asked(blue, find):
    spec = find(blue, "NetworkPolicy", "flags").spec
    (incoming,) = spec["ingress"]
    outgoing = [rule["ports"][0]["port"] for rule in spec["egress"]]

    assert incoming["ports"] == [{"port": 8080, "protocol": "TCP"}]
    assert [sorted(peer) for peer in incoming["from"]] == [["podSelector"], ["podSelector"], ["namespaceSelector"]]
    assert outgoing == [53, 5432]


def test_environment_without_flags_has_nothing_of_them_and_its_model_server_asks_nobody(render, find):
    recorder = render("local", {"flags": {"enabled": False}})

    assert not [r for r in recorder.rendered if r.name.startswith("flags") and r.kind != "Secret"]
    assert "CRYO_FLAGS_URL" not in find(recorder, "ConfigMap", "model-server-blue").inputs["data"]


def test_model_server_is_told_where_flags_are_and_may_go_there(rendering, find):
    for stack in ("local", "production"):
        rendered = rendering(stack)
        data = find(rendered, "ConfigMap", "model-server-blue").inputs["data"]
        outgoing = find(rendered, "NetworkPolicy", "model-server").spec["egress"]

        assert ServeSettings.from_environment(data).flags_url.netloc == "flags:8080"
        named = [rule["to"][0].get("podSelector", {}).get("matchLabels") for rule in outgoing]
        assert {"app.kubernetes.io/name": "flags"} in named
        assert 53 in {port["port"] for rule in outgoing for port in rule["ports"]}
