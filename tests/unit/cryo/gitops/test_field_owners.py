import pytest

from cryo.gitops.field_owners import Drift, find_edits, find_strangers, pulumi_manager

PULUMI = {"manager": "pulumi-kubernetes-1a2b", "operation": "Apply", "fieldsV1": {"f:rules": {}}}
AT = "2026-11-24T18:35:20Z"
NAMES = frozenset({("Role", "apps/release"), ("HTTPRoute", "apps/model-server"), ("Deployment", "apps/blue")})


def live(kind, name, *entries, **metadata):
    return {"kind": kind, "metadata": {"namespace": "apps", "name": name, "managedFields": [*entries], **metadata}}


def entry(manager, fields, **more):
    return {"manager": manager, "operation": "Update", "time": AT, "fieldsV1": fields, **more}


def test_a_rule_added_by_hand_is_told_with_who_and_when():
    labels = {**PULUMI, "fieldsV1": {"f:metadata": {"f:labels": {"f:app": {}}}}}
    role = live("Role", "release", labels, entry("kubectl-patch", {"f:rules": {}}))

    assert find_edits([role], NAMES) == (Drift("Role", "apps/release", f"rules written by kubectl-patch at {AT}"),)


@pytest.mark.parametrize(
    "written",
    [
        PULUMI,
        entry(
            "kube-controller-manager", {"f:metadata": {"f:annotations": {"f:deployment.kubernetes.io/revision": {}}}}
        ),
        entry("traefik", {"f:status": {"f:parents": {}}}, subresource="status"),
        entry("kubectl-edit", {"f:status": {"f:replicas": {}}}, subresource="status"),
    ],
)
def test_what_pulumi_and_controllers_write_is_no_drift(written):
    assert find_edits([live("Deployment", "blue", written)], NAMES) == ()


def test_a_field_that_pulumi_owns_too_holds_what_is_declared():
    role = live(
        "Role", "release", PULUMI, entry("kubectl-patch", {"f:rules": {}, "f:metadata": {"f:labels": {"f:x": {}}}})
    )

    (found,) = find_edits([role], NAMES)

    assert found.what.startswith("metadata.labels.x written by")


def test_an_item_added_to_a_list_is_told_by_the_list():
    item = {'k:{"name":"EXTRA"}': {".": {}, "f:name": {}, "f:value": {}}}
    fields = {"f:spec": {"f:ports": item}}

    (found,) = find_edits([live("Deployment", "blue", PULUMI, entry("kubectl-set", fields))], NAMES)

    assert found.what.startswith("spec.ports written by")


def test_the_release_agent_owns_the_weights_and_nothing_else_of_a_route():
    weights, names = {"f:rules": {}}, {"f:hostnames": {}}

    assert find_edits([live("HTTPRoute", "model-server", entry("cryo-release", {"f:spec": weights}))], NAMES) == ()
    (found,) = find_edits(
        [live("HTTPRoute", "model-server", entry("cryo-release", {"f:spec": weights | names}))], NAMES
    )
    assert found.what == f"spec.hostnames written by cryo-release at {AT}"


def test_deep_fields_are_cut_where_a_person_can_still_read_them():
    container = {'k:{"name":"server"}': {".": {}, "f:image": {}}}
    fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": container}}, "f:replicas": {}}}

    (found,) = find_edits([live("Deployment", "blue", entry("kubectl-set", fields))], NAMES)

    assert found.what.startswith("spec.replicas, spec.template.spec written by kubectl-set")


def test_objects_of_others_are_not_looked_at():
    assert find_edits([live("Role", "somebody-elses", entry("kubectl-patch", {"f:rules": {}}))], NAMES) == ()


def test_an_object_that_is_not_in_git_is_a_stranger():
    policy = live("NetworkPolicy", "let-in", entry("kubectl-create", {"f:spec": {}}))

    assert find_strangers([policy], NAMES, frozenset({"apps"})) == (
        Drift("NetworkPolicy", "apps/let-in", "is not in Git; made by kubectl-create"),
    )


@pytest.mark.parametrize(
    "welcome",
    [
        live("ConfigMap", "kube-root-ca.crt", entry("kube-controller-manager", {"f:data": {}})),
        live("ServiceAccount", "default"),
        live("Job", "backup-1", entry("kubectl-create", {"f:spec": {}}), ownerReferences=[{"kind": "CronJob"}]),
        live("Job", "cryo-backup-1", entry("cryo", {"f:spec": {}})),
        live("ConfigMap", "release-model-server", entry("cryo-release", {"f:data": {"f:record": {}}})),
    ],
    ids=lambda each: each["metadata"]["name"],
)
def test_what_kubernetes_and_our_agents_make_is_no_stranger(welcome):
    assert find_strangers([welcome], NAMES, frozenset({"apps"})) == ()


def test_other_namespaces_are_not_ours():
    policy = live("NetworkPolicy", "let-in", entry("kubectl-create", {"f:spec": {}}))

    assert find_strangers([policy], NAMES, frozenset({"elsewhere"})) == ()


def test_the_name_under_which_pulumi_writes_is_read_from_the_object():
    assert pulumi_manager(live("Role", "release", PULUMI)) == "pulumi-kubernetes-1a2b"
    assert pulumi_manager(live("Role", "release")) is None
