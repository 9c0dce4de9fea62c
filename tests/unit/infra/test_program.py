"""What a release relies on, read from the rendered program."""

from __future__ import annotations

import base64

import pytest
import yaml

from agents.release.policy import Policy
from agents.runtime.names import Colour
from infra.seen import Seen

PASSWORDS = {
    "backup-cipher", "backup-store", "backup-tls", "flags-password", "model-server-password",
    "oncall-links-password", "oncall-password", "postgres-password",
}  # fmt: skip
OTHER = {"image": "registry.example.org/model-server@sha256:" + "9" * 64, "version": "0.2.0"}


def with_active(colour, **slots):
    return {"apps": {"model-server": {"active": colour, "slots": slots}}}


def differences(before, after):
    """Return what changed between two renderings, except for the passwords that every run makes anew."""
    old, new = ({(r.type, r.name): r.inputs for r in recorder.rendered} for recorder in (before, after))
    assert old.keys() == new.keys()
    return {name for (type_, name) in old if old[(type_, name)] != new[(type_, name)] and name not in PASSWORDS}


@pytest.fixture(scope="module")
def blue(render):
    return render("local")


@pytest.fixture(scope="module")
def green(render):
    return render("local", with_active("green"))


@pytest.fixture(scope="module")
def rendered(blue, green):
    return {"blue": blue, "green": green}


def test_one_changed_line_is_one_new_release_job_and_the_weights_of_the_first_day(blue, green):
    assert differences(blue, green) == {"release-model-server", "model-server"}


def test_the_route_ignores_what_the_changed_line_would_write(blue, green, find):
    for recorder in (blue, green):
        assert find(recorder, "HTTPRoute", "model-server").ignore_changes == ("spec.rules",)


@pytest.mark.parametrize(("colour", "weights"), [("blue", [100, 0]), ("green", [0, 100])])
def test_a_new_route_starts_with_all_traffic_on_the_active_colour(blue, green, find, colour, weights):
    route = find({"blue": blue, "green": green}[colour], "HTTPRoute", "model-server")

    (rule,) = route.spec["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    assert [(b["name"], b["port"], b["weight"]) for b in rule["backendRefs"]] == [
        ("model-server-blue", 8080, weights[0]),
        ("model-server-green", 8080, weights[1]),
    ]


def test_filling_the_idle_slot_changes_that_colour_and_asks_for_a_new_proof(render, blue):
    filled = render("local", with_active("blue", green=OTHER))

    assert differences(blue, filled) == {"model-server-green", "release-model-server"}


@pytest.mark.parametrize(
    ("colour", "smoke", "stable"),
    [
        ("blue", "http://model-server-blue.cryoprotect.svc:8080", "http://model-server-green.cryoprotect.svc:8080"),
        ("green", "http://model-server-green.cryoprotect.svc:8080", "http://model-server-blue.cryoprotect.svc:8080"),
    ],
)
def test_the_release_job_is_told_where_to_move_and_where_to_look(rendered, find, colour, smoke, stable):
    (container,) = find(rendered[colour], "Job", "release-model-server").containers()

    assert container["args"] == [
        *("-m", "agents.release", "switch", "--namespace", "cryoprotect", "--route", "model-server"),
        *("--to", colour, "--smoke-url", smoke, "--stable-url", stable),
        *("--gateway-url", "http://gateway.cryoprotect-gateway.svc:80", "--deadline-s", "120"),
        *("--content", container["args"][-3], "--policy", container["args"][-1]),
    ]
    annotations = find(rendered[colour], "Deployment", f"model-server-{colour}").inputs["metadata"]["annotations"]
    assert container["args"][-3] == annotations["cryoprotect.io/content"]


def test_the_agent_understands_the_policy_that_it_is_told(rendering, find):
    for stack, steps in (("local", (50, 100)), ("production", (5, 25, 50, 100))):
        (container,) = find(rendering(stack), "Job", "release-model-server").containers()
        policy = Policy.parse(container["args"][-1])

        assert policy.steps == steps
        assert policy.prometheus_url == "http://prometheus.cryoprotect.svc:9090"
        assert policy.capacity
        assert policy.limits[0].name == "memory of a pod over its limit"
        assert "$memory" not in policy.limits[0].query


def test_a_webhook_is_reached_through_its_own_port_and_told_to_the_agent(render, find):
    webhook = {"url": "https://changes.example.org:8443/judge", "deadline_s": 30}
    asked = render("local", {"apps": {"model-server": {"release": {"webhook": webhook}}}})

    (container,) = find(asked, "Job", "release-model-server").containers()
    policy = Policy.parse(container["args"][-1])
    assert (policy.webhook_url, policy.webhook_deadline_s) == ("https://changes.example.org:8443/judge", 30)
    ports = [port["port"] for rule in find(asked, "NetworkPolicy", "release").spec["egress"] for port in rule["ports"]]
    assert ports[-1] == 8443


