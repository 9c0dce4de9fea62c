"""The release record: what a release did and why, written to a ConfigMap before each effect."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from agents.release.errors import RecordMalformedError
from agents.release.states import FULL_SHARE, Move, Phase, is_over, may_follow
from agents.runtime import names
from agents.runtime.clock import format_rfc3339
from agents.runtime.cluster import ConfigMap, Kube
from agents.runtime.errors import ClusterConflictError
from agents.runtime.names import Colour

_SCHEMA = 2
# What an agent of schema 1 wrote: it knew neither proofs nor steps, and gave all traffic at once.
_PHASES_OF_1 = {
    "smoke": (Phase.PREPARING, 0),
    "weights": (Phase.SHIFTING, FULL_SHARE),
    "confirm": (Phase.SHIFTING, FULL_SHARE),
    "promoted": (Phase.SETTLED, FULL_SHARE),
    "rolling_back": (Phase.ROLLING_BACK, 0),
    "rolled_back": (Phase.ROLLED_BACK, 0),
    "refused": (Phase.REFUSED, 0),
}


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of a release."""

    phase: Phase
    at: str
    because: tuple[str, ...]
    share: int = 0
    """Percent of traffic that the new colour has or is getting."""


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """One release from its first step to where it stands."""

    release_id: str
    app: str
    source: Colour
    target: Colour
    transitions: tuple[Transition, ...]
    versions: Mapping[Colour, str] = field(default_factory=dict)
    """What each colour said it was when the release began; a colour that said nothing is missing."""
    content: str = ""
    """What the target's slot was filled with; empty when the agent was not told."""
    holder: str = ""
    """Host name of the process that wrote last, which in a pod is the pod's name; empty in older records."""

    @classmethod
    def begin(  # noqa: PLR0913 - each is one fact of the first line of a record
        cls,
        release_id: str,
        app: str,
        target: Colour,
        *,
        at: datetime,
        because: tuple[str, ...],
        versions: Mapping[Colour, str] | None = None,
        content: str = "",
    ) -> Self:
        """Start a record in its first phase."""
        first = Transition(Phase.PREPARING, format_rfc3339(at), because)
        return cls(
            release_id=release_id,
            app=app,
            source=target.other,
            target=target,
            transitions=(first,),
            versions=dict(versions or {}),
            content=content,
        )

    @property
    def phase(self) -> Phase:
        """Where the release stands."""
        return self.transitions[-1].phase

    @property
    def share(self) -> int:
        """Percent of traffic that the new colour has or is getting."""
        return self.transitions[-1].share

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens to it."""
        return is_over(self.phase)

    def entered(self, phase: Phase) -> datetime | None:
        """Return when the release first came to a phase, or None."""
        found = next((step.at for step in self.transitions if step.phase is phase), None)
        return datetime.fromisoformat(found) if found else None

    def advance(self, move: Move, *, at: datetime) -> Self:
        """Return the record one step further; an illegal step is a defect of ours."""
        if not may_follow(self.phase, move.phase):
            message = f"release {self.release_id}: {move.phase} cannot follow {self.phase}"
            raise ValueError(message)
        step = Transition(move.phase, format_rfc3339(at), move.because, move.share)
        return replace(self, transitions=(*self.transitions, step))

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return {
            "schema": _SCHEMA,
            "release_id": self.release_id,
            "app": self.app,
            "from": self.source.value,
            "to": self.target.value,
            "versions": {colour.value: version for colour, version in sorted(self.versions.items())},
            "content": self.content,
            "holder": self.holder,
            "phase": self.phase.value,
            "share": self.share,
            "started_at": self.transitions[0].at,
            "updated_at": self.transitions[-1].at,
            "reasons": list(self.transitions[-1].because),
            "transitions": [
                {"phase": step.phase.value, "at": step.at, "because": list(step.because), "share": step.share}
                for step in self.transitions
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
        transitions = tuple(_parse_transition(step, schema) for step in raw["transitions"])
        record = ReleaseRecord(
            release_id=str(raw["release_id"]),
            app=str(raw["app"]),
            source=Colour(raw["from"]),
            target=Colour(raw["to"]),
            transitions=transitions,
            versions={Colour(name): str(version) for name, version in raw.get("versions", {}).items()},
            content=str(raw.get("content", "")),
            holder=str(raw.get("holder", "")),
        )
    except (ValueError, KeyError, TypeError) as error:
        message = f"{where}: not a release record ({error!r}); look at the route's weights, then delete the ConfigMap"
        raise RecordMalformedError(message) from error
    if schema not in {1, _SCHEMA} or not transitions or record.source is not record.target.other:
        message = f"{where}: not a record of schema 1 or {_SCHEMA}; use the agent that wrote it"
        raise RecordMalformedError(message)
    return record


def _parse_transition(step: Mapping[str, Any], schema: object) -> Transition:
    because = tuple(map(str, step["because"]))
    if schema == 1:
        phase, share = _PHASES_OF_1[step["phase"]]
        return Transition(phase, str(step["at"]), because, share)
    return Transition(Phase(step["phase"]), str(step["at"]), because, int(step["share"]))


class RecordStore:
    """The ConfigMap of one route; a write fails when somebody else wrote since our last look."""

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        app: str,
        *,
        written: Callable[[ReleaseRecord], None] = lambda _record: None,
        holder: str = "",
    ) -> None:
        """Name the record; nothing is read yet.

        Args:
            kube: the cluster.
            namespace: of the route.
            app: the route's application.
            written: told about each record that was written, for copies elsewhere.
            holder: host name of this process, so that another one can see whether it still runs.
        """
        self._holder = holder
        self._written = written
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
        """Write the record in this process's name and return it."""
        record = replace(record, holder=self._holder)
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
        self._written(record)
        return record
