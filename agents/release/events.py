"""One Kubernetes Event per phase of a release, so that `kubectl get events` tells what a dashboard would."""

import re
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from agents.release.record import ReleaseRecord, Transition
from agents.release.states import Phase
from agents.runtime import names
from agents.runtime.cluster import ClusterEvent, Kube
from agents.runtime.errors import AgentError, ClusterConflictError

_BAD = frozenset({Phase.REFUSED, Phase.ROLLING_BACK, Phase.ROLLED_BACK})
# What comes next is a write of the route, which must not wait for an Event.
_HURRIED = frozenset({Phase.SHIFTING, Phase.ROLLING_BACK})
# Cited: Kubernetes API, Event.message: 1 kB at most.
_MESSAGE_CHARACTERS = 1000


@dataclass
class EventLog:
    """Writes the phases that were not told yet; a failure is logged and is no reason to stop a release."""

    kube: Kube
    namespace: str
    log: FilteringBoundLogger
    _told: dict[str, int] = field(default_factory=dict)

    def tell(self, record: ReleaseRecord) -> None:
        """Write one Event for each phase since the last call; those before a change of the route follow after it."""
        if record.phase in _HURRIED:
            return
        for number in range(self._told.get(record.release_id, 0), len(record.transitions)):
            try:
                self.kube.create_event(event_of(record, number, self.namespace))
            except ClusterConflictError:
                pass  # a process before this one wrote it
            except AgentError as error:
                self.log.warning("release.event.failed", release_id=record.release_id, reason=str(error))
                return
            self._told[record.release_id] = number + 1


def event_of(record: ReleaseRecord, number: int, namespace: str) -> ClusterEvent:
    """Return the Event of one transition; its name follows from the release, so that it is written once."""
    step = record.transitions[number]
    told = f"release {record.release_id}, {record.source} to {record.target}{_share(step)}: {'; '.join(step.because)}"
    plain = re.sub(r"[^a-z0-9.-]", "-", f"{record.app}.{record.release_id}.{number}".lower())
    return ClusterEvent(
        namespace=namespace,
        name=plain,
        route=names.route_name(record.app),
        reason="Release" + "".join(word.capitalize() for word in step.phase.split("_")),
        message=told[:_MESSAGE_CHARACTERS],
        is_warning=step.phase in _BAD,
        at=step.at,
    )


def _share(step: Transition) -> str:
    return f" at {step.share} %" if step.share else ""