def test_a_route_with_host_names_is_confirmed_by_its_first(rendering, find):
    (container,) = find(rendering("production"), "Job", "release-model-server").containers()

    assert container["args"][-8:-6] == ["--host", "predict.example.org"]
    assert find(rendering("production"), "HTTPRoute", "model-server").spec["hostnames"] == ["predict.example.org"]


def test_the_release_jobs_template_names_what_both_slots_hold(render, find):
    template = find(render("local", with_active("blue", green=OTHER)), "Job", "release-model-server").spec["template"]

    slots = template["metadata"]["annotations"]["cryoprotect.io/slots"]
    blue, green = slots.split(", ")
    assert blue.startswith(f"blue=localhost/cryoprotect/model-server:{'0' * 16} version=0.1.0 settings=")
    assert green.startswith(f"green={OTHER['image']} version=0.2.0 settings=")


def test_a_changed_setting_of_one_colour_is_a_reason_for_a_new_proof(render, blue):
    tuned = render("local", with_active("blue", green={"settings": {"CRYO_WORKERS": "2"}}))

    assert differences(blue, tuned) == {"model-server-green", "release-model-server"}


def waits_for(recorder, kind, name):
    """Return kind and logical name of everything an object waits for."""
    (request,) = [r for (t, n), r in recorder.requests.items() if n == name and t.endswith(f"1:{kind}")]
    types_and_names = [urn.split("::")[-2:] for urn in request.dependencies]
    return {f"{type_.rsplit(':', maxsplit=1)[-1]} {name}" for type_, name in types_and_names}


def test_no_colour_starts_before_the_migrations_have_succeeded(blue):
    for colour in ("model-server-blue", "model-server-green"):
        assert "Job migrate" in waits_for(blue, "Deployment", colour)


def test_traffic_moves_after_migrations_both_colours_route_and_gateway(blue):
    assert {
        "Deployment model-server-blue",
        "Deployment model-server-green",
        "Gateway gateway",
        "HTTPRoute model-server",
        "Job migrate",
        "RoleBinding release",
    } <= waits_for(blue, "Job", "release-model-server")


def test_migrations_wait_for_the_database(blue):
    (request,) = [request for (_, name), request in blue.requests.items() if name == "migrations"]

    assert any(urn.endswith(":StatefulSet::postgres") for urn in request.dependencies)


def test_an_empty_slot_has_a_service_and_nothing_behind_it(rendering, find):
    production = rendering("production")

    assert find(production, "Service", "model-server-green").spec["selector"]["cryoprotect.io/color"] == "green"
    assert not [r for r in production.objects("Deployment", "ConfigMap") if r.name == "model-server-green"]


def test_each_colour_has_its_own_copy_of_its_settings(blue, find):
    for colour in ("blue", "green"):
        data = find(blue, "ConfigMap", f"model-server-{colour}").inputs["data"]
        (container,) = find(blue, "Deployment", f"model-server-{colour}").containers()

        assert {key: value for key, value in data.items() if not key.startswith("CRYO_TRAINER")} == {
            "CRYO_BIND": "0.0.0.0:8080",
            "CRYO_COLOUR": colour,
            "CRYO_DRAIN_S": "30",
            "CRYO_FLAGS_URL": "http://flags:8080",
            "CRYO_MODELS": "*",
            "CRYO_REGISTRY_DIR": "/var/lib/registry",
            "CRYO_SERVICE_TOKEN_FILE": "/run/secrets/operator/password",
            "CRYO_VERSION": "0.1.0",
        }
        assert container["envFrom"] == [{"configMapRef": {"name": f"model-server-{colour}-1a2b3c4d"}}]


def test_a_colours_selector_holds_no_version_so_a_release_never_replaces_its_deployment(blue, find):
    selector = find(blue, "Deployment", "model-server-blue").spec["selector"]["matchLabels"]

    assert selector == {"app.kubernetes.io/name": "model-server", "cryoprotect.io/color": "blue"}


def test_a_pod_leaves_as_the_drain_settings_say(blue, find):
    deployment = find(blue, "Deployment", "model-server-blue")
    (container,) = deployment.containers()

    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] == 5
    assert deployment.pod["terminationGracePeriodSeconds"] == 45


