"""The Job of one training as Kubernetes gets it; pure.

`infra/components/training.py` declares an admission policy that lets the server create nothing but this shape, so a
change here is a change there. The pod holds no credential: no token, no Secret, no network is opened for it. It sees
two folders of the registry's volume, the data sets to read and its own to write.
"""

from pathlib import PurePosixPath
from typing import Any, NamedTuple

from model_server.jobs.arguments import train_arguments
from model_server.jobs.job import TrainingJob
from model_server.jobs.workspace import TRAINING_FOLDER

# The same as agents.runtime.names uses; the server does not ship that package.
LABEL_NAME = "app.kubernetes.io/name"
APP_TRAINER = "trainer"
DATASETS_FOLDER = "datasets"
_DATA_PATH = PurePosixPath("/data")
_WORK_PATH = PurePosixPath("/work")
_USER = 65532
_VOLUME = "registry"
# Chosen: long enough to look at the log of a failed training, short enough not to pile up.
_KEEP_S = 3600
# Chosen: a training has nothing to save; the signal only spares it the kill.
_GRACE_S = 10


class PodPlan(NamedTuple):
    """What every training pod of an environment has in common.

    Args:
        image: of the trainer.
        claim: PersistentVolumeClaim of the registry.
        account: ServiceAccount without rights.
        requests: cpu and memory that the scheduler reserves.
        limits: cpu and memory at most.
        deadline_s: seconds until Kubernetes ends the Job.
    """

    image: str
    claim: str
    account: str
    requests: dict[str, str]
    limits: dict[str, str]
    deadline_s: int


def job_name(job_id: str) -> str:
    """Return the Job's name, by which every worker finds it."""
    return f"train-{job_id}"


def build_job(job: TrainingJob, plan: PodPlan, *, account_uid: str) -> dict[str, Any]:
    """Return the manifest.

    Args:
        job: what is to be trained.
        plan: of the environment.
        account_uid: of the pods' ServiceAccount, which owns the Job: when an environment is destroyed its Jobs go with
            it, and with them the pods that would hold the registry's volume; a finished pod holds it too.
    """
    labels = {
        LABEL_NAME: APP_TRAINER,
        "app.kubernetes.io/component": "training",
        "app.kubernetes.io/part-of": "cryoprotect",
        "app.kubernetes.io/managed-by": "model-server",
        "cryoprotect.io/model": job.order.model,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(job.id),
            "labels": labels,
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "ServiceAccount", "name": plan.account, "uid": account_uid}
            ],
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": plan.deadline_s,
            "ttlSecondsAfterFinished": _KEEP_S,
            # An evicted pod is no fault of the training: it starts again within the deadline.
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                ]
            },
            "template": {"metadata": {"labels": labels}, "spec": _pod(job, plan)},
        },
    }


def _pod(job: TrainingJob, plan: PodPlan) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "serviceAccountName": plan.account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _GRACE_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(job, plan)],
        "volumes": [
            {"name": _VOLUME, "persistentVolumeClaim": {"claimName": plan.claim}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
        ],
    }


def _container(job: TrainingJob, plan: PodPlan) -> dict[str, Any]:
    return {
        "name": APP_TRAINER,
        "image": plan.image,
        "imagePullPolicy": "IfNotPresent",
        "args": train_arguments(job.order, data_dir=_DATA_PATH, work_dir=_WORK_PATH),
        # The last lines of the log become the error of the job.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": {"requests": plan.requests, "limits": plan.limits},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": _VOLUME, "mountPath": str(_DATA_PATH), "subPath": DATASETS_FOLDER, "readOnly": True},
            {"name": _VOLUME, "mountPath": str(_WORK_PATH), "subPath": f"{TRAINING_FOLDER}/{job.id}"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the path inside the container
        ],
    }
