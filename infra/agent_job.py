"""The Job that runs one agent to its end: a failed attempt is repeated only when the agent says that it may help.

How the rules work together: an attempt that exits with 75, or that was evicted, is ignored, so Kubernetes starts
another one after a growing pause until the Job's deadline. Everything else counts, and none may count, so 70 fails at
once.

The obvious way to say it, a rule `FailJob` on 70, does not work here: the Job then fails for the reason
PodFailurePolicy. Measured with pulumi-kubernetes 4.27 on Kubernetes 1.35: it knows only BackoffLimitExceeded and
DeadlineExceeded as failures and waited 11 minutes for a Job that had failed after 3 seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import batch, core, meta

from infra import pods
from infra.naming import REPLACE_UNREADY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.naming import Identity
    from infra.sections import Resources

# Cited: sysexits.h EX_TEMPFAIL, used by every agent for "try again"; 70 and 2 are "do not".
EXIT_TEMPORARY = 75
# Chosen: time for Kubernetes to report a Job that used its whole deadline, so that its reason reaches the update.
_REPORT_S = 60
# Derived: a release that is stopped while it confirms puts the traffic back first, which its own limits bound by 200 s.
_GRACE_S = 200


@dataclass(frozen=True)
class SecretFile:
    """A Secret mounted as files."""

    secret: pulumi.Input[str]
    path: str
    volume: str = "secret"


@dataclass(frozen=True)
class AgentJob:
    """Everything that differs between the Jobs of two agents."""

    identity: Identity
    namespace: pulumi.Input[str]
    image: pulumi.Input[str]
    arguments: Sequence[pulumi.Input[str]]
    service_account: pulumi.Input[str]
    resources: Resources
    deadline_s: int
    environment: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    secrets: Sequence[SecretFile] = ()
    talks_to_kubernetes: bool = False


def agent_job(name: str, job: AgentJob, *, opts: pulumi.ResourceOptions) -> batch.v1.Job:
    """Declare the Job; any change of its template makes a new one, because Kubernetes never changes a Job."""
    limit = pulumi.CustomTimeouts(create=f"{job.deadline_s + _REPORT_S}s")
    return batch.v1.Job(
        name,
        metadata=meta.v1.ObjectMetaArgs(
            namespace=job.namespace,
            labels=job.identity.labels(),
            # Without it a failed Job stays in the state and the next update believes that its work is done.
            annotations={REPLACE_UNREADY: "true"},
        ),
        spec=batch.v1.JobSpecArgs(
            backoff_limit=0,
            active_deadline_seconds=job.deadline_s,
            pod_failure_policy=failure_policy(job.identity.name),
            template=core.v1.PodTemplateSpecArgs(
                metadata=meta.v1.ObjectMetaArgs(
                    labels=job.identity.labels(), annotations=dict(job.annotations) or None
                ),
                spec=_pod(job),
            ),
        ),
        opts=pulumi.ResourceOptions.merge(
            opts,
            # The provider replaces a Job for another template only and tries to change the rest in place, which
            # Kubernetes refuses for most fields.
            pulumi.ResourceOptions(custom_timeouts=limit, replace_on_changes=["spec"]),
        ),
    )


def _pod(job: AgentJob) -> core.v1.PodSpecArgs:
    volumes, mounts = [pods.tmp_volume()], [pods.tmp_mount()]
    for secret in job.secrets:
        volumes.append(pods.secret_volume(secret.volume, secret.secret))
        mounts.append(core.v1.VolumeMountArgs(name=secret.volume, mount_path=secret.path, read_only=True))
    return core.v1.PodSpecArgs(
        restart_policy="Never",
        service_account_name=job.service_account,
        automount_service_account_token=job.talks_to_kubernetes,
        enable_service_links=False,
        termination_grace_period_seconds=_GRACE_S,
        security_context=pods.pod_security(pods.USER_APP),
        containers=[
            core.v1.ContainerArgs(
                name=job.identity.name,
                image=job.image,
                image_pull_policy="IfNotPresent",
                args=list(job.arguments),
                # The last lines of the log become the error of `pulumi up`.
                termination_message_policy="FallbackToLogsOnError",
                env=[core.v1.EnvVarArgs(name=key, value=value) for key, value in sorted(job.environment.items())],
                resources=pods.container_resources(job.resources),
                security_context=pods.container_security(),
                volume_mounts=mounts,
            )
        ],
        volumes=volumes,
    )


def failure_policy(container: str) -> batch.v1.PodFailurePolicyArgs:
    """Return which failures of a container are tried again."""
    temporary = batch.v1.PodFailurePolicyOnExitCodesRequirementArgs(
        container_name=container, operator="In", values=[EXIT_TEMPORARY]
    )
    evicted = batch.v1.PodFailurePolicyOnPodConditionsPatternArgs(type="DisruptionTarget", status="True")
    return batch.v1.PodFailurePolicyArgs(
        rules=[
            batch.v1.PodFailurePolicyRuleArgs(action="Ignore", on_exit_codes=temporary),
            batch.v1.PodFailurePolicyRuleArgs(action="Ignore", on_pod_conditions=[evicted]),
        ]
    )
