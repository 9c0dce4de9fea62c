"""The release record: what a release did and why, written to a ConfigMap before each effect."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from agents.release.errors import RecordMalformedError
from agents.release.states import Phase, may_follow
from agents.runtime import names
from agents.runtime.clock import format_rfc3339
from agents.runtime.cluster import ConfigMap, Kube
from agents.runtime.errors import ClusterConflictError
from agents.runtime.names import Colour

_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of a release."""

    phase: Phase
    at: str
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """One release from its first step to where it stands."""

    release_id: str
    app: str
    source: Colour
    target: Colour
    transitions: tuple[Transition, ...]

    @classmethod
    def begin(cls, release_id: str, app: str, target: Colour, *, at: datetime, because: tuple[str, ...]) -> Self:
        """Start a record in its first phase."""
        first = Transition(Phase.SMOKE, format_rfc3339(at), because)
        return cls(release_id=release_id, app=app, source=target.other, target=target, transitions=(first,))

    @property
    def phase(self) -> Phase:
        """Where the release stands."""
        return self.transitions[-1].phase

    def advance(self, phase: Phase, *, at: datetime, because: tuple[str, ...]) -> Self:
        """Return the record one step further; an illegal step is a defect of ours."""
        if not may_follow(self.phase, phase):
            message = f"release {self.release_id}: {phase} cannot follow {self.phase}"
            raise ValueError(message)
        step = Transition(phase, format_rfc3339(at), because)
        return replace(self, transitions=(*self.transitions, step))

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return {
            "schema": _SCHEMA,
            "release_id": self.release_id,
            "app": self.app,
            "from": self.source.value,
            "to": self.target.value,
            "phase": self.phase.value,
            "started_at": self.transitions[0].at,
            "updated_at": self.transitions[-1].at,
            "reasons": list(self.transitions[-1].because),
            "transitions": [
                {"phase": step.phase.value, "at": step.at, "because": list(step.because)} for step in self.transitions
            ],
        }


def parse_record(text: str, where: str) -> ReleaseRecord:
    """Read a record back.

    Raises:
        RecordMalformedError: somebody else wrote it, or a newer agent did.
    """
    try:
        raw = json.loads(text)
        schema = raw["schema"]
        transitions = tuple(
            Transition(Phase(step["phase"]), str(step["at"]), tuple(map(str, step["because"])))
            for step in raw["transitions"]
        )
        record = ReleaseRecord(
            release_id=str(raw["release_id"]),
            app=str(raw["app"]),
            source=Colour(raw["from"]),
            target=Colour(raw["to"]),
            transitions=transitions,
        )
    except (ValueError, KeyError, TypeError) as error:
        message = f"{where}: not a release record ({error!r}); look at the route's weights, then delete the ConfigMap"
        raise RecordMalformedError(message) from error
    if schema != _SCHEMA or not transitions or record.source is not record.target.other:
        message = f"{where}: not a record of schema {_SCHEMA}; use the agent that wrote it"
        raise RecordMalformedError(message)
    return record


class RecordStore:
    """The ConfigMap of one route; a write fails when somebody else wrote since our last look."""

    def __init__(self, kube: Kube, namespace: str, app: str) -> None:
        """Name the record; nothing is read yet."""
        self._kube = kube
        self._namespace = namespace
        self._app = app
        self._name = names.release_record_name(names.route_name(app))
        self._resource_version: str | None = None

    def load(self) -> ReleaseRecord | None:
        """Return the last release's record, or None before the first."""
        found = self._kube.get_config_map(self._namespace, self._name)
        if found is None:
            self._resource_version = None
            return None
        self._resource_version = found.resource_version
        where = f"ConfigMap {self._namespace}/{self._name}"
        return parse_record(found.data.get(names.RELEASE_RECORD_KEY, ""), where)

    def save(self, record: ReleaseRecord) -> ReleaseRecord:
        """Write the record and return it."""
        body = record.to_json()
        wanted = ConfigMap(
            namespace=self._namespace,
            name=self._name,
            data={
                names.RELEASE_RECORD_KEY: json.dumps(body, indent=2),
                # Flat copies, so that `kubectl get -o jsonpath` and dashboards need no JSON parser.
                "phase": body["phase"],
                "from": body["from"],
                "to": body["to"],
            },
            labels=names.app_labels(self._app, component="release-record", managed_by=names.FIELD_MANAGER_RELEASE),
            resource_version=self._resource_version,
        )
        try:
            written = self._kube.apply_config_map(wanted, field_manager=names.FIELD_MANAGER_RELEASE)
        except ClusterConflictError:
            # Our own earlier try may have arrived while its answer was lost.
            found = self._kube.get_config_map(self._namespace, self._name)
            if found is None or found.data != wanted.data:
                raise
            written = found
        self._resource_version = written.resource_version
        return record
