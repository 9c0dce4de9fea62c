"""Edits behind Git's back are found, each of them, and can be taken back."""

import json

import pytest

NAMESPACE = "cryoprotect"
EVE = {"kind": "User", "name": "eve", "apiGroup": "rbac.authorization.k8s.io"}
ANYTHING = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}


def add(path, value):
    return ("json", [{"op": "add", "path": path, "value": value}])


def set_to(path, value):
    return ("json", [{"op": "replace", "path": path, "value": value}])


# Kind, a part of its name, and what somebody does to it.
EDITS = [
    ("role", "release", add("/rules/-", ANYTHING)),
    ("role", "training", set_to("/rules/0/verbs", ["*"])),
    ("rolebinding", "release", add("/subjects/-", EVE)),
    ("clusterrole", "gateway", add("/rules/-", ANYTHING)),
    ("clusterrolebinding", "gateway", add("/subjects/-", EVE)),
    ("service", "prometheus", ("merge", {"spec": {"selector": {"app.kubernetes.io/name": "other"}}})),
    ("service", "flags", add("/spec/ports/-", {"name": "other", "port": 9999})),
    ("networkpolicy", "migrate", set_to("/spec/policyTypes", ["Ingress"])),
    ("networkpolicy", "flags", ("merge", {"spec": {"ingress": [{}]}})),
    ("cronjob", "backup-diff", ("merge", {"spec": {"schedule": "0 0 31 2 *"}})),
    ("cronjob", "backup-verify", ("merge", {"spec": {"concurrencyPolicy": "Allow"}})),
    ("poddisruptionbudget", "model-server-green", ("merge", {"spec": {"maxUnavailable": "50%"}})),
    ("serviceaccount", "migrate", ("merge", {"automountServiceAccountToken": True})),
    ("httproute", "prometheus", ("merge", {"spec": {"hostnames": ["elsewhere.localhost"]}})),
    ("validatingadmissionpolicy", "training-create", ("merge", {"spec": {"failurePolicy": "Ignore"}})),
    ("namespace", NAMESPACE, ("merge", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}})),
    ("deployment", "model-server-green", ("merge", {"spec": {"progressDeadlineSeconds": 601}})),
    ("statefulset", "object-store", ("merge", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 31}}}})),
]
STRANGER = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "let-everything-in", "namespace": NAMESPACE},
    "spec": {"podSelector": {}, "ingress": [{}]},
}


@pytest.fixture
def stranger(platform, tmp_path):
    file = tmp_path / "stranger.json"
    file.write_text(json.dumps(STRANGER))
    platform.kubectl("create", "-f", str(file))
    yield f"{NAMESPACE}/{STRANGER['metadata']['name']}"
    platform.kubectl("delete", "--ignore-not-found", "-f", str(file))


def look(platform, *arguments):
    done = platform.cryo("drift", "--json", *arguments, check=False)
    document = json.loads(done.stdout)
    return done.returncode, {(each["kind"].lower(), each["name"].split("/")[-1]) for each in document["drift"]}


def full_name(platform, kind, part):
    names = platform.kubectl("-n", NAMESPACE, "get", kind, "-o", "name").split()
    stems = [name.split("/")[-1] for name in names]
    return next(name for name in stems if name == part or name.rpartition("-")[0] == part)


def edit(platform, kind, part, patch):
    name = full_name(platform, kind, part)
    form, content = patch
    platform.kubectl("-n", NAMESPACE, "patch", kind, name, f"--type={form}", "-p", json.dumps(content))
    return kind, name


def test_every_edit_by_hand_is_found_and_taken_back_and_nothing_else_is_told(platform, stranger):
    before = look(platform, "--take-back")
    edited = {edit(platform, *each) for each in EDITS}
    gone = ("serviceaccount", "trainer")
    platform.kubectl("-n", NAMESPACE, "delete", *gone)

    found = look(platform)
    platform.cryo("drift", "--take-back", check=False)
    platform.pulumi("up", "--yes", "--skip-preview", "--refresh")
    after = look(platform)

    strange = ("networkpolicy", stranger.split("/")[-1])
    assert before == (70, {strange})
    assert found == (70, {*edited, gone, strange})
    assert after == (70, {strange})
