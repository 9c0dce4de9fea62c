"""Compares what an environment says at two commits: which colour, which versions, how many pods; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.quantities import cpu_cores, memory_bytes

_MEBIBYTE = 1024**2

Settings = Mapping[str, Any]
"""What base.yaml and the stack's file say together. It is not checked against today's settings: the commit that
a change is compared with was written for an older one."""


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting that differs.

    Attributes:
        key: path of the setting with dots.
        before: its value, or None where it was not set.
        after: its value, or None where it is not set any more.
    """

    key: str
    before: Any
    after: Any

    def __str__(self) -> str:
        """`key: before -> after`."""
        return f"{self.key}: {_text(self.before)} -> {_text(self.after)}"


@dataclass(frozen=True, slots=True)
class Reserved:
    """What the applications reserve on the nodes: pods, cores and memory over both colours."""

    pods: int
    cpu_cores: float
    memory_mib: float


def compare_settings(before: Settings, after: Settings) -> tuple[SettingChange, ...]:
    """Every setting that differs, sorted by key."""
    old, new = flatten(before), flatten(after)
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return tuple(SettingChange(key, old.get(key), new.get(key)) for key in keys)


def flatten(settings: Settings) -> dict[str, Any]:
    """Settings by their path, such as `apps.model-server.active`; lists stay whole."""
    return dict(_walk(settings, ()))


def describe_traffic(before: Settings, after: Settings) -> tuple[str, ...]:
    """Say for each application where its traffic goes and what each colour will run.

    An unchanged application says so, because that too is what a reviewer wants to know.
    """
    apps = (_apps(before), _apps(after))
    return tuple(line for name in sorted({*apps[0], *apps[1]}) for line in _describe_app(name, *apps))


def count_reserved(settings: Settings) -> Reserved:
    """Pods of all applications over their filled colours, at the autoscaler's least where one is on."""
    pods, cores, memory_mib = 0, 0.0, 0.0
    for app in _apps(settings).values():
        autoscale = app.get("autoscale")
        each = autoscale["min_replicas"] if autoscale else app["replicas"]
        count = each * sum(1 for slot in app["slots"].values() if slot)
        requests = app["resources"]["requests"]
        pods += count
        cores += count * float(cpu_cores(requests["cpu"]))
        memory_mib += count * memory_bytes(requests["memory"]) / _MEBIBYTE
    return Reserved(pods, cores, memory_mib)


def _apps(settings: Settings) -> Mapping[str, Any]:
    apps: Mapping[str, Any] = settings.get("apps", {})
    return apps


def _describe_app(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    if name not in before or name not in after:
        yield f"{name}: is {'new' if name in after else 'taken away'}"
        return
    old, new = before[name], after[name]
    changed = False
    if old["active"] != new["active"]:
        changed = True
        yield f"{name}: traffic moves from {old['active']} to {new['active']}"
    for colour in sorted({*old["slots"], *new["slots"]}):
        one, other = old["slots"].get(colour), new["slots"].get(colour)
        if one != other:
            changed = True
            live = ", WHICH IS LIVE," if old["active"] == new["active"] == colour else ""
            yield f"{name}: {colour}{live} changes from {_slot(one)} to {_slot(other)}"
    if not changed:
        yield f"{name}: stays on {new['active']}, both colours unchanged"


def _slot(slot: Mapping[str, Any] | None) -> str:
    if not slot:
        return "nothing"
    name, _, digest = str(slot["image"]).partition("@sha256:")
    return f"{slot['version']} ({name}@{digest[:12]})" if digest else f"{slot['version']} ({name})"


def _walk(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for key, below in value.items():
        if isinstance(below, dict) and below:
            yield from _walk(below, (*path, str(key)))
        else:
            yield ".".join((*path, str(key))), below


def _text(value: Any) -> str:  # noqa: ANN401 - whatever YAML can hold
    return "not set" if value is None else str(value)
