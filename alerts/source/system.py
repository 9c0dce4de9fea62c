"""Nodes and containers, as the kubelet sees them; its cAdvisor knows the machine as the container "/"."""

from __future__ import annotations

from functools import partial

from alerts.source.model import Alert, RuleFile, Scene, Series, Severity, Team

_alert = partial(Alert, service="node", team=Team.PLATFORM)
_NODE = {"node": "n1"}
_POD = {"namespace": "cryoprotect", "pod": "a", "container": "server"}
# What the kubelet shows of a pod as a whole.
_SANDBOX = 'namespace="cryoprotect", pod="a"'
_CONTAINER = 'namespace="cryoprotect", pod="a", container="server"'


def _filesystem(used: float) -> Series:
    labels = 'id="/", device="/dev/vda", node="n1"'
    return {
        f"container_fs_usage_bytes{{{labels}}}": f"{used * 1e10:g}",
        f"container_fs_limit_bytes{{{labels}}}": "10000000000",
        # Neither a pod's share of the disk nor memory that is mounted like one is a disk of the node.
        'container_fs_usage_bytes{id="/kubepods", device="/dev/vda", node="n1"}': "10000000000",
        'container_fs_limit_bytes{id="/kubepods", device="/dev/vda", node="n1"}': "10000000000",
        'container_fs_usage_bytes{id="/", device="/dev/shm", node="n1"}': "100",
        'container_fs_limit_bytes{id="/", device="/dev/shm", node="n1"}': "100",
        'container_fs_usage_bytes{id="/", device="/sys/fs/cgroup", node="n1"}': "4096",
        'container_fs_limit_bytes{id="/", device="/sys/fs/cgroup", node="n1"}': "4096",
    }


def _filesystem_alert(name: str, severity: Severity, limit: float, *, for_s: int, summary: str) -> Alert:
    return _alert(
        name=name,
        severity=severity,
        expr=(
            'max by (node, device) (container_fs_usage_bytes{id="/", device=~"/dev/.+", device!="/dev/shm"}\n'
            f"/ container_fs_limit_bytes) > {limit:g}"
        ),
        for_s=for_s,
        summary=summary,
        description="{{ $labels.device }} of {{ $labels.node }} is {{ $value | humanizePercentage }} full.",
        scenes=(
            Scene(
                _filesystem,
                over=limit + 0.01,
                limit=limit,
                healthy=0.5,
                labels={**_NODE, "device": "/dev/vda"},
                settle_s=0,
            ),
        ),
    )


def _memory(used: float) -> Series:
    return {
        'container_memory_working_set_bytes{id="/", node="n1"}': f"{used * 1000:g}",
        'container_memory_working_set_bytes{id="/kubepods", node="n1"}': "990",
        'machine_memory_bytes{node="n1"}': "1000",
    }


def _cpu(busy: float) -> Series:
    return {
        # Two cores for a minute are 120 seconds.
        'container_cpu_usage_seconds_total{id="/", node="n1"}': f"0+{120 * busy:g}",
        'container_cpu_usage_seconds_total{id="/kubepods", node="n1"}': "0+119",
        'machine_cpu_cores{node="n1"}': "2",
    }


def _starts(times: float) -> Series:
    moment = f"container_start_time_seconds{{{_CONTAINER}}}"
    # At each sample the container may have started anew; after that many samples it stands still.
    count = int(times)
    return {moment: f"100+10x{count} {100 + 10 * count}+0"}


def _killed(times: float) -> Series:
    return {f"container_oom_events_total{{{_CONTAINER}}}": f"0+{times:g}"}


def _throttled(share: float) -> Series:
    return {
        f"container_cpu_cfs_throttled_periods_total{{{_CONTAINER}}}": f"0+{600 * share:g}",
        f"container_cpu_cfs_periods_total{{{_CONTAINER}}}": "0+600",
    }


def _volume(free: float) -> Series:
    labels = 'namespace="cryoprotect", persistentvolumeclaim="data-prometheus-0"'
    return {
        f"kubelet_volume_stats_available_bytes{{{labels}}}": f"{free * 1000:g}",
        f"kubelet_volume_stats_capacity_bytes{{{labels}}}": "1000",
    }


def _files(used: float) -> Series:
    labels = 'job="gateway", pod="a"'
    return {f"process_open_fds{{{labels}}}": f"{used * 1000:g}", f"process_max_fds{{{labels}}}": "1000"}


