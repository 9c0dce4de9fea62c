"""Training in the cluster as it is declared: one volume, one right, and the policy that narrows the right."""

from __future__ import annotations

import re

import pytest

from infra.errors import ConfigError
from infra.training_rules import creation_rules, deletion_rule
from model_server.jobs.cluster.manifest import PodPlan, build_job
from model_server.jobs.job import Order, new_job
from model_server.registry.record import Act
from model_server.serve.settings import ServeSettings

COLOURS = ("model-server-blue", "model-server-green")
JOB = new_job(
    "20261124-120000-abc123", Order("tg", "2.0.0", 1), Act("2026-11-24T12:00:00Z", "ada", "more sugars measured")
)


@pytest.fixture(scope="module")
def local(rendering):
    return rendering("local")


def test_both_colours_share_one_registry_volume_and_read_the_operators_token_from_a_file(local, find):
    for colour in COLOURS:
        deployment = find(local, "Deployment", colour)
        (container,) = deployment.containers()
        volumes = {volume["name"]: volume for volume in deployment.pod["volumes"]}
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        data = find(local, "ConfigMap", colour).inputs["data"]

        assert volumes["registry"]["persistentVolumeClaim"]["claimName"] == "registry-1a2b3c4d"
        assert mounts["registry"] == data["CRYO_REGISTRY_DIR"]
        assert volumes["operator-token"]["secret"]["secretName"] == "model-server-password-1a2b3c4d"
        assert data["CRYO_SERVICE_TOKEN_FILE"] == f"{mounts['operator-token']}/password"


def test_server_understands_every_setting_that_it_is_given(local, find):
    data = find(local, "ConfigMap", "model-server-blue").inputs["data"]

    settings = ServeSettings.from_environment(data)

    assert settings.trainer == "kubernetes"
    assert settings.trainer_image.startswith("localhost/cryoprotect/trainer:")
    assert settings.trainer_claim == "registry-1a2b3c4d"
    assert dict(settings.trainer_limits) == {"cpu": "1", "memory": "1Gi"}


def test_without_a_registry_nothing_is_mounted_and_no_right_is_given(rendering, find):
    staging = rendering("staging")

    assert list(staging.objects("PersistentVolumeClaim", "ValidatingAdmissionPolicy")) == []
    assert not any(role.name == "training" for role in staging.objects("Role"))
    assert find(staging, "Deployment", "model-server-blue").pod["automountServiceAccountToken"] is False


def test_training_without_a_registry_is_refused_with_the_key_to_change(render):
    with pytest.raises(ConfigError, match=r"training\.enabled"):
        render("local", {"registry": None})


def test_right_to_create_jobs_is_given_after_both_policies_are_bound(render):
    recorder = render("local")
    (request,) = [r for (t, n), r in recorder.requests.items() if n == "training" and t.endswith(":RoleBinding")]

    waited = {urn.split("::")[-1] for urn in request.dependencies}
    assert {"training-create", "training-delete"} <= waited


def test_policies_decide_about_the_model_servers_account_only(local, find):
    for name, operations in (("training-create", ["CREATE", "UPDATE"]), ("training-delete", ["DELETE"])):
        spec = find(local, "ValidatingAdmissionPolicy", name).spec
        (condition,) = spec["matchConditions"]
        (rule,) = spec["matchConstraints"]["resourceRules"]

        assert condition["expression"] == (
            "request.userInfo.username == 'system:serviceaccount:cryoprotect:model-server'"
        )
        assert (rule["apiGroups"], rule["resources"], rule["operations"]) == (["batch"], ["jobs"], operations)
        assert spec["failurePolicy"] == "Fail"


def test_policy_names_the_image_and_the_claim_of_the_environment(local, find):
    validations = find(local, "ValidatingAdmissionPolicy", "training-create").spec["validations"]
    text = "\n".join(each["expression"] for each in validations)

    assert f"variables.container.image == 'localhost/cryoprotect/trainer:{'0' * 16}'" in text
    assert "claimName == 'registry-1a2b3c4d'" in text
    assert "activeDeadlineSeconds <= 3600" in text
    assert all(each["message"] for each in validations)


def test_quotes_of_every_rule_are_balanced():
    for rule in [*creation_rules(image="i", claim="c", deadline_s=1), deletion_rule()]:
        assert rule.expression.count("'") % 2 == 0
        assert rule.expression.count("(") == rule.expression.count(")")


def test_job_of_the_server_names_what_the_rules_ask_for():
    """The API server judges the expressions themselves, in tests/cluster/test_training.py."""
    plan = PodPlan("trainer:1", "registry-1", "trainer", {"cpu": "1"}, {"cpu": "1"}, 600)
    manifest = build_job(JOB, plan, account_uid="u-1")
    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert re.fullmatch(r"train-[0-9]{8}-[0-9]{6}-[0-9a-f]{6}", manifest["metadata"]["name"])
    assert manifest["metadata"]["labels"]["app.kubernetes.io/name"] == "trainer"
    assert manifest["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] == "trainer"
    assert (container["image"], container["args"][:2]) == ("trainer:1", ["-m", "model_server.train"])
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("trainer", False)
    assert {"env", "envFrom", "command"} & set(container) == set()
    assert [(m.get("subPath"), m.get("readOnly", False)) for m in container["volumeMounts"]] == [
        ("datasets", True),
        ("training/20261124-120000-abc123", False),
        (None, False),
    ]
    assert {kind for volume in pod["volumes"] for kind in volume} == {"name", "persistentVolumeClaim", "emptyDir"}
