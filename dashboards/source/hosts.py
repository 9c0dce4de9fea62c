"""Hosts and pods: use, saturation and what the kernel stopped, from the kubelet."""

from dashboards.source.model import Dashboard, Panel, Query, Unit, watched

_CONTAINER = "{{namespace}} {{pod}} {{container}}"

DASHBOARD = Dashboard(
    name="hosts",
    title="Hosts and pods",
    says="Whether nodes and containers have what they need, and which of them takes it from the others.",
    panels=(
        watched("NodeCpuSaturated", "Processor use by node, 5 m", "At the line work queues.", Unit.SHARE, "{{node}}"),
        watched("NodeMemoryHigh", "Memory use by node", "Past it the kernel kills.", Unit.SHARE, "{{node}}"),
        watched(
            "NodeFilesystemFilling",
            "Disk use by node",
            "The first line is for a working day, the second for now.",
            Unit.SHARE,
            "{{node}} {{device}}",
        ).with_line("NodeFilesystemFull"),
        watched(
            "VolumeFilling",
            "Free share by volume",
            "Empty where volumes are folders of the node, whose disk is the panel before.",
            Unit.SHARE,
            "{{namespace}} {{persistentvolumeclaim}}",
        ),
        Panel(
            "Processor by container",
            "Cores in use. Who takes the node's time.",
            (
                Query(
                    "sum by (namespace, pod, container) (rate(container_cpu_usage_seconds_total"
                    '{container!=""}[$__rate_interval]))',
                    _CONTAINER,
                ),
            ),
            Unit.COUNT,
        ),
        Panel(
            "Memory by container",
            "Working set, which the kernel counts against the limit.",
            (
                Query(
                    'sum by (namespace, pod, container) (container_memory_working_set_bytes{container!=""})',
                    _CONTAINER,
                ),
            ),
            Unit.BYTES,
        ),
        watched(
            "ContainerThrottled",
            "Share of periods a container was held back, 5 m",
            "A high share with a calm node means that the container's own limit is too low.",
            Unit.SHARE,
            _CONTAINER,
        ),
        watched("ContainerRestarting", "Starts in 15 m", "More than the line is a crash loop.", Unit.COUNT, _CONTAINER),
        watched(
            "ContainerKilledForMemory",
            "Kills for memory in 15 m",
            "Any kill is a limit that is too low or a leak.",
            Unit.COUNT,
            _CONTAINER,
        ),
        watched(
            "ProcessFilesNearLimit",
            "Open files by limit",
            "A steady rise is a leak of connections.",
            Unit.SHARE,
            "{{job}} {{pod}}",
        ),
        watched("KubeletDown", "Kubelet answers", "At zero this page is blind.", Unit.YES_NO, "{{job}}"),
    ),
)
