"""One colour of an application: its pods, its own copy of the settings, its disruption budget and its autoscaler."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import apps, autoscaling, core, meta, policy

from agents.runtime.names import ANNOTATION_CONTENT
from infra import pods
from infra.naming import PATCH_FORCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.naming import Identity
    from infra.slots import App

# Chosen: enough to look at what ran before; a rollback uses the other slot, never an old ReplicaSet.
_REVISIONS_KEPT = 3
# Chosen: time for the last pod's status to reach the update after the rollout's own deadline.
_REPORT_S = 60


@dataclass(frozen=True)
class Container:
    """What the application's container is, whatever its colour."""

    arguments: Sequence[str]
    port: int
    live_path: str
    ready_path: str
    user: int


@dataclass(frozen=True)
class Attachments:
    """What pods of both colours get beside their image and settings.

    Args:
        settings: further variables, whose values other objects decide.
        volumes: of the pod.
        mounts: of the container.
        api_server_ports: where the pod may reach the API server, as its ServiceAccount; empty: it gets no token.
        calls: applications of the namespace that the pod asks, by name, with their port.
    """

    settings: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    volumes: Sequence[core.v1.VolumeArgs] = ()
    mounts: Sequence[core.v1.VolumeMountArgs] = ()
    api_server_ports: Sequence[int] = ()
    calls: Mapping[str, int] = field(default_factory=dict)

    def with_all_of(self, other: Attachments) -> Attachments:
        """Return both."""
        return Attachments(
            settings={**self.settings, **other.settings},
            volumes=[*self.volumes, *other.volumes],
            mounts=[*self.mounts, *other.mounts],
            api_server_ports=[*self.api_server_ports, *other.api_server_ports],
            calls={**self.calls, **other.calls},
        )


@dataclass(frozen=True)
class SlotArgs:
    """Everything one colour runs with."""

    identity: Identity
    app: App
    container: Container
    image: pulumi.Input[str]
    size: int
    """Pods without an autoscaler, fewest pods with one."""
    content: pulumi.Input[str]
    """What the slot is filled with, in one line."""
    settings: Mapping[str, pulumi.Input[str]]
    attachments: Attachments
    namespace: pulumi.Input[str]
    service_account: pulumi.Input[str]
    after: Sequence[pulumi.Resource]