def test_without_an_autoscaler_the_size_is_the_settings(blue, find):
    deployment = find(blue, "Deployment", "model-server-blue")

    assert deployment.spec["replicas"] == 1
    assert deployment.ignore_changes == ()
    assert not [r for r in blue.rendered if r.kind == "HorizontalPodAutoscaler"]


def test_an_autoscaler_owns_the_size_and_a_new_colour_is_born_at_its_minimum(rendering, find):
    deployment = find(rendering("production"), "Deployment", "model-server-blue")
    scaler = find(rendering("production"), "HorizontalPodAutoscaler", "model-server-blue")

    assert deployment.spec["replicas"] == scaler.spec["minReplicas"] == 3
    assert deployment.ignore_changes == ("spec.replicas",)
    assert scaler.spec["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "model-server-blue-1a2b3c4d",
    }


def test_jobs_and_servers_never_share_a_name_label_so_no_selector_counts_a_job(blue):
    servers = {
        r.spec["selector"]["matchLabels"]["app.kubernetes.io/name"]
        for r in blue.rendered
        if r.kind in {"Deployment", "StatefulSet"}
    }
    jobs = {
        r.spec["template"]["metadata"]["labels"]["app.kubernetes.io/name"] for r in blue.rendered if r.kind == "Job"
    }

    assert jobs == {"flags-login", "migrate", "oncall-login", "release"}
    assert servers.isdisjoint(jobs)


def test_no_service_is_awaited_because_the_release_job_proves_them(blue):
    services = [r for r in blue.rendered if r.kind == "Service"]

    assert {s.name for s in services} == {
        "alertmanager",
        "backup",
        "flags",
        "oncall",
        "gateway",
        "model-server-blue",
        "model-server-green",
        "object-store",
        "postgres",
        "prometheus",
    }
    assert all(s.metadata["annotations"]["pulumi.com/skipAwait"] == "true" for s in services)


def test_every_run_makes_another_password_and_only_the_first_is_kept(blue, green, find):
    secrets = [find(recorder, "Secret", "postgres-password") for recorder in (blue, green)]

    values = [base64.b64decode(s.inputs["data"]["value"]["password"]) for s in secrets]
    assert values[0] != values[1]
    assert all(len(value) >= 43 for value in values)
    assert all(s.ignore_changes == ("data",) for s in secrets)


def test_the_password_reaches_server_and_migrations_as_a_file_only(blue, find):
    for kind, name in (("StatefulSet", "postgres"), ("Job", "migrate")):
        workload = find(blue, kind, name)
        container = next(workload.containers())
        volumes = {v["secret"]["secretName"]: v["name"] for v in workload.pod["volumes"] if "secret" in v}
        paths = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}

        assert paths[volumes["postgres-password-1a2b3c4d"]] == "/run/secrets/postgres"


def test_the_migration_job_knows_where_the_database_is(blue, find):
    (container,) = find(blue, "Job", "migrate").containers()

    assert {v["name"]: v["value"] for v in container["env"]} == {
        "CRYO_DB_HOST": "postgres",
        "CRYO_DB_NAME": "cryoprotect",
        "CRYO_DB_PASSWORD_FILE": "/run/secrets/postgres/password",
        "CRYO_DB_PORT": "5432",
        "CRYO_DB_USER": "postgres",
        "CRYO_VERSION": "0.1.0",
    }


