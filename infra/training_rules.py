"""What a training Job may be, as the rules of an admission policy in CEL; pure.

The right to create Jobs is the right to run anything in the namespace, as anybody in it. These rules narrow the model
server's right to the one shape that `model_server/jobs/cluster/manifest.py` builds.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.runtime.names import APP_TRAINER, LABEL_NAME, SERVICE_ACCOUNT_TRAINER

_NAME = "^train-[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$"
VARIABLES = {"pod": "object.spec.template.spec", "container": "object.spec.template.spec.containers[0]"}


@dataclass(frozen=True)
class Rule:
    """An expression that has to be true, and what is said when it is not."""

    expression: str
    message: str


def deletion_rule() -> Rule:
    """Return what may be deleted."""
    return Rule(
        f"oldObject.metadata.name.matches('{_NAME}') && {_labelled('oldObject')}",
        "the model server deletes training Jobs only",
    )


def creation_rules(*, image: str, claim: str, deadline_s: int) -> list[Rule]:
    """Return what a new Job has to be.

    Args:
        image: the one image it may run.
        claim: the one PersistentVolumeClaim it may use.
        deadline_s: seconds it may run at most.
    """
    return [
        Rule(f"object.metadata.name.matches('{_NAME}')", "its name is train-<id of the job>"),
        Rule(
            f"{_labelled('object')} && {_labelled('object.spec.template')}",
            "Job and pod are labelled as a trainer, so that no Service or policy takes the pod for something else",
        ),
        Rule(
            "size(variables.pod.containers) == 1 && !has(variables.pod.initContainers)",
            "there is one container and nothing beside it",
        ),
        Rule(f"variables.container.image == '{image}'", "the image is the trainer's"),
        Rule(
            "!has(variables.container.command) && has(variables.container.args)"
            " && size(variables.container.args) > 2"
            " && variables.container.args[0] == '-m' && variables.container.args[1] == 'model_server.train'",
            "the program is model_server.train",
        ),
        Rule(
            "!has(variables.container.env) && !has(variables.container.envFrom) && !has(variables.container.lifecycle)"
            " && !has(variables.container.volumeDevices)",
            "there are no variables, devices or hooks, through which a Secret or a command could come in",
        ),
        *_identity_rules(),
        *_volume_rules(claim),
        Rule(
            "has(object.spec.backoffLimit) && object.spec.backoffLimit == 0"
            " && has(object.spec.activeDeadlineSeconds)"
            f" && object.spec.activeDeadlineSeconds <= {deadline_s} && has(object.spec.ttlSecondsAfterFinished)"
            " && (!has(object.spec.parallelism) || object.spec.parallelism == 1)"
            " && (!has(object.spec.completions) || object.spec.completions == 1)",
            "it is one pod that ends and is cleared away",
        ),
    ]


def _identity_rules() -> list[Rule]:
    return [
        Rule(
            "has(variables.pod.serviceAccountName)"
            f" && variables.pod.serviceAccountName == '{SERVICE_ACCOUNT_TRAINER}'"
            " && has(variables.pod.automountServiceAccountToken) && !variables.pod.automountServiceAccountToken"
            " && !has(variables.pod.imagePullSecrets)",
            "the pod has no identity: the ServiceAccount without rights, and no token of it",
        ),
        Rule(
            " && ".join(
                f"(!has(variables.pod.{name}) || !variables.pod.{name})"
                for name in ("hostNetwork", "hostPID", "hostIPC")
            ),
            "the pod shares nothing with its node",
        ),
        Rule(
            "has(variables.pod.securityContext) && has(variables.pod.securityContext.runAsNonRoot)"
            " && variables.pod.securityContext.runAsNonRoot && has(variables.container.securityContext)"
            " && has(variables.container.securityContext.allowPrivilegeEscalation)"
            " && !variables.container.securityContext.allowPrivilegeEscalation"
            " && has(variables.container.securityContext.readOnlyRootFilesystem)"
            " && variables.container.securityContext.readOnlyRootFilesystem"
            " && (!has(variables.container.securityContext.privileged)"
            " || !variables.container.securityContext.privileged)",
            "the container has no privilege and a root file system that it cannot write",
        ),
    ]


def _volume_rules(claim: str) -> list[Rule]:
    own_folder = "object.metadata.name.replace('train-', 'training/', 1)"
    return [
        Rule(
            "has(variables.pod.volumes) && variables.pod.volumes.all(v, has(v.emptyDir)"
            f" || (has(v.persistentVolumeClaim) && v.persistentVolumeClaim.claimName == '{claim}'))",
            "the volumes are the registry's and scratch space: no Secret, no ConfigMap, no folder of the node",
        ),
        Rule(
            "has(variables.container.volumeMounts) && variables.container.volumeMounts.all(m,"
            " variables.pod.volumes.exists(v, v.name == m.name && has(v.emptyDir))"
            " || (has(m.subPath) && ((m.subPath == 'datasets' && has(m.readOnly) && m.readOnly)"
            f" || m.subPath == {own_folder})))",
            "of the registry it sees the data sets, to read, and its own folder",
        ),
    ]


def _labelled(path: str) -> str:
    return (
        f"has({path}.metadata.labels) && '{LABEL_NAME}' in {path}.metadata.labels"
        f" && {path}.metadata.labels['{LABEL_NAME}'] == '{APP_TRAINER}'"
    )
