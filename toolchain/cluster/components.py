"""Command lines and configuration files of each cluster process, from the layout and the host's facts alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from toolchain.cluster.host import HostFacts
from toolchain.cluster.layout import NODE_NAME, Layout


@dataclass(frozen=True, slots=True)
class Daemon:
    """One long-running process.

    Attributes:
        name: record and log file name.
        argv: program and arguments; never a secret.
        health: URL that answers a GET with 200, or unix:// and a socket that accepts; None where nothing listens.
        identity: certificate pair that the health request presents; None for plain HTTP.
    """

    name: str
    argv: tuple[str, ...]
    health: str | None = None
    identity: str | None = None


def daemons(layout: Layout, kube: Path) -> tuple[Daemon, ...]:
    """All processes of the cluster, in the order in which they start."""
    return (
        _etcd(layout, kube),
        _api_server(layout, kube),
        Daemon(
            "containerd",
            ("containerd", "--config", str(layout.config / "containerd.toml")),
            health=f"unix://{layout.containerd_socket}",
        ),
        _controller_manager(layout, kube),
        _scheduler(layout, kube),
        Daemon(
            "kubelet",
            (
                str(kube), "kubelet", f"--config={layout.config / 'kubelet.yaml'}", f"--root-dir={layout.kubelet}",
                f"--kubeconfig={layout.kubeconfig('kubelet')}", f"--hostname-override={NODE_NAME}",
                f"--node-ip={layout.network.node.ip}",
            ),
            health=f"http://127.0.0.1:{layout.ports.kubelet_health}/healthz",
        ),
        Daemon(
            "kube-proxy",
            (str(kube), "kube-proxy", f"--config={layout.config / 'proxy.yaml'}"),
            health=f"http://127.0.0.1:{layout.ports.proxy_health}/livez",
        ),
        Daemon(
            "local-path",
            (
                str(kube), "local-path", f"--kubeconfig={layout.kubeconfig('local-path')}", f"--root={layout.volumes}",
            ),
        ),
    )  # fmt: skip


def _etcd(layout: Layout, kube: Path) -> Daemon:
    client = f"https://127.0.0.1:{layout.ports.etcd_client}"
    peer = f"https://127.0.0.1:{layout.ports.etcd_peer}"
    tls = []
    for prefix in ("", "peer-"):
        tls += [
            f"--{prefix}cert-file={layout.certificate('etcd')}", f"--{prefix}key-file={layout.key('etcd')}",
            f"--{prefix}trusted-ca-file={layout.certificate('ca')}", f"--{prefix}client-cert-auth=true",
        ]  # fmt: skip
    argv = (
        str(kube), "etcd", "--name=cryo", f"--data-dir={layout.etcd}", f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=cryo={peer}", "--auto-compaction-retention=1", "--logger=zap", "--log-level=warn", *tls,
    )  # fmt: skip
    return Daemon("etcd", argv, health=f"{client}/health", identity="etcd-client")


def _api_server(layout: Layout, kube: Path) -> Daemon:
    pki = layout.pki
    argv = (
        str(kube), "kube-apiserver", f"--bind-address={layout.network.node.ip}", f"--secure-port={layout.ports.api}",
        f"--advertise-address={layout.network.node.ip}", "--anonymous-auth=false", "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
        f"--etcd-servers=https://127.0.0.1:{layout.ports.etcd_client}", f"--etcd-cafile={pki / 'ca.crt'}",
        f"--etcd-certfile={layout.certificate('etcd-client')}", f"--etcd-keyfile={layout.key('etcd-client')}",
        f"--client-ca-file={pki / 'ca.crt'}", f"--tls-cert-file={layout.certificate('apiserver')}",
        f"--tls-private-key-file={layout.key('apiserver')}",
        f"--kubelet-client-certificate={layout.certificate('apiserver-kubelet-client')}",
        f"--kubelet-client-key={layout.key('apiserver-kubelet-client')}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}", "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-key-file={layout.key('service-accounts')}",
        f"--service-account-signing-key-file={layout.key('service-accounts')}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-cluster-ip-range={layout.network.services}",
        f"--encryption-provider-config={layout.config / 'encryption.yaml'}",
    )  # fmt: skip
    return Daemon("kube-apiserver", argv, health=f"{layout.api_url}/readyz", identity="admin")


def _controller_manager(layout: Layout, kube: Path) -> Daemon:
    port = layout.ports.controller_manager
    argv = (
        str(kube), "kube-controller-manager", f"--kubeconfig={layout.kubeconfig('controller-manager')}",
        "--bind-address=127.0.0.1", f"--secure-port={port}", "--leader-elect=false",
        "--use-service-account-credentials=true", f"--root-ca-file={layout.certificate('ca')}",
        f"--service-account-private-key-file={layout.key('service-accounts')}",
        f"--cluster-signing-cert-file={layout.certificate('ca')}", f"--cluster-signing-key-file={layout.key('ca')}",
        "--allocate-node-cidrs=true", f"--cluster-cidr={layout.network.pods}",
        f"--node-cidr-mask-size={layout.network.pods.prefixlen}",
        f"--service-cluster-ip-range={layout.network.services}",
        "--authorization-always-allow-paths=/healthz", "--profiling=false",
    )  # fmt: skip
    return Daemon("kube-controller-manager", argv, health=f"https://127.0.0.1:{port}/healthz")


def _scheduler(layout: Layout, kube: Path) -> Daemon:
    port = layout.ports.scheduler
    argv = (
        str(kube), "kube-scheduler", f"--kubeconfig={layout.kubeconfig('scheduler')}", "--bind-address=127.0.0.1",
        f"--secure-port={port}", "--leader-elect=false", "--authorization-always-allow-paths=/healthz",
        "--profiling=false",
    )  # fmt: skip
    return Daemon("kube-scheduler", argv, health=f"https://127.0.0.1:{port}/healthz")


def config_files(layout: Layout, facts: HostFacts, *, pause_image: str, encryption_key: str) -> Mapping[Path, str]:
    """Text of each configuration file that the processes read.

    Args:
        layout: addresses and folders.
        facts: what the host allows.
        pause_image: reference of the image that holds a pod's namespaces.
        encryption_key: base64 of 32 random bytes with which Secrets are encrypted in etcd.
    """
    return {
        layout.config / "containerd.toml": _containerd(layout, facts, pause_image),
        layout.config / "cni" / "10-cryo.conflist": json.dumps(_cni(layout), indent=2),
        layout.config / "kubelet.yaml": yaml.safe_dump(_kubelet(layout, facts)),
        layout.config / "proxy.yaml": yaml.safe_dump(_proxy(layout)),
        layout.config / "encryption.yaml": yaml.safe_dump(_encryption(encryption_key)),
    }


def _containerd(layout: Layout, facts: HostFacts, pause_image: str) -> str:
    # Version 2 of the format is what containerd 1.6 (Debian 12) and 1.7 (Debian 13) both read.
    restrict_oom = str(not facts.may_raise_oom_score).lower()
    return f"""version = 2
