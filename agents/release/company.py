"""Leaves a release alone that another process drives; the record's version is the lock, this only refuses earlier."""

from agents.release.errors import ReleaseUnderWayError
from agents.release.plan import Decision, Start
from agents.release.record import ReleaseRecord
from agents.release.request import SwitchRequest
from agents.runtime.cluster import Kube

_WAYS_BACK = frozenset({Start.TAKE_BACK, Start.FINISH_ROLLBACK})
# Cited: Kubernetes, PodStatus.phase.
_RUNNING = "Running"


def refuse_company(kube: Kube, request: SwitchRequest, record: ReleaseRecord | None, decision: Decision) -> None:
    """Refuse to begin or to go on while the pod that wrote the record runs, unless this one takes the traffic back.

    Raises:
        ReleaseUnderWayError: it runs; the same command may succeed when it has ended.
    """
    if record is None or record.is_over or decision.start in _WAYS_BACK or record.holder in {"", request.holder}:
        return
    if kube.get_pod_phase(request.namespace, record.holder) == _RUNNING:
        message = (
            f"release {record.release_id} is {record.phase} and pod {record.holder} still drives it; nothing was "
            f"changed; wait for its end, or end it with `cryo release abort {record.release_id}`"
        )
        raise ReleaseUnderWayError(message)
