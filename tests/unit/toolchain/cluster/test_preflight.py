"""Every reason why the cluster cannot run here is told with its remedy, before anything starts."""

import dataclasses
import ipaddress
import os
import socket
from pathlib import Path

import pytest

from toolchain.cluster.host import HostFacts, parse_nameservers, read_host
from toolchain.cluster.layout import embedded_layout, read_network
from toolchain.cluster.preflight import check_host, check_network, check_ports, held_ranges, listening
from toolchain.errors import PermanentToolchainError

GOOD = HostFacts(
    is_root=True,
    system="Linux x86_64",
    os_release=("debian", "12"),
    may_raise_oom_score=True,
    cgroup_v2=True,
    resolv_conf=Path("/etc/resolv.conf"),
    nameservers=("192.0.2.53",),
    free_bytes=50_000_000_000,
    memory_bytes=8_000_000_000,
)
LAYOUT = embedded_layout(Path("/var/lib/cryoprotect"), read_network({}))


def test_supported_machine_has_no_problem():
    assert check_host(GOOD) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"is_root": False}, "not root", id="not-root"),
        pytest.param({"system": "Darwin arm64"}, "Darwin arm64 is not supported", id="system"),
        pytest.param({"os_release": ("fedora", "44")}, "fedora 44 is not supported", id="distribution"),
        pytest.param({"os_release": ("debian", "11")}, "debian 11 is not supported", id="old-debian"),
        pytest.param({"free_bytes": 1_000_000_000}, "1.0 GB free, 5 GB needed", id="disk"),
        pytest.param({"memory_bytes": 1_000_000_000}, "1.0 GB of memory, 2 GB needed", id="memory"),
    ],
)
def test_each_shortcoming_is_one_problem_with_a_remedy(change, said):
    (problem,) = check_host(dataclasses.replace(GOOD, **change))

    assert said in problem.what
    assert problem.remedy


@pytest.mark.parametrize(
    ("held", "names"),
    [
        ("10.244.0.0/16", ["pods"]),
        ("10.0.0.0/8", ["pods", "services"]),
        ("192.168.177.0/24", ["node"]),
        ("192.0.2.0/24", []),
    ],
)
def test_range_that_overlaps_an_address_of_the_host_is_refused_by_name(held, names):
    problems = check_network(LAYOUT.network, [("eth0", ipaddress.IPv4Network(held))])

    assert names == [
        name for name in ("pods", "services", "node") if any(f"the {name} range" in p.what for p in problems)
    ]
    assert all("eth0" in problem.what and "CIDR" in problem.remedy for problem in problems)


@pytest.mark.parametrize(
    ("address", "port", "said"),
    [
        pytest.param("127.0.0.1", 8080, "the gateway", id="gateway"),
        pytest.param("0.0.0.0", 8080, "the gateway", id="gateway-on-all"),  # noqa: S104 - compared, not bound
        pytest.param("::", 16443, "the API server", id="api-on-all"),
        pytest.param("127.0.0.1", 12379, "a cluster process", id="etcd"),
    ],
)
def test_busy_port_names_its_owner_and_its_user(address, port, said):
    (problem,) = check_ports(LAYOUT, 8080, [(address, port, "nginx (pid 7)")])

    assert said in problem.what
    assert "nginx (pid 7)" in problem.what


def test_port_on_another_address_is_no_problem():
    assert check_ports(LAYOUT, 8080, [("192.0.2.2", 8080, "nginx (pid 7)")]) == ()


def test_listening_finds_a_real_socket_and_leaves_out_own_processes():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        found = {entry[1] for entry in listening(frozenset())}
        others = {entry[1] for entry in listening(frozenset({os.getpid()}))}

    assert port in found
    assert port not in others


def test_held_ranges_never_hold_loopback():
    assert all(device != "lo" for device, _ in held_ranges())


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("nameserver 192.0.2.53\n", ("192.0.2.53",)),
        ("nameserver 127.0.0.53\noptions edns0\n", ()),
        ("# nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver ::1\n", ("192.0.2.2",)),
        ("", ()),
    ],
)
def test_only_nameservers_that_pods_can_reach_count(text, servers):
    assert parse_nameservers(text) == servers


def test_host_is_read_even_where_the_state_folder_does_not_exist_yet(tmp_path):
    facts = read_host(tmp_path / "not" / "there")

    assert facts.free_bytes > 0
    assert facts.system.startswith("Linux")


@pytest.mark.parametrize("name", ["CRYO_PODS_CIDR", "CRYO_SERVICES_CIDR", "CRYO_NODE_CIDR"])
def test_range_that_is_none_is_refused_with_an_example(name):
    with pytest.raises(PermanentToolchainError, match=r"give a range such as"):
        read_network({name: "ten dot something"})
