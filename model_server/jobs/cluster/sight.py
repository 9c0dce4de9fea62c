"""What a Job and its pods say about a training; pure over the API's JSON."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from model_server.jobs.plan import Seen, Sight, read_time

Object = Mapping[str, Any]

# Cited: kubelet, pkg/kubelet/images and kuberuntime; these do not go away by waiting.
_HOPELESS = frozenset({"ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError"})
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff"})
# Chosen: a registry that restarts is back within this time.
_PULL_PATIENCE_S = 120.0
_MESSAGE_CHARS = 600


def see(job: Object, pods: Sequence[Object], *, now: datetime) -> Seen:
    """Say whether a Job's pod may still do something, and what is known of the reason.

    Args:
        job: as read.
        pods: that carry the Job's label.
        now: with time zone.
    """
    conditions = {
        each["type"]: each for each in job.get("status", {}).get("conditions") or () if each["status"] == "True"
    }
    if "Complete" in conditions:
        return Seen(Sight.ENDED)
    if "Failed" in conditions:
        return Seen(Sight.ENDED, _why_failed(conditions["Failed"], pods))
    return _see_living(pods, now)


def _see_living(pods: Sequence[Object], now: datetime) -> Seen:
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses") or ():
            waiting = status.get("state", {}).get("waiting") or {}
            reason, said = waiting.get("reason", ""), waiting.get("message", "")
            age_s = (now - read_time(pod["metadata"]["creationTimestamp"])).total_seconds()
            if reason in _HOPELESS or (reason in _PULLING and age_s > _PULL_PATIENCE_S):
                return Seen(Sight.ALIVE, f"its pod cannot start: {reason}: {_cut(said)}", stuck=True)
        for condition in pod.get("status", {}).get("conditions") or ():
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return Seen(Sight.ALIVE, f"no node takes its pod: {_cut(condition.get('message', ''))}")
    return Seen(Sight.ALIVE)


def _why_failed(condition: Object, pods: Sequence[Object]) -> str:
    if condition.get("reason") == "DeadlineExceeded":
        return "Kubernetes ended it at its deadline; order fewer trials or raise the deadline"
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses") or ():
            ended = status.get("state", {}).get("terminated")
            if ended is None:
                continue
            if ended.get("reason") == "OOMKilled":
                return "it needed more memory than its limit; raise training.resources.limits.memory"
            if ended.get("exitCode", 0) != 0:
                said = _cut(ended.get("message", "")) or "no word"
                return f"its pod ended with {ended['exitCode']}: {said}"
    return f"its pod was deleted or evicted ({condition.get('reason', 'no reason given')}); order it again"


def _cut(text: str) -> str:
    return text.strip()[-_MESSAGE_CHARS:]