FILE = RuleFile(
    name="system",
    component="system",
    alerts=(
        _filesystem_alert(
            "NodeFilesystemFilling", Severity.WARNING, 0.85, for_s=1800, summary="A disk of the node is 85 % full"
        ),
        _filesystem_alert(
            "NodeFilesystemFull", Severity.CRITICAL, 0.95, for_s=300, summary="A disk of the node is 95 % full"
        ),
        _alert(
            name="NodeMemoryHigh",
            severity=Severity.WARNING,
            expr=(
                'max by (node) (container_memory_working_set_bytes{id="/"})\n'
                "/ max by (node) (machine_memory_bytes) > 0.9"
            ),
            for_s=900,
            summary="The node has less than a tenth of its memory left",
            description=(
                "{{ $value | humanizePercentage }} of the memory of {{ $labels.node }} is in use; the limit is 90 %."
            ),
            scenes=(Scene(_memory, over=0.91, limit=0.9, healthy=0.5, labels=_NODE, settle_s=0),),
        ),
        _alert(
            name="NodeCpuSaturated",
            severity=Severity.WARNING,
            expr=(
                'max by (node) (rate(container_cpu_usage_seconds_total{id="/"}[5m]))\n'
                "/ max by (node) (machine_cpu_cores) > 0.9"
            ),
            for_s=1800,
            summary="The node's processors have been busy for half an hour",
            description=(
                "{{ $labels.node }} uses {{ $value | humanizePercentage }} of its processors; the limit is 90 %."
            ),
            scenes=(Scene(_cpu, over=0.91, limit=0.899, healthy=0.3, labels=_NODE, settle_s=360),),
        ),
        _alert(
            name="ContainerRestarting",
            severity=Severity.WARNING,
            expr=('max by (namespace, pod, container) (changes(container_start_time_seconds{container!=""}[15m])) > 3'),
            for_s=0,
            summary="A container starts again and again",
            description="{{ $labels.container }} of {{ $labels.pod }} started {{ $value }} times in 15 minutes.",
            scenes=(
                Scene(
                    _starts,
                    over=4,
                    limit=3,
                    healthy=0,
                    labels=_POD,
                    settle_s=600,
                    beside={f"container_start_time_seconds{{{_SANDBOX}}}": "100+10"},
                ),
            ),
        ),
        _alert(
            name="ContainerKilledForMemory",
            severity=Severity.WARNING,
            expr=('sum by (namespace, pod, container) (increase(container_oom_events_total{container!=""}[15m])) > 0'),
            for_s=0,
            summary="A container was killed because it used more memory than it may",
            description="{{ $labels.container }} of {{ $labels.pod }} was killed for memory in the last 15 minutes.",
            scenes=(
                Scene(
                    _killed,
                    over=1,
                    limit=0,
                    healthy=0,
                    labels=_POD,
                    settle_s=120,
                    beside={f"container_oom_events_total{{{_SANDBOX}}}": "0+1"},
                ),
            ),
        ),
        _alert(
            name="ContainerThrottled",
            severity=Severity.INFO,
            expr=(
                "sum by (namespace, pod, container) (rate(container_cpu_cfs_throttled_periods_total"
                '{container!=""}[5m]))\n'
                "/ sum by (namespace, pod, container) (rate(container_cpu_cfs_periods_total[5m])) > 0.5"
            ),
            for_s=900,
            summary="A container wants more processor than it may have",
            description=(
                "{{ $labels.container }} of {{ $labels.pod }} is held back in {{ $value | humanizePercentage }} of "
                "the time."
            ),
            scenes=(
                Scene(
                    _throttled,
                    over=0.55,
                    limit=0.499,
                    healthy=0.1,
                    labels=_POD,
                    settle_s=120,
                    beside={
                        f"container_cpu_cfs_throttled_periods_total{{{_SANDBOX}}}": "0+600",
                        f"container_cpu_cfs_periods_total{{{_SANDBOX}}}": "0+600",
                    },
                ),
            ),
        ),
        _alert(
            name="VolumeFilling",
            severity=Severity.WARNING,
            expr=(
                "min by (namespace, persistentvolumeclaim) (kubelet_volume_stats_available_bytes\n"
                "/ kubelet_volume_stats_capacity_bytes) < 0.15"
            ),
            for_s=900,
            summary="A volume has less than 15 % of its room left",
            description="{{ $labels.persistentvolumeclaim }} has {{ $value | humanizePercentage }} of its room left.",
            scenes=(
                Scene(
                    _volume,
                    over=0.14,
                    limit=0.15,
                    healthy=0.6,
                    labels={"namespace": "cryoprotect", "persistentvolumeclaim": "data-prometheus-0"},
                    settle_s=0,
                ),
            ),
        ),
        _alert(
            name="ProcessFilesNearLimit",
            severity=Severity.WARNING,
            expr="max by (job, pod) (process_open_fds / process_max_fds) > 0.8",
            for_s=300,
            summary="A process has nearly as many files open as it may",
            description=(
                "{{ $labels.pod }} ({{ $labels.job }}) has {{ $value | humanizePercentage }} of its files open."
            ),
            scenes=(
                Scene(_files, over=0.81, limit=0.8, healthy=0.1, labels={"job": "gateway", "pod": "a"}, settle_s=0),
            ),
        ),
        _alert(
            name="KubeletDown",
            severity=Severity.CRITICAL,
            expr='max by (job) (up{job="kubelet"}) == 0\nor absent(up{job="kubelet"})',
            for_s=300,
            summary="No node answers, so nothing is known of disks, memory and containers",
            description="No kubelet has answered a scrape for 5 minutes.",
            scenes=(
                Scene(
                    lambda alive: {'up{job="kubelet", instance="a"}': f"{alive:g}"},
                    over=0,
                    limit=1,
                    healthy=1,
                    labels={"job": "kubelet"},
                    settle_s=0,
                    beside={'up{job="another"}': "0"},
                ),
            ),
            fires_without_data=({"job": "kubelet"},),
        ),
    ),
)
