"""The Jobs that `cryo backup` makes in the cluster, where the repository and its keys are; pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agents.runtime.names import LABEL_BACKUP_VERB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMAND = "command"
RESTORE = "restore"
# Chosen: long enough to look at what a command wrote, short enough not to collect.
_KEEP_S = 3600


def template_selector(verb: str) -> str:
    """Return the label selector of the CronJob that a Job is made from."""
    return f"{LABEL_BACKUP_VERB}={verb}"


def make_job(cron_job: Mapping[str, Any], arguments: Sequence[str]) -> dict[str, Any]:
    """Return a Job that runs the agent with these arguments in the pod that a CronJob describes."""
    template = json.loads(json.dumps(cron_job["spec"]["jobTemplate"]))
    spec = template["spec"]
    spec["ttlSecondsAfterFinished"] = _KEEP_S
    # A person waits for it and reads its error: it is not tried again behind their back.
    spec.pop("podFailurePolicy", None)
    spec["template"]["spec"]["containers"][0]["args"] = ["-m", "agents.backup", *arguments]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "generateName": "cryo-backup-",
            "namespace": cron_job["metadata"]["namespace"],
            "labels": template.get("metadata", {}).get("labels", {}),
        },
        "spec": spec,
    }


def split_output(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part a pod's log into the command's answer and its own log lines, which Kubernetes mixes."""
    answer: list[str] = []
    log: list[str] = []
    for line in lines:
        (log if _is_log(line) else answer).append(line)
    return answer, log


def _is_log(line: str) -> bool:
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, dict) and {"ts", "event"} <= set(entry)
