"""Every rule holds for every environment, and every rule finds the one thing that was broken on purpose."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from infra import policies
from infra.rendering import Rendered, Rendering

STACKS = ("local", "staging", "production")


def change(kind, name, path, *, to):
    """Return a step that sets one input of one object; DROP removes it."""

    def step(resource):
        if resource.kind != kind or resource.name != name:
            return resource
        inputs = copy.deepcopy(dict(resource.inputs))
        target = inputs
        *parents, last = path
        for key in parents:
            target = target[key]
        if to is DROP:
            del target[last]
        else:
            target[last] = to
        return replace(resource, inputs=inputs)

    return step


def option(kind, name, **options):
    """Return a step that changes the resource options of one object."""

    def step(resource):
        return replace(resource, **options) if (resource.kind, resource.name) == (kind, name) else resource

    return step


def without(kind, name):
    """Return a step that leaves one object out."""

    def step(resource):
        return None if (resource.kind, resource.name) == (kind, name) else resource

    return step


DROP = object()
POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
BLUE = ("Deployment", "model-server-blue")
CASES = [
    ("provider_is_explicit", option("Namespace", "apps", provider=""), "Namespace apps: uses the default provider"),
    (
        "names_are_automatic",
        change("ConfigMap", "alertmanager", ("metadata", "name"), to="alertmanager"),
        "ConfigMap alertmanager: has the fixed name alertmanager",
    ),
    (
        "labels_are_standard",
        change("Service", "postgres", ("metadata", "labels", "app.kubernetes.io/part-of"), to=DROP),
        "Service postgres: lacks app.kubernetes.io/part-of",
    ),
    ("images_are_pinned", change(*BLUE, (*CONTAINER, "image"), to="r.example.org/a:1.0.0"), "has no digest"),
    ("images_are_pinned", change(*BLUE, (*CONTAINER, "image"), to="r.example.org/a:latest"), "is not a fixed content"),
    ("images_are_pinned", change(*BLUE, (*CONTAINER, "image"), to="a"), "is not a fixed content"),
    ("pods_are_restricted", change(*BLUE, (*POD, "securityContext", "runAsNonRoot"), to=DROP), "may run as root"),
    ("pods_are_restricted", change(*BLUE, (*POD, "securityContext", "seccompProfile"), to=DROP), "no seccomp profile"),
    (
        "pods_are_restricted",
        change(*BLUE, (*CONTAINER, "securityContext", "allowPrivilegeEscalation"), to=DROP),
        "may gain privileges",
    ),
    (
        "pods_are_restricted",
        change(*BLUE, (*CONTAINER, "securityContext", "capabilities"), to=DROP),
        "keeps capabilities",
    ),
    (
        "pods_are_restricted",
        change("Job", "migrate", (*CONTAINER, "securityContext", "readOnlyRootFilesystem"), to=False),
        "Job migrate: may write to its image",
    ),
    ("only_the_gateway_is_on_the_host", change(*BLUE, (*POD, "hostNetwork"), to=True), "uses the node's network"),
    (
        "only_the_gateway_is_on_the_host",
        change(*BLUE, (*CONTAINER, "ports", 0, "hostPort"), to=8080),
        "reserves a port of the node",
    ),
    (
        "only_the_gateway_is_on_the_host",
        change("Deployment", "gateway", (*POD, "hostNetwork"), to=True),
        "declares ports on the node's network",
    ),
    ("resources_are_bounded", change(*BLUE, (*CONTAINER, "resources", "limits"), to={"cpu": "1"}), "has no limits"),
    (
        "resources_are_bounded",
        change("Job", "migrate", (*CONTAINER, "resources", "requests"), to=DROP),
        "has no requests",
    ),
    ("servers_are_probed", change(*BLUE, (*CONTAINER, "startupProbe"), to=DROP), "has no startupProbe"),
    (
        "servers_are_probed",
        change("StatefulSet", "postgres", (*CONTAINER, "readinessProbe"), to=DROP),
        "StatefulSet postgres: has no readinessProbe",
    ),
    ("deployments_drain", change(*BLUE, (*CONTAINER, "lifecycle"), to=DROP), "stops at the first signal"),
    (
        "deployments_drain",
        change(*BLUE, (*POD, "terminationGracePeriodSeconds"), to=5),
        "is killed after 5 s although it serves on for 5 s",
    ),
    ("deployments_drain", change("Deployment", "gateway", (*CONTAINER, "args"), to=[]), "Deployment gateway: stops"),
    (
        "rollouts_keep_capacity",
        change(*BLUE, ("spec", "strategy", "rollingUpdate", "maxUnavailable"), to=1),
        "takes pods away before new ones are ready",
    ),
    ("rollouts_keep_capacity", change(*BLUE, ("spec", "strategy"), to=DROP), "takes pods away"),
    (
        "replicas_survive_a_node",
        without("PodDisruptionBudget", "model-server-blue"),
        "Deployment model-server-blue: has no disruption budget of its own",
    ),
    ("replicas_survive_a_node", change(*BLUE, (*POD, "topologySpreadConstraints"), to=[]), "is not spread over nodes"),
    (
        "secrets_are_marked",
        change("Secret", "postgres-password", ("data",), to={"password": "aHVudGVyMg=="}),
        "Secret postgres-password: data is readable in the state",
    ),
    (
        "secrets_stay_out_of_settings",
        change("ConfigMap", "model-server-blue", ("data", "DATABASE_PASSWORD"), to="hunter2"),
        "DATABASE_PASSWORD does not belong into a ConfigMap",
    ),
    (
        "secrets_stay_out_of_settings",
        change("Job", "migrate", (*CONTAINER, "env"), to=[{"name": "API_TOKEN", "value": "x"}]),
        "the variable API_TOKEN shows a secret",
    ),
    ("jobs_end", change("Job", "migrate", ("spec", "activeDeadlineSeconds"), to=DROP), "has no deadline"),
    ("jobs_end", change("Job", "migrate", ("spec", "backoffLimit"), to=6), "does not fail at once"),
    (
        "jobs_end",
        change("Job", "migrate", ("spec", "podFailurePolicy", "rules", 0, "action"), to="FailJob"),
        "does not fail at once",
    ),
    ("jobs_end", change("Job", "migrate", ("spec", "ttlSecondsAfterFinished"), to=60), "looks like drift"),
    ("jobs_end", change("Job", "migrate", ("metadata", "annotations"), to=DROP), "stays failed"),
    ("jobs_end", option("Job", "migrate", replace_on_changes=()), "would be changed in place"),
    ("rights_are_least", change("Role", "release", ("rules", 0, "verbs"), to=["*"]), "has a wildcard"),
    (
        "rights_are_least",
        change("Role", "release", ("rules", 0, "resourceNames"), to=DROP),
        "may patch every one of httproutes",
    ),
    (
        "rights_are_least",
        change("ServiceAccount", "migrate", ("automountServiceAccountToken",), to=DROP),
        "gives its token to every pod",
    ),
    (
        "creators_of_workloads_are_guarded",
        change("ValidatingAdmissionPolicyBinding", "training-create", ("spec", "validationActions"), to=["Audit"]),
        "Role training: may create any of jobs",
    ),
    (
        "creators_of_workloads_are_guarded",
        change("ValidatingAdmissionPolicy", "training-create", ("spec", "failurePolicy"), to="Ignore"),
        "Role training: may create any of jobs",
    ),
    (
        "rights_are_least",
        without("ValidatingAdmissionPolicyBinding", "training-delete"),
        "may delete every one of jobs",
    ),
    ("weights_have_one_owner", option("HTTPRoute", "model-server", ignore_changes=()), "an update would move traffic"),
    ("namespaces_are_closed", without("NetworkPolicy", "apps-default-deny"), "Namespace apps: is open to all traffic"),
    (
        "namespaces_are_closed",
        change("NetworkPolicy", "apps-default-deny", ("spec", "ingress"), to=[{}]),
        "is open to all traffic",
    ),
    (
        "namespaces_are_closed",
        change("Namespace", "apps", ("metadata", "labels", "pod-security.kubernetes.io/enforce"), to=DROP),
        "takes any pod",
    ),
    ("data_is_protected", option("StatefulSet", "postgres", protect=False), "StatefulSet postgres: can be deleted"),
    ("data_is_protected", option("Namespace", "apps", protect=False), "Namespace apps: can be deleted"),
    ("data_is_protected", option("Secret", "postgres-password", protect=False), "postgres-password: can be deleted"),
    ("data_is_protected", option("PersistentVolumeClaim", "registry", protect=False), "registry: can be deleted"),
]


@pytest.mark.parametrize("stack", STACKS)
def test_every_environment_keeps_every_rule(rendering, stack):
    assert policies.violations(rendering(stack)) == []


@pytest.mark.parametrize(("rule", "step", "sentence"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_a_rule_finds_what_was_broken_and_no_other_rule_does(rendering, rule, step, sentence):
    whole = rendering("production")
    changed = [step(resource) for resource in whole.resources]
    broken = replace(whole, resources=tuple(r for r in changed if r is not None))

    found = {r.__name__: list(r(broken)) for r in policies.RULES}

    assert broken.resources != whole.resources, "the case changed nothing"
    assert any(sentence in violation for violation in found.pop(rule)), found
    assert not any(found.values()), found


def test_every_rule_has_a_case_that_breaks_it():
    assert {rule.__name__ for rule in policies.RULES} == {case[0] for case in CASES}


def test_data_may_be_deleted_where_nothing_asks_for_protection(rendering):
    assert not rendering("local").protect_data
    assert not any(resource.protect for resource in rendering("local").resources)


def test_a_resource_outside_of_kubernetes_is_no_object():
    rendered = Rendered(type="docker:index/image:Image", name="image", inputs={})

    assert list(Rendering(resources=(rendered,)).objects()) == []
    assert str(rendered) == "Image image"
