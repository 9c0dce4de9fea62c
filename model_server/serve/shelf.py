"""The models a worker serves: which versions are loaded, where aliases point, and why something is not there."""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from model_server.errors import ModelNotReadyError, RequestRefusedError
from model_server.registry.card import VERSION_PATTERN
from model_server.registry.record import ALIASES, CHALLENGER, CHAMPION, Traffic
from model_server.serve.predictor import Predictor

_NO_MODELS = "no model is expected; set CRYO_MODELS"
_RETRY_AFTER_S = 5.0
_NO_TRAFFIC = Traffic()


class State(StrEnum):
    """Of one version."""

    UNAVAILABLE = "UNAVAILABLE"
    LOADING = "LOADING"
    READY = "READY"
    UNLOADING = "UNLOADING"


class VersionState(NamedTuple):
    """State of one version and, where it is not ready, the reason."""

    version: str
    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """What is served of one model at one moment; replaced as a whole, so no request sees half a change."""

    versions: Mapping[str, Predictor] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    traffic: Traffic = _NO_TRAFFIC

    @property
    def champion(self) -> Predictor | None:
        """What answers requests that name no version."""
        return self.versions.get(self.aliases.get(CHAMPION, ""))

    @property
    def challenger(self) -> Predictor | None:
        """What takes part in the traffic beside the champion."""
        return self.versions.get(self.aliases.get(CHALLENGER, ""))


_NOTHING = Served()


class Shelf:
    """Every model of one worker."""

    def __init__(self) -> None:
        """Expect nothing yet."""
        self._served: dict[str, Served] = {}
        self._expected: dict[str, str] = {}
        self._notes: dict[str, dict[str, VersionState]] = {}
        self._leaving: weakref.WeakValueDictionary[tuple[str, str], Predictor] = weakref.WeakValueDictionary()

    def expect(self, name: str, reason: str) -> None:
        """Withhold readiness until a model is there."""
        self._expected[name] = reason

    def dismiss(self, name: str) -> None:
        """No longer expect a model: it was unloaded on purpose."""
        self._expected.pop(name, None)

    def note(self, name: str, version: str, state: State, reason: str = "") -> None:
        """Remember the state of a version that is not served."""
        self._notes.setdefault(name, {})[version] = VersionState(version, state, reason)

    def put(self, name: str, served: Served) -> None:
        """Replace what is served of a model, in one step."""
        before = self._served.get(name, _NOTHING)
        for version, predictor in before.versions.items():
            if version not in served.versions:
                self._leaving[name, version] = predictor
        self._served[name] = served
        for version in served.versions:
            self._notes.get(name, {}).pop(version, None)
        if served.champion is not None:
            self._expected.pop(name, None)

    @property
    def names(self) -> tuple[str, ...]:
        """Every model known here, sorted."""
        return tuple(sorted({*self._served, *self._expected, *self._notes}))

    @property
    def unready_reasons(self) -> tuple[str, ...]:
        """Why readiness is withheld; empty when every expected model is loaded, and never empty without models."""
        if self._expected:
            return tuple(self._expected.values())
        if not any(served.champion for served in self._served.values()):
            return (_NO_MODELS,)
        return ()

    def served(self, name: str) -> Served:
        """What is served of a model at this moment."""
        return self._served.get(name, _NOTHING)

    def states(self, name: str) -> list[VersionState]:
        """State of every version this worker has dealt with, newest last."""
        found = dict(self._notes.get(name, {}))
        for (model, version), _ in list(self._leaving.items()):
            if model == name:
                found[version] = VersionState(version, State.UNLOADING, "answers its last requests")
        for version in self.served(name).versions:
            found[version] = VersionState(version, State.READY)
        return sorted(found.values(), key=lambda each: [int(part) for part in each.version.split(".")])

    def is_ready(self, name: str, version: str | None) -> bool:
        """Whether a model, or one of its versions, can answer.

        Raises:
            RequestRefusedError: no such model or version (permanent).
        """
        try:
            self.find(name, version, status=404)
        except ModelNotReadyError:
            return False
        return True

    def find(self, name: str, version: str | None = None, *, status: int, path: str | None = None) -> Predictor:
        """Return a loaded version.

        Args:
            name: as asked for.
            version: number or alias; None for the champion.
            status: of the refusal when there is no such model: 404 in a path, 422 in a body.
            path: place of the name in the body.

        Raises:
            RequestRefusedError: no such model or version (permanent).
            ModelNotReadyError: known, not loaded (temporary, 503).
        """
        served = self._served.get(name, _NOTHING)
        held = served.aliases.get(version, version) if version else served.aliases.get(CHAMPION)
        predictor = served.versions.get(held) if held else None
        if predictor is not None:
            return predictor
        if name not in self.names:
            offered = ", ".join(self.names) or "none"
            message = f"no such model; choose one of: {offered}"
            raise RequestRefusedError(message, code="unknown_model", status=status, path=path)
        if version is None or held in self._notes.get(name, {}):
            message = f"model {name} {version or ''}".rstrip() + " is not loaded; /readyz has the reason"
            raise ModelNotReadyError(message, retry_after_s=_RETRY_AFTER_S)
        offered = ", ".join((*served.versions, *served.aliases)) or "none"
        what = "no such version" if version in ALIASES or VERSION_PATTERN.fullmatch(version) else "not a version"
        message = f"{what} of {name} is served; choose one of: {offered}"
        raise RequestRefusedError(message, code="unknown_version", status=status, path=path and "version")
