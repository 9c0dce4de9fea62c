from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from infra.environment_files import load_environment
from infra.scrapes import Alerting, prometheus_config

ENVIRONMENTS = Path(__file__).parents[3] / "environments"


@pytest.fixture
def document():
    environment = load_environment(ENVIRONMENTS, "local")
    text = prometheus_config(
        environment.prometheus,
        environment.namespaces,
        Alerting(("alertmanager:9093",), is_own=True),
        environment="local",
        gateway_metrics_port=8082,
    )
    return yaml.safe_load(text)


@pytest.fixture
def job(document):
    return {entry["job_name"]: entry for entry in document["scrape_configs"]}


def test_a_scrape_never_lasts_longer_than_the_interval(document):
    assert document["global"]["scrape_interval"] == "5s"
    assert document["global"]["scrape_timeout"] == "5s"


def test_series_of_the_model_server_carry_app_colour_version_and_pod(job):
    labels = {
        rule["target_label"]: rule["source_labels"][0]
        for rule in job["model-server"]["relabel_configs"]
        if "target_label" in rule
    }

    assert labels == {
        "app": "__meta_kubernetes_pod_label_app_kubernetes_io_name",
        "colour": "__meta_kubernetes_pod_label_cryoprotect_io_color",
        "version": "__meta_kubernetes_pod_label_app_kubernetes_io_version",
        "pod": "__meta_kubernetes_pod_name",
    }


def test_both_colours_are_found_because_no_colour_is_asked_for(job):
    kept = [rule for rule in job["model-server"]["relabel_configs"] if rule.get("action") == "keep"]

    assert not [rule for rule in kept if "color" in rule["source_labels"][0]]


def test_a_gateway_without_declared_ports_gets_its_address_from_the_pod(job):
    (address,) = [r for r in job["gateway"]["relabel_configs"] if r.get("target_label") == "__address__"]

    assert address == {
        "source_labels": ["__meta_kubernetes_pod_ip"],
        "target_label": "__address__",
        "replacement": "$1:8082",
    }


def test_discovery_stays_in_the_namespaces_it_has_rights_in(job):
    namespaces = {
        name: entry["kubernetes_sd_configs"][0]["namespaces"]["names"]
        for name, entry in job.items()
        if "namespaces" in entry.get("kubernetes_sd_configs", [{}])[0]
    }

    assert namespaces == {
        "alertmanager": ["cryoprotect"],
        "model-server": ["cryoprotect"],
        "flags": ["cryoprotect"],
        "backup": ["cryoprotect"],
        "oncall": ["cryoprotect"],
        "gateway": ["cryoprotect-gateway"],
    }


def test_nodes_are_scraped_with_the_pods_own_token_and_a_checked_certificate(job):
    for name, path in (("kubelet", "/metrics"), ("cadvisor", "/metrics/cadvisor")):
        assert job[name]["metrics_path"] == path
        assert job[name]["tls_config"]["insecure_skip_verify"] is False
        assert job[name]["authorization"]["credentials_file"].endswith("/serviceaccount/token")