root = "{layout.containerd_root}"
state = "{layout.run / "containerd"}"
disabled_plugins = ["io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs"]

[grpc]
  address = "{layout.containerd_socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause_image}"
  restrict_oom_score_adj = {restrict_oom}
  disable_apparmor = true
  tolerate_missing_hugetlb_controller = true
  # Pods' network namespaces are then mounts of ours, which a stop finds and removes.
  netns_mounts_under_state_dir = true

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{layout.config / "cni"}"
"""


def _cni(layout: Layout) -> dict[str, object]:
    # Point-to-point links, no bridge: every packet between pods is routed by the host, so that connection tracking
    # sees both directions of a Service's traffic without the br_netfilter module. ipMasq stays off because it leaves
    # iptables chains behind when a node is stopped hard; our own nftables table masquerades instead.
    ipam = {
        "type": "host-local",
        "dataDir": str(layout.run / "cni"),
        "ranges": [[{"subnet": str(layout.network.pods)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    return {
        "cniVersion": "0.4.0",
        "name": "cryo",
        "plugins": [{"type": "ptp", "ipMasq": False, "mtu": 1500, "ipam": ipam}],
    }


def _kubelet(layout: Layout, facts: HostFacts) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": str(layout.network.node.ip),
        "port": layout.ports.kubelet,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": layout.ports.kubelet_health,
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.certificate("ca"))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(layout.certificate("kubelet")),
        "tlsPrivateKeyFile": str(layout.key("kubelet")),
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        # Without CAP_SYS_RESOURCE the kubelet cannot set its own rlimits and scores; this gate makes it go on.
        "featureGates": {"KubeletInUserNamespace": not facts.may_raise_oom_score},
        "clusterDNS": [str(layout.network.dns_service)],
        "clusterDomain": "cluster.local",
        "resolvConf": str(facts.resolv_conf),
        "makeIPTablesUtilChains": False,
        "serializeImagePulls": False,
        # Images are imported, not pulled: garbage collection could never bring one back.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "2%", "imagefs.available": "2%"},
        "shutdownGracePeriod": "0s",
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "5s",
        "volumePluginDir": str(layout.home / "volume-plugins"),
        "podLogsDir": str(layout.logs / "pods"),
        "logging": {"verbosity": 0},
    }


def _proxy(layout: Layout) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": str(layout.network.pods),
        "clientConnection": {"kubeconfig": str(layout.kubeconfig("proxy"))},
        "hostnameOverride": NODE_NAME,
        "healthzBindAddress": f"127.0.0.1:{layout.ports.proxy_health}",
        "metricsBindAddress": f"127.0.0.1:{layout.ports.proxy_metrics}",
        # Zero leaves the host's connection-tracking limits alone.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "oomScoreAdj": 0,
        "nftables": {"syncPeriod": "30s", "minSyncPeriod": "100ms"},
    }


def _encryption(key: str) -> dict[str, object]:
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [
            {
                "resources": ["secrets"],
                "providers": [{"secretbox": {"keys": [{"name": "key1", "secret": key}]}}, {"identity": {}}],
            }
        ],
    }
