from cryo.gitops.field_owners import find_additions
from cryo.gitops.removal import plan_removal

PULUMI = {
    "manager": "pulumi-kubernetes-1a2b",
    "operation": "Apply",
    "fieldsV1": {"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}, "f:type": {}}},
}


def service(*ports, written, **spec):
    other = {"manager": "kubectl-patch", "operation": "Update", "fieldsV1": written}
    metadata = {"name": "flags", "managedFields": [PULUMI, other]}
    return {"kind": "Service", "metadata": metadata, "spec": {"ports": list(ports), "type": "ClusterIP", **spec}}


def remove(live):
    return [each["path"] for each in plan_removal(live, find_additions(live))]


PORT = {"port": 80, "protocol": "TCP"}


def item(port):
    return {f'k:{{"port":{port},"protocol":"TCP"}}': {".": {}, "f:name": {}, "f:port": {}}}


def test_added_items_are_taken_out_from_the_end_so_that_no_index_moves():
    ports = [{"port": 1, "protocol": "TCP"}, PORT, {"port": 2, "protocol": "TCP"}]
    live = service(*ports, written={"f:spec": {"f:ports": item(1) | item(2)}})

    assert remove(live) == ["/spec/ports/2", "/spec/ports/0"]


def test_a_part_is_taken_out_whole_and_what_is_declared_beside_it_stays():
    written = {"f:spec": {"f:sessionAffinityConfig": {"f:clientIP": {"f:timeoutSeconds": {}}}, "f:type": {}}}
    live = service(PORT, written=written, sessionAffinityConfig={"clientIP": {"timeoutSeconds": 1}})

    assert remove(live) == ["/spec/sessionAffinityConfig"]


def test_a_label_with_a_slash_is_escaped():
    live = service(PORT, written={"f:metadata": {"f:labels": {"f:a/b~c": {}}}})
    live["metadata"]["labels"] = {"a/b~c": "x"}

    assert remove(live) == ["/metadata/labels/a~1b~0c"]


def test_what_is_gone_already_and_what_others_wait_for_is_left_alone():
    written = {"f:metadata": {"f:finalizers": {'v:"example.org/keep"': {}}}, "f:spec": {"f:ports": item(9)}}
    live = service(PORT, written=written)
    live["metadata"]["finalizers"] = ["example.org/keep"]

    assert remove(live) == []
