"""What is applied to the cluster is complete YAML with every blank filled in."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from toolchain.cluster.addons import gateway_api_manifests, system_manifest
from toolchain.cluster.host import HostFacts
from toolchain.cluster.layout import embedded_layout, read_network
from toolchain.cluster.network import masquerade_rules

LAYOUT = embedded_layout(Path("/h"), read_network({}))
FACTS = HostFacts(
    is_root=True,
    system="Linux x86_64",
    os_release=("debian", "12"),
    may_raise_oom_score=True,
    cgroup_v2=False,
    resolv_conf=Path("/etc/resolv.conf"),
    nameservers=("192.0.2.53", "192.0.2.54"),
    free_bytes=1,
    memory_bytes=1,
)


def corefile(facts: HostFacts) -> str:
    documents = yaml.safe_load_all(system_manifest(LAYOUT, facts, "localhost/cryoprotect/coredns:0"))
    return next(document["data"]["Corefile"] for document in documents if document["kind"] == "ConfigMap")


def test_dns_answers_at_the_address_that_the_kubelet_tells_pods():
    documents = list(yaml.safe_load_all(system_manifest(LAYOUT, FACTS, "localhost/cryoprotect/coredns:0")))

    service = next(document for document in documents if document["kind"] == "Service")
    assert service["spec"]["clusterIP"] == str(LAYOUT.network.dns_service)


@pytest.mark.parametrize(("servers", "line"), [(("192.0.2.53",), "forward . 192.0.2.53"), ((), None)])
def test_outside_names_are_asked_only_where_somebody_answers(servers, line):
    text = corefile(dataclasses.replace(FACTS, nameservers=servers))

    assert ("forward" in text) is (line is not None)
    assert line is None or line in text


def test_definitions_become_one_stream_in_a_fixed_order(tmp_path):
    (tmp_path / "b.yaml").write_text("kind: B\n")
    (tmp_path / "a.yaml").write_text("kind: A\n")

    assert [document["kind"] for document in yaml.safe_load_all(gateway_api_manifests(tmp_path))] == ["A", "B"]


def test_traffic_between_pods_services_and_node_keeps_its_source():
    rules = masquerade_rules(LAYOUT)

    assert "ip saddr 10.244.0.0/24 ip daddr != { 10.244.0.0/24, 10.96.0.0/16, 192.168.177.1 } masquerade" in rules
    assert rules.index("flush table") < rules.index("chain postrouting")