class ColourSlot(pulumi.ComponentResource):
    """Deployment, ConfigMap, PodDisruptionBudget and optional HorizontalPodAutoscaler of one colour."""

    def __init__(self, name: str, args: SlotArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the colour's objects; nothing in them is shared with the other colour."""
        super().__init__("cryoprotect:app:ColourSlot", name, None, opts)
        self._args = args
        config = core.v1.ConfigMap(
            name, metadata=self._metadata(), data=dict(args.settings), opts=pulumi.ResourceOptions(parent=self)
        )
        deployment = self._deployment(name, config)
        policy.v1.PodDisruptionBudget(
            name,
            metadata=self._metadata(),
            spec=policy.v1.PodDisruptionBudgetSpecArgs(
                # Per colour, or the idle colour's pods would vouch for the eviction of all active ones.
                selector=meta.v1.LabelSelectorArgs(match_labels=args.identity.selector()),
                max_unavailable=1,
                unhealthy_pod_eviction_policy="AlwaysAllow",
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._autoscaler(name, deployment)
        self.register_outputs({})

    def _deployment(self, name: str, config: core.v1.ConfigMap) -> apps.v1.Deployment:
        app = self._args.app
        autoscale = app.autoscale
        limit = f"{app.progress_deadline_s + _REPORT_S}s"
        return apps.v1.Deployment(
            name,
            # Forced, or the size left behind by an autoscaler or `kubectl scale` makes every later update a conflict.
            metadata=self._metadata({PATCH_FORCE: "true", ANNOTATION_CONTENT: self._args.content}),
            spec=apps.v1.DeploymentSpecArgs(
                # With an autoscaler this is the size at birth only: a new colour starts at the minimum, not at one pod.
                replicas=self._args.size,
                revision_history_limit=_REVISIONS_KEPT,
                progress_deadline_seconds=app.progress_deadline_s,
                selector=meta.v1.LabelSelectorArgs(match_labels=self._args.identity.selector()),
                strategy=apps.v1.DeploymentStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=apps.v1.RollingUpdateDeploymentArgs(max_surge=1, max_unavailable=0),
                ),
                template=core.v1.PodTemplateSpecArgs(
                    metadata=meta.v1.ObjectMetaArgs(labels=self._args.identity.labels()),
                    spec=self._pod(config),
                ),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(self._args.after),
                ignore_changes=None if autoscale is None else ["spec.replicas"],
                custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit),
            ),
        )

    def _pod(self, config: core.v1.ConfigMap) -> core.v1.PodSpecArgs:
        return core.v1.PodSpecArgs(
            service_account_name=self._args.service_account,
            automount_service_account_token=bool(self._args.attachments.api_server_ports),
            enable_service_links=False,
            termination_grace_period_seconds=self._args.app.drain.grace_s,
            security_context=pods.pod_security(self._args.container.user),
            topology_spread_constraints=[pods.spread_over_nodes(self._args.identity.selector())],
            containers=[self._container(config)],
            volumes=[pods.tmp_volume(), *self._args.attachments.volumes],
        )

    def _container(self, config: core.v1.ConfigMap) -> core.v1.ContainerArgs:
        app, container = self._args.app, self._args.container
        return core.v1.ContainerArgs(
            name=self._args.identity.name,
            image=self._args.image,
            image_pull_policy="IfNotPresent",
            args=list(container.arguments),
            env_from=[
                core.v1.EnvFromSourceArgs(config_map_ref=core.v1.ConfigMapEnvSourceArgs(name=config.metadata.name))
            ],
            ports=[core.v1.ContainerPortArgs(name="http", container_port=container.port)],
            lifecycle=core.v1.LifecycleArgs(
                pre_stop=core.v1.LifecycleHandlerArgs(sleep=core.v1.SleepActionArgs(seconds=app.drain.prestop_s))
            ),
            startup_probe=pods.http_probe(container.live_path, container.port, period_s=1, failures=app.startup_s),
            readiness_probe=pods.http_probe(container.ready_path, container.port, period_s=2, failures=2),
            # Chosen: a minute of silence; a busy server is slow long before it is dead.
            liveness_probe=pods.http_probe(container.live_path, container.port, period_s=10, failures=6, timeout_s=5),
            resources=pods.container_resources(app.resources),
            security_context=pods.container_security(),
            volume_mounts=[pods.tmp_mount(), *self._args.attachments.mounts],
        )

    def _autoscaler(self, name: str, deployment: apps.v1.Deployment) -> None:
        autoscale = self._args.app.autoscale
        if autoscale is None:
            return
        cpu = autoscaling.v2.ResourceMetricSourceArgs(
            name="cpu",
            target=autoscaling.v2.MetricTargetArgs(type="Utilization", average_utilization=autoscale.cpu_percent),
        )
        autoscaling.v2.HorizontalPodAutoscaler(
            name,
            metadata=self._metadata(),
            spec=autoscaling.v2.HorizontalPodAutoscalerSpecArgs(
                scale_target_ref=autoscaling.v2.CrossVersionObjectReferenceArgs(
                    api_version="apps/v1", kind="Deployment", name=deployment.metadata.name
                ),
                min_replicas=self._args.size,
                max_replicas=autoscale.max_replicas,
                metrics=[autoscaling.v2.MetricSpecArgs(type="Resource", resource=cpu)],
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _metadata(self, annotations: dict[str, pulumi.Input[str]] | None = None) -> meta.v1.ObjectMetaArgs:
        return meta.v1.ObjectMetaArgs(
            namespace=self._args.namespace, labels=self._args.identity.labels(), annotations=annotations
        )