def test_the_database_is_found_by_name_again_with_its_volume(blue, find):
    server = find(blue, "StatefulSet", "postgres")

    assert server.metadata["name"] == "postgres"
    (claim,) = server.spec["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"
    assert "storageClassName" not in claim["spec"]


def test_a_storage_class_is_passed_on(render, find):
    recorder = render("local", {"database": {"storage": {"storage_class": "fast"}}})

    (claim,) = find(recorder, "StatefulSet", "postgres").spec["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "fast"


def test_on_the_host_only_the_gateways_namespace_is_privileged(blue, find):
    level = "pod-security.kubernetes.io/enforce"

    assert find(blue, "Namespace", "gateway").metadata["labels"][level] == "privileged"
    assert find(blue, "Namespace", "apps").metadata["labels"][level] == "restricted"
    gateway = find(blue, "Deployment", "gateway")
    assert gateway.pod["hostNetwork"] is True
    assert find(blue, "Service", "gateway").spec["type"] == "ClusterIP"
    (container,) = gateway.containers()
    assert [v["valueFrom"]["fieldRef"]["fieldPath"] for v in container["env"]] == ["status.hostIP"]


def test_behind_a_service_the_gateway_is_restricted_too(rendering, find):
    staging = rendering("staging")

    assert (
        find(staging, "Namespace", "gateway").metadata["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    )
    gateway = find(staging, "Deployment", "gateway")
    assert "hostNetwork" not in gateway.pod
    assert find(staging, "Service", "gateway").spec["type"] == "LoadBalancer"
    (container,) = gateway.containers()
    assert {p["containerPort"] for p in container["ports"]} == {8081, 8082}
    (port,) = find(staging, "Service", "gateway").spec["ports"]
    assert port["targetPort"] == find(staging, "Gateway", "gateway").spec["listeners"][0]["port"]


def test_the_gateway_is_awaited_until_its_controller_has_accepted_it(blue, find):
    gateway = find(blue, "Gateway", "gateway")

    assert gateway.metadata["annotations"]["pulumi.com/waitFor"] == "condition=Programmed"
    assert "Deployment gateway" in waits_for(blue, "Gateway", "gateway")


def test_prometheus_has_a_route_only_when_it_has_a_host_name(blue, rendering, find):
    assert find(blue, "HTTPRoute", "prometheus").spec["hostnames"] == ["prometheus.localhost"]
    assert {r.name for r in rendering("staging").objects("HTTPRoute")} == {"flags", "model-server", "oncall"}


def test_prometheus_reads_the_configuration_it_is_given(blue, find):
    text = find(blue, "ConfigMap", "prometheus").inputs["data"]["prometheus.yml"]
    (container,) = find(blue, "StatefulSet", "prometheus").containers()

    assert {job["job_name"] for job in yaml.safe_load(text)["scrape_configs"]} == {
        "alertmanager",
        "backup",
        "cadvisor",
        "flags",
        "oncall",
        "gateway",
        "kubelet",
        "model-server",
        "prometheus",
    }
    assert "--config.file=/etc/prometheus/prometheus.yml" in container["args"]
    assert "--storage.tsdb.retention.time=2d" in container["args"]


def test_the_release_agent_may_write_one_route_and_one_record(blue, find):
    rules = find(blue, "Role", "release").inputs["rules"]

    assert [(r["resources"], r.get("resourceNames"), r["verbs"]) for r in rules] == [
        (["httproutes"], ["model-server"], ["get", "patch"]),
        (["configmaps"], ["release-model-server"], ["get", "patch"]),
        (["configmaps"], ["release-model-server-orders"], ["get"]),
        (["pods"], None, ["get"]),
        (["events"], None, ["create"]),
        (["deployments"], None, ["list"]),
        (["configmaps"], None, ["create"]),
    ]


def test_only_pods_that_ask_the_api_server_get_a_token(blue):
    tokens = {r.name for r in blue.rendered if r.pod.get("automountServiceAccountToken")}

    assert tokens == {
        "gateway", "prometheus", "release-model-server",
        # They create training Jobs; see test_training.py for how far that right goes.
        "model-server-blue", "model-server-green",
    }  # fmt: skip


def test_nobody_but_migrations_releases_and_services_of_agents_reaches_the_database(blue, find):
    rule = find(blue, "NetworkPolicy", "postgres").spec["ingress"][0]

    allowed = [peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in rule["from"]]
    assert allowed == ["migrate", "release", "flags", "oncall", "flags-login", "oncall-login"]
    assert rule["ports"] == [{"port": 5432, "protocol": "TCP"}]


def test_the_model_server_may_connect_to_the_api_server_where_it_trains_and_nowhere_else(blue, rendering, find):
    def ports(recorder):
        rules = find(recorder, "NetworkPolicy", "model-server").spec["egress"]
        return {port["port"] for rule in rules for port in rule["ports"]}

    assert ports(blue) - ports(rendering("staging")) == {443, 6443}
    assert not ports(rendering("staging")) & {443, 6443}


def test_all_objects_go_to_the_configured_context(blue):
    (provider,) = [r for r in blue.rendered if r.type == "pulumi:providers:kubernetes"]

    assert provider.inputs["context"] == "cryo-embedded"
    assert provider.inputs["clusterIdentifier"] == "cryo-embedded"


@pytest.mark.parametrize(("stack", "full"), [("staging", 2), ("production", 3)])
def test_only_the_colour_that_may_be_small_has_its_standby_size(render, find, stack, full):
    both = {"apps": {"model-server": {"slots": {"green": OTHER}}}}
    seen = Seen(small={"model-server": Colour.GREEN})
    recorder = render(stack, both, seen)

    kind, field = ("Deployment", "replicas") if stack == "staging" else ("HorizontalPodAutoscaler", "minReplicas")
    sizes = [find(recorder, kind, f"model-server-{colour}").spec[field] for colour in Colour]
    assert sizes == [full, 1]
