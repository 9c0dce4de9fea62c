"""The shape every pod has under the Pod Security level `restricted`, and the pieces that pods share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes import apps, core, meta

if TYPE_CHECKING:
    import pulumi

    from infra.sections import Resources, Storage

# Cited: Kubernetes Pod Security Standards; namespaces enforce what these functions give.
RESTRICTED = "restricted"
PRIVILEGED = "privileged"
# Chosen by the image builder; docs/ARCHITECTURE.md, images.
USER_APP = 65532
USER_PROMETHEUS = 65534
USER_POSTGRES = 999
# 0440: the process reads it through the pod's group, nobody writes it.
SECRET_FILE_MODE = 0o440
TMP = "tmp"
TMP_PATH = "/tmp"  # noqa: S108 - the path inside the container, an emptyDir of this pod alone


def pod_security(user: int) -> core.v1.PodSecurityContextArgs:
    """Return the pod's security context for one fixed user."""
    return core.v1.PodSecurityContextArgs(
        run_as_non_root=True,
        run_as_user=user,
        run_as_group=user,
        fs_group=user,
        fs_group_change_policy="OnRootMismatch",
        seccomp_profile=core.v1.SeccompProfileArgs(type="RuntimeDefault"),
    )


def container_security() -> core.v1.SecurityContextArgs:
    """Return the container's security context: no privilege, no capability, nothing written to the image."""
    return core.v1.SecurityContextArgs(
        allow_privilege_escalation=False,
        privileged=False,
        read_only_root_filesystem=True,
        run_as_non_root=True,
        capabilities=core.v1.CapabilitiesArgs(drop=["ALL"]),
        seccomp_profile=core.v1.SeccompProfileArgs(type="RuntimeDefault"),
    )


def container_resources(resources: Resources) -> core.v1.ResourceRequirementsArgs:
    """Return requests and limits of a container."""
    return core.v1.ResourceRequirementsArgs(
        requests={"cpu": resources.requests.cpu, "memory": resources.requests.memory},
        limits={"cpu": resources.limits.cpu, "memory": resources.limits.memory},
    )


def tmp_volume(size: str = "64Mi") -> core.v1.VolumeArgs:
    """Return the one place where a container with a read-only root may write."""
    return core.v1.VolumeArgs(name=TMP, empty_dir=core.v1.EmptyDirVolumeSourceArgs(size_limit=size))


def secret_volume(name: str, secret: pulumi.Input[str]) -> core.v1.VolumeArgs:
    """Return a Secret as files that the pod's group may read."""
    source = core.v1.SecretVolumeSourceArgs(secret_name=secret, default_mode=SECRET_FILE_MODE)
    return core.v1.VolumeArgs(name=name, secret=source)


def tmp_mount() -> core.v1.VolumeMountArgs:
    """Return the mount of the writable place."""
    return core.v1.VolumeMountArgs(name=TMP, mount_path=TMP_PATH)


def http_probe(path: str, port: int, *, period_s: int, failures: int, timeout_s: int = 2) -> core.v1.ProbeArgs:
    """Return a probe that asks for a page."""
    return core.v1.ProbeArgs(
        http_get=core.v1.HTTPGetActionArgs(path=path, port=port),
        period_seconds=period_s,
        failure_threshold=failures,
        timeout_seconds=timeout_s,
    )


def tcp_probe(port: int, *, period_s: int, failures: int) -> core.v1.ProbeArgs:
    """Return a probe that connects, for servers whose every answer needs a key."""
    return core.v1.ProbeArgs(
        tcp_socket=core.v1.TCPSocketActionArgs(port=port), period_seconds=period_s, failure_threshold=failures
    )


def exec_probe(command: list[str], *, period_s: int, failures: int, timeout_s: int = 5) -> core.v1.ProbeArgs:
    """Return a probe that runs a program in the container."""
    return core.v1.ProbeArgs(
        exec_=core.v1.ExecActionArgs(command=command),
        period_seconds=period_s,
        failure_threshold=failures,
        timeout_seconds=timeout_s,
    )


def spread_over_nodes(selector: dict[str, str]) -> core.v1.TopologySpreadConstraintArgs:
    """Return the wish that the pods of one revision run on different nodes; one node alone still takes them all."""
    return core.v1.TopologySpreadConstraintArgs(
        max_skew=1,
        topology_key="kubernetes.io/hostname",
        when_unsatisfiable="ScheduleAnyway",
        label_selector=meta.v1.LabelSelectorArgs(match_labels=selector),
        match_label_keys=["pod-template-hash"],
    )


def claims_go_with_it() -> apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicyArgs:
    """Return the rule that deletes a StatefulSet's volumes with it, for data that is worthless without its Secret."""
    return apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicyArgs(when_deleted="Delete", when_scaled="Retain")


def volume_claim(name: str, storage: Storage, *, labels: dict[str, str]) -> core.v1.PersistentVolumeClaimArgs:
    """Return the claim that a StatefulSet makes for each of its pods."""
    # Version, kind and volume mode are what the server fills in; left out they would come back as drift.
    return core.v1.PersistentVolumeClaimArgs(
        api_version="v1",
        kind="PersistentVolumeClaim",
        metadata=meta.v1.ObjectMetaArgs(name=name, labels=labels),
        spec=core.v1.PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteOnce"],
            storage_class_name=storage.storage_class,
            volume_mode="Filesystem",
            resources=core.v1.VolumeResourceRequirementsArgs(requests={"storage": storage.size}),
        ),
    )
