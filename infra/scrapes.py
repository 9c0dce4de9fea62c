"""What Prometheus is told to scrape, as the text of its configuration file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from agents.runtime.names import (
    APP_ALERTMANAGER,
    APP_BACKUP,
    APP_FLAGS,
    APP_GATEWAY,
    APP_MODEL_SERVER,
    APP_ONCALL,
    APP_PROMETHEUS,
    LABEL_COLOUR,
    LABEL_NAME,
    LABEL_VERSION,
    PORT_PROMETHEUS,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.config import Kubelet, Namespaces, Prometheus

# Cited: Prometheus, "kubernetes_sd_config": characters outside [a-zA-Z0-9_] of a pod label become "_".
_POD_LABEL = "__meta_kubernetes_pod_label_"
_POD_IP = "__meta_kubernetes_pod_ip"
_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
_OF_CONTAINERS = (
    "cpu_cfs_periods_total|cpu_cfs_throttled_periods_total|cpu_usage_seconds_total|fs_limit_bytes|fs_usage_bytes|"
    "memory_working_set_bytes|oom_events_total|start_time_seconds"
)
# Chosen: a scrape that takes longer than this says the target is in trouble, at any interval.
_LONGEST_SCRAPE_S = 5


RULES_FOLDER = "/etc/prometheus-rules"


@dataclass(frozen=True)
class Alerting:
    """Where alerts are sent.

    Attributes:
        addresses: host and port of each Alertmanager.
        is_own: whether it runs here, and is therefore scraped.
    """

    addresses: Sequence[str]
    is_own: bool


def prometheus_config(
    settings: Prometheus, names: Namespaces, alerting: Alerting, *, environment: str, gateway_metrics_port: int
) -> str:
    """Return prometheus.yml: who is scraped, which rules are read, and who is told."""
    interval = settings.scrape_interval_s
    document = {
        "global": {
            "scrape_interval": f"{interval}s",
            "scrape_timeout": f"{min(interval, _LONGEST_SCRAPE_S)}s",
            "evaluation_interval": f"{interval}s",
            "external_labels": {"environment": environment},
        },
        "rule_files": [f"{RULES_FOLDER}/*.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(alerting.addresses)}]}]},
        "scrape_configs": [
            _pods(APP_MODEL_SERVER, namespace=names.apps, address=[_keep_declared_port()]),
            _pods(APP_FLAGS, namespace=names.apps, address=[_keep_declared_port()]),
            _pods(APP_BACKUP, namespace=names.apps, address=[_keep_declared_port()]),
            _pods(APP_ONCALL, namespace=names.apps, address=[_keep_declared_port()]),
            # A gateway on the node's network declares no port, so its address is made from the pod's.
            _pods(APP_GATEWAY, namespace=names.gateway, address=_fixed_port(gateway_metrics_port)),
            *_nodes(settings.kubelet),
            {"job_name": APP_PROMETHEUS, "static_configs": [{"targets": [f"127.0.0.1:{PORT_PROMETHEUS}"]}]},
            *(
                [_pods(APP_ALERTMANAGER, namespace=names.apps, address=[_keep_declared_port()])]
                if alerting.is_own
                else []
            ),
        ],
    }
    return yaml.safe_dump(document, sort_keys=False)


def _nodes(kubelet: Kubelet) -> list[dict[str, Any]]:
    """Return the two jobs of a node: the kubelet for volumes, its cAdvisor for machine and containers."""
    return [
        _node("kubelet", "/metrics", kubelet, keep="kubelet_volume_stats_.+"),
        # Measured: 2,320 series of one node without this, 257 with it.
        _node("cadvisor", "/metrics/cadvisor", kubelet, keep=f"machine_.+|container_({_OF_CONTAINERS})"),
    ]


def _node(job: str, path: str, kubelet: Kubelet, *, keep: str) -> dict[str, Any]:
    return {
        "job_name": job,
        "scheme": "https",
        "metrics_path": path,
        "authorization": {"credentials_file": f"{_ACCOUNT_FOLDER}/token"},
        "tls_config": {
            "ca_file": f"{_ACCOUNT_FOLDER}/ca.crt",
            "insecure_skip_verify": not kubelet.verify_certificate,
        },
        "kubernetes_sd_configs": [{"role": "node"}],
        "relabel_configs": [{"source_labels": ["__meta_kubernetes_node_name"], "target_label": "node"}],
        "metric_relabel_configs": [{"source_labels": ["__name__"], "regex": keep, "action": "keep"}],
    }


def _pods(app: str, *, namespace: str, address: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "job_name": app,
        "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": [namespace]}}],
        "relabel_configs": [
            {"source_labels": [_label(LABEL_NAME)], "regex": app, "action": "keep"},
            {"source_labels": ["__meta_kubernetes_pod_phase"], "regex": "Running", "action": "keep"},
            *address,
            {"source_labels": [_label(LABEL_NAME)], "target_label": "app"},
            {"source_labels": [_label(LABEL_COLOUR)], "target_label": "colour"},
            {"source_labels": [_label(LABEL_VERSION)], "target_label": "version"},
            {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
        ],
    }


def _keep_declared_port() -> dict[str, Any]:
    return {"source_labels": ["__meta_kubernetes_pod_container_port_name"], "regex": "http", "action": "keep"}


def _fixed_port(port: int) -> list[dict[str, Any]]:
    # A pod with several declared ports is found once for each; identical targets are merged again by Prometheus.
    return [{"source_labels": [_POD_IP], "target_label": "__address__", "replacement": f"$1:{port}"}]


def _label(name: str) -> str:
    return _POD_LABEL + "".join(c if c.isalnum() else "_" for c in name)
