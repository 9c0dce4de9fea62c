"""Where a check's numbers may be changed and what may stand: one TOML file beside the built-in list."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Self

import msgspec

from agents.health.declared import read_declared
from agents.health.definition import Check
from agents.health.errors import SelectionError
from agents.health.findings import Acceptance
from agents.health.statements import Layout
from agents.runtime.errors import SettingsError


class ChangedCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Other numbers for one check."""

    warn: float | None = None
    critical: float | None = None
    parameters: dict[str, float] = {}


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    accept: tuple[Acceptance, ...] = ()
    checks: dict[str, ChangedCheck] = {}


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """What one deployment says about the checks."""

    accept: tuple[Acceptance, ...]
    checks: Mapping[str, ChangedCheck]
    layout: Layout
    """With the objects of the file that `CRYO_HEALTH_SCHEMA` names, by default migrations/schema.sql where that is."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the built-in list, and the file that `CRYO_HEALTH_SETTINGS` names.

        Raises:
            SettingsError: the file is not there, is no TOML, or has a key that means nothing.
        """
        builtin = _parse(
            resources.files("agents.health").joinpath("accepted.toml").read_text(encoding="utf-8"), "accepted.toml"
        )
        path = environ.get("CRYO_HEALTH_SETTINGS", "")
        if not path:
            return cls(builtin.accept, builtin.checks, _read_layout(environ))
        try:
            own = _parse(Path(path).read_text(encoding="utf-8"), path)
        except OSError as error:
            message = f"CRYO_HEALTH_SETTINGS: {path}: {error.strerror}; name a readable TOML file or leave it out"
            raise SettingsError(message) from error
        return cls((*builtin.accept, *own.accept), {**builtin.checks, **own.checks}, _read_layout(environ))

    def apply(self, checks: Sequence[Check]) -> tuple[Check, ...]:
        """Return the checks with this deployment's numbers."""
        return tuple(_change(check, self.checks[check.id]) if check.id in self.checks else check for check in checks)


def _read_layout(environ: Mapping[str, str]) -> Layout:
    """Read what the schema file declares; the default may be absent, a file that was named may not."""
    named = environ.get("CRYO_HEALTH_SCHEMA", "")
    path = Path(named or "migrations/schema.sql")
    if not named and not path.is_file():
        return Layout()
    try:
        return Layout(declared=read_declared(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        message = f"CRYO_HEALTH_SCHEMA: {path}: {error}; name a readable schema.sql or leave it out"
        raise SettingsError(message) from error


def _parse(text: str, where: str) -> _Document:
    try:
        return msgspec.convert(tomllib.loads(text), _Document)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        message = f"{where}: {error}; correct the file"
        raise SettingsError(message) from error


def _change(check: Check, change: ChangedCheck) -> Check:
    unknown = sorted(set(change.parameters) - set(check.parameters))
    if unknown or (check.threshold is None and (change.warn is not None or change.critical is not None)):
        message = f"{check.id} has no {unknown[0] if unknown else 'threshold'} that could be changed"
        raise SelectionError(message)
    limits = check.threshold
    if limits is not None:
        limits = msgspec.structs.replace(
            limits,
            warn=limits.warn if change.warn is None else change.warn,
            critical=limits.critical if change.critical is None else change.critical,
        )
    return msgspec.structs.replace(check, threshold=limits, parameters={**check.parameters, **change.parameters})
