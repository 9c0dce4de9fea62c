from __future__ import annotations

from pathlib import Path

import pytest

from infra.config import Environment
from infra.environment_files import load_environment
from infra.traefik import arguments, entry_points, listeners

ENVIRONMENTS = Path(__file__).parents[3] / "environments"


@pytest.fixture
def on_host():
    return load_environment(ENVIRONMENTS, "local").gateway


@pytest.fixture
def behind_service(settings_of):
    return Environment.model_validate(settings_of("local", {"gateway": {"exposure": "NodePort"}})).gateway


def test_on_the_host_users_come_by_loopback_and_pods_by_the_nodes_address(on_host):
    flags = arguments(on_host, watched=["apps"])

    assert "--entryPoints.web.address=127.0.0.1:8080" in flags
    assert "--entryPoints.internal.address=$(HOST_IP):8081" in flags
    assert "--entryPoints.metrics.address=$(HOST_IP):8082" in flags


def test_on_the_host_the_next_pod_may_listen_before_this_one_has_left(on_host):
    flags = arguments(on_host, watched=["apps"])

    assert {f for f in flags if f.endswith("reusePort=true")} == {
        f"--entryPoints.{name}.reusePort=true" for name in ("web", "internal", "metrics")
    }


def test_behind_a_service_one_listener_is_enough_and_no_port_is_shared(behind_service):
    flags = arguments(behind_service, watched=["apps"])

    assert [point.name for point in entry_points(behind_service)] == ["web"]
    assert "--entryPoints.web.address=:8081" in flags
    assert not [f for f in flags if "reusePort" in f]


@pytest.mark.parametrize("exposure", ["on_host", "behind_service"])
def test_every_listener_has_an_entry_point_with_its_port(request, exposure):
    settings = request.getfixturevalue(exposure)

    found = listeners(settings, routes_from="apps")

    assert [(x["name"], x["port"]) for x in found] == [(p.name, p.port) for p in entry_points(settings)]
    assert len({x["port"] for x in found}) == len(found)


def test_only_routes_of_the_applications_may_attach(on_host):
    for listener in listeners(on_host, routes_from="apps"):
        assert listener["allowedRoutes"]["namespaces"] == {
            "from": "Selector",
            "selector": {"matchLabels": {"kubernetes.io/metadata.name": "apps"}},
        }


def test_weights_are_live_in_a_tenth_of_a_second(on_host):
    assert "--providers.providersThrottleDuration=100ms" in arguments(on_host, watched=["apps"])


def test_only_the_named_namespaces_are_watched(on_host):
    assert "--providers.kubernetesGateway.namespaces=apps,edge" in arguments(on_host, watched=["apps", "edge"])


def test_a_leaving_gateway_accepts_then_drains_within_its_grace(on_host):
    flags = arguments(on_host, watched=["apps"])

    assert "--entryPoints.web.transport.lifeCycle.requestAcceptGraceTimeout=10s" in flags
    assert "--entryPoints.web.transport.lifeCycle.graceTimeOut=30s" in flags
    assert on_host.drain.grace_s >= 40
