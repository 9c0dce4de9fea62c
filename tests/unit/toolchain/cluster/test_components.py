"""Command lines and files of the cluster's processes keep the promises that security and clean-up rest on."""

import dataclasses
import json
import tomllib
from pathlib import Path

import pytest
import yaml

from toolchain.cluster.components import config_files, daemons
from toolchain.cluster.host import HostFacts
from toolchain.cluster.layout import embedded_layout, read_network

LAYOUT = embedded_layout(Path("/var/lib/cryoprotect"), read_network({}))
FACTS = HostFacts(
    is_root=True,
    system="Linux x86_64",
    os_release=("debian", "12"),
    may_raise_oom_score=True,
    cgroup_v2=False,
    resolv_conf=Path("/etc/resolv.conf"),
    nameservers=("192.0.2.53",),
    free_bytes=1,
    memory_bytes=1,
)


def files(facts: HostFacts = FACTS) -> dict[str, str]:
    texts = config_files(LAYOUT, facts, pause_image="localhost/cryoprotect/pause:0", encryption_key="a2V5")
    return {path.name: text for path, text in texts.items()}


def argv_of(name: str) -> tuple[str, ...]:
    return next(daemon.argv for daemon in daemons(LAYOUT, Path("/kube")) if daemon.name == name)


def test_processes_start_in_the_order_in_which_they_need_each_other():
    names = [daemon.name for daemon in daemons(LAYOUT, Path("/kube"))]

    assert names[:2] == ["etcd", "kube-apiserver"]
    assert names.index("containerd") < names.index("kubelet")


@pytest.mark.parametrize(
    ("process", "flag"),
    [
        ("kube-apiserver", "--anonymous-auth=false"),
        ("kube-apiserver", "--authorization-mode=Node,RBAC"),
        ("kube-apiserver", "--bind-address=192.168.177.1"),
        ("kube-apiserver", "--enable-admission-plugins=NodeRestriction"),
        ("etcd", "--client-cert-auth=true"),
        ("etcd", "--peer-client-cert-auth=true"),
        ("kube-controller-manager", "--bind-address=127.0.0.1"),
        ("kube-controller-manager", "--use-service-account-credentials=true"),
        ("kube-scheduler", "--bind-address=127.0.0.1"),
    ],
)
def test_process_keeps_its_security_setting(process, flag):
    assert flag in argv_of(process)


def test_no_process_listens_on_all_addresses():
    arguments = [argument for daemon in daemons(LAYOUT, Path("/kube")) for argument in daemon.argv]
    listening = [argument for argument in arguments if "0.0.0.0" in argument]  # noqa: S104 - compared, not bound

    assert listening == []


def test_no_command_line_holds_the_encryption_key():
    assert not any("a2V5" in argument for daemon in daemons(LAYOUT, Path("/kube")) for argument in daemon.argv)


def test_kubelet_asks_the_api_server_who_may_talk_to_it():
    kubelet = yaml.safe_load(files()["kubelet.yaml"])

    assert kubelet["authentication"]["anonymous"] == {"enabled": False}
    assert kubelet["authorization"] == {"mode": "Webhook"}
    assert kubelet["readOnlyPort"] == 0


def test_missing_capability_switches_on_what_lets_kubelet_and_containers_run_without_it():
    weak = files(dataclasses.replace(FACTS, may_raise_oom_score=False))

    assert yaml.safe_load(weak["kubelet.yaml"])["featureGates"] == {"KubeletInUserNamespace": True}
    assert (
        tomllib.loads(weak["containerd.toml"])["plugins"]["io.containerd.grpc.v1.cri"]["restrict_oom_score_adj"] is True
    )
    assert yaml.safe_load(files()["kubelet.yaml"])["featureGates"] == {"KubeletInUserNamespace": False}


def test_pod_network_is_json_that_leaves_no_iptables_rules_behind():
    network = json.loads(files()["10-cryo.conflist"])

    assert network["plugins"][0]["type"] == "ptp"
    assert network["plugins"][0]["ipMasq"] is False


def test_secrets_are_encrypted_first_and_old_plain_ones_stay_readable():
    providers = yaml.safe_load(files()["encryption.yaml"])["resources"][0]["providers"]

    assert list(providers[0]) == ["secretbox"]
    assert providers[-1] == {"identity": {}}
