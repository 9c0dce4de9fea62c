"""Finds edits by hand in what Kubernetes notes about every field: who wrote it last; pure.

A refresh by Pulumi compares only fields that Pulumi still owns. Measured with engine 3.259 and provider 4.27: a subject
added to a RoleBinding, a rule added to a Role and a Service's selector changed by `kubectl patch` leave it green,
because the one who writes a list or an atomic map takes it over. `metadata.managedFields` names that one. A field that
both own holds what Pulumi declares: whoever changes a value takes it away from the others.

Not seen: an edit that gives a controller's or our own agents' name as its field manager.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any

from agents.runtime.names import FIELD_MANAGER_COMMAND, FIELD_MANAGER_RELEASE

# Seen in a running platform's objects; each is a part of Kubernetes that completes what we declare.
_CONTROLLERS = frozenset({"kube-controller-manager", "kube-scheduler", "kube-apiserver", "kubelet"})
_PULUMI = "pulumi-kubernetes"
# ADR 0003: the weights of a route, and the record beside them, belong to the release agent.
_RELEASE_OWNS = {"HTTPRoute": "spec.rules", "ConfigMap": "", "Event": ""}
_DEPTH = 3

Path = tuple[str, ...]
"""Keys of a field set: `f:` and a name, `k:` and the key of a list's item, or `v:` and a value of a set."""


@dataclass(frozen=True, slots=True, order=True)
class Drift:
    """One difference between Git and the cluster.

    Attributes:
        kind: kind of the object.
        name: its name, behind its namespace where it has one.
        what: the difference and, where it is known, who made it and when.
    """

    kind: str
    name: str
    what: str

    def __str__(self) -> str:
        """`Role cryoprotect/release: spec.rules written by kubectl-patch at ...`."""
        return f"{self.kind} {self.name}: {self.what}"


def find_edits(objects: Iterable[Mapping[str, Any]], declared: frozenset[tuple[str, str]]) -> tuple[Drift, ...]:
    """Fields of declared objects that somebody else wrote.

    Args:
        objects: live objects with their managedFields.
        declared: kind and name (behind its namespace and a slash) of every object in Pulumi's state.
    """
    return tuple(
        sorted(
            Drift(live["kind"], name_of(live), f"{', '.join(fields)} written by {entry['manager']} at {entry['time']}")
            for live in objects
            if (live["kind"], name_of(live)) in declared
            for entry, fields in _foreign(live)
        )
    )


def find_strangers(
    objects: Iterable[Mapping[str, Any]], declared: frozenset[tuple[str, str]], namespaces: frozenset[str]
) -> tuple[Drift, ...]:
    """Objects in our namespaces that neither Git nor a controller made."""
    found = []
    for live in objects:
        metadata = live["metadata"]
        ours = metadata.get("namespace") in namespaces and (live["kind"], name_of(live)) not in declared
        if ours and not metadata.get("ownerReferences"):
            makers = sorted({str(entry["manager"]) for entry, _ in _foreign(live)} - {FIELD_MANAGER_COMMAND})
            if makers:
                found.append(Drift(live["kind"], name_of(live), f"is not in Git; made by {', '.join(makers)}"))
    return tuple(sorted(found))


def name_of(live: Mapping[str, Any]) -> str:
    """Name behind the namespace, as Pulumi's ids are written."""
    metadata = live["metadata"]
    return "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))


def pulumi_manager(live: Mapping[str, Any]) -> str | None:
    """Name under which Pulumi wrote this object, or None where it never did."""
    managers = (str(entry["manager"]) for entry in live["metadata"].get("managedFields", ()))
    return next((manager for manager in managers if manager.startswith(_PULUMI)), None)


def find_additions(live: Mapping[str, Any]) -> tuple[Path, ...]:
    """Topmost parts of an object that somebody else added beside everything that Pulumi declares."""
    declared = _declared(live)
    above = {path[:depth] for path in declared for depth in range(len(path) + 1)}
    added = (path for entry in _entries(live) for path in _written(live, entry, declared))
    return tuple(sorted({next(part for part in _prefixes(path) if part not in above) for path in added}))


def _foreign(live: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    declared = _declared(live)
    for entry in _entries(live):
        fields = sorted({_readable(path) for path in _written(live, entry, declared)})
        if fields:
            yield {**entry, "time": entry.get("time", "an unknown time")}, fields


def _declared(live: Mapping[str, Any]) -> frozenset[Path]:
    entries = live["metadata"].get("managedFields", ())
    ours = (entry for entry in entries if str(entry["manager"]).startswith(_PULUMI))
    return frozenset(path for entry in ours for path in _paths(entry.get("fieldsV1", {}), ()))


def _entries(live: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for entry in live["metadata"].get("managedFields", ()):
        manager = str(entry["manager"])
        if manager not in _CONTROLLERS and not manager.startswith(_PULUMI) and entry.get("subresource") != "status":
            yield entry


def _written(live: Mapping[str, Any], entry: Mapping[str, Any], declared: frozenset[Path]) -> Iterator[Path]:
    """Yield what this manager alone wrote and is not its own by our design."""
    own = _RELEASE_OWNS.get(live["kind"]) if entry["manager"] == FIELD_MANAGER_RELEASE else None
    for path in _paths(entry.get("fieldsV1", {}), ()):
        if path not in declared and (own is None or not _readable(path).startswith(own)):
            yield path


def _prefixes(path: Path) -> Iterator[Path]:
    """Yield from the top down, but never a whole `spec` or `metadata.labels`: what is beside a part stays."""
    top = 3 if path[0] == "f:metadata" else 2
    return (path[:depth] for depth in range(min(top, len(path)), len(path) + 1))


def _paths(fields: Mapping[str, Any], above: Path) -> Iterator[Path]:
    """Leaves of a field set; the fields of a list's item stand behind the item's key."""
    for key, below in fields.items():
        if below:
            yield from _paths(below, (*above, key))
        elif key != ".":
            yield (*above, key)


def _readable(path: Path) -> str:
    """Return a path cut where a person can still read it, and at a list's item, whose key is long."""
    names = takewhile(lambda key: key.startswith("f:"), path)
    return ".".join(key.removeprefix("f:") for key in islice(names, _DEPTH))
