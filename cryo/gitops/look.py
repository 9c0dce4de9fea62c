"""Asks Pulumi and the cluster what they hold; the answers are judged by the pure modules beside this one."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cryo.errors import PermanentCryoError
from cryo.gitops.field_owners import (
    Drift,
    find_additions,
    find_edits,
    find_strangers,
    name_of,
    pulumi_manager,
)
from cryo.gitops.object_change import ObjectChange, read_plan
from cryo.gitops.removal import plan_removal
from cryo.settings import Settings
from cryo.stack import Stack, arguments_for
from cryo.tools import Tools
from toolchain.process import Command, run_command

Report = Callable[[str], None]
_QUERY_TIMEOUT_S = 60
Declared = dict[tuple[str, str], dict[str, Any]]
"""Inputs of every object in Pulumi's state by kind and name; those of Secrets are encrypted there and stay so."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """What a look needs: the stack, the tools, and where progress is told."""

    settings: Settings
    stack: Stack
    tools: Tools
    report: Report

    def plan(self) -> tuple[ObjectChange, ...]:
        """Ask Pulumi what `pulumi up` would do now."""
        self.report(f"pulumi preview: stack {self.settings.stack}")
        return read_plan(self.stack.ask(*arguments_for(self.settings, "preview", ("--json",))))

    def drift(self) -> tuple[Drift, ...]:
        """Differences between what was deployed last and what is there."""
        self.report(f"pulumi refresh, without changing anything: stack {self.settings.stack}")
        refresh = ("--preview-only", "--json")
        changed = read_plan(self.stack.ask(*arguments_for(self.settings, "refresh", refresh)))
        declared = self._declared()
        self.report(f"who wrote the fields of {len(declared)} objects")
        objects = self._live(declared)
        names = frozenset(declared)
        namespaces = frozenset(name for kind, name in declared if kind == "Namespace")
        differing = (Drift(change.kind, change.name, _told(change)) for change in changed)
        return tuple(sorted({*differing, *find_edits(objects, names), *find_strangers(objects, names, namespaces)}))

    def take_back(self) -> tuple[str, ...]:
        """Write the declared fields of every edited object again in Pulumi's name, and take out what was added.

        Returns the objects. A Secret is left alone, because its declared values are encrypted in the state; `drift`
        goes on to tell it.
        """
        declared = self._declared()
        objects = self._live(declared)
        edited = {(found.kind, found.name) for found in find_edits(objects, frozenset(declared))}
        taken = sorted(key for key in edited if key[0] != "Secret")
        for live in objects:
            manager = pulumi_manager(live)
            key = (live["kind"], name_of(live))
            if key in taken and manager is not None:
                self.report(f"{' '.join(key)}: written as declared")
                apply = ("apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "--filename=-")
                self._kubectl(*apply, stdin=json.dumps(_without_private(declared[key])))
        for live in self._live(declared):
            patch = plan_removal(live, find_additions(live)) if (live["kind"], name_of(live)) in taken else []
            if patch:
                self._remove(live, patch)
        return tuple(" ".join(key) for key in taken)

    def _remove(self, live: dict[str, Any], patch: list[dict[str, str]]) -> None:
        self.report(f"{live['kind']} {name_of(live)}: without {', '.join(each['path'] for each in patch)}")
        namespace = live["metadata"].get("namespace")
        where = ("--namespace", namespace) if namespace else ()
        group = live["apiVersion"].rpartition("/")[0]
        what = ".".join(
            filter(None, (live["kind"].lower(), live["apiVersion"].rpartition("/")[2] if group else "", group))
        )
        self._kubectl("patch", what, live["metadata"]["name"], *where, "--type=json", f"--patch={json.dumps(patch)}")

    def _declared(self) -> Declared:
        exported = json.loads(self.stack.ask("stack", "export", "--stack", self.settings.stack))
        resources = exported["deployment"].get("resources", [])
        if not resources:
            message = "the stack has never been deployed, so nothing can have drifted; run `pulumi up` first"
            raise PermanentCryoError(message)
        ours = (each for each in resources if each["type"].startswith("kubernetes:") and each.get("custom"))
        return {(each["type"].rsplit(":", 1)[-1], each["id"]): each["inputs"] for each in ours}

    def _live(self, declared: Declared) -> list[dict[str, Any]]:
        kinds = {kind for kind, _ in declared}
        listing = self._kubectl("api-resources", "--verbs=list", "--no-headers")
        resources = sorted({name for name, kind in _served(listing) if kind in kinds})
        answer = self._kubectl("get", ",".join(resources), "--all-namespaces", "--show-managed-fields", "--output=json")
        try:
            items: list[dict[str, Any]] = json.loads(answer)["items"]
        except (ValueError, KeyError) as error:
            message = f"kubectl answered in a form that is not known ({error!r})"
            raise PermanentCryoError(message) from error
        return items

    def _kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        argv = (*self.tools.kubectl, *arguments, f"--request-timeout={_QUERY_TIMEOUT_S}s")
        environment = {**os.environ, **self.stack.variables}
        log = self.settings.cache / "drift.log"
        timeout_s = 2 * _QUERY_TIMEOUT_S
        command = Command(argv, log, env=environment, timeout_s=timeout_s, stdin=stdin, name="kubectl")
        return run_command(command)


def _told(change: ObjectChange) -> str:
    if change.operation == "delete":
        return "is gone"
    return f"{', '.join(change.properties) or 'something'} differs from what was deployed"


def _served(listing: str) -> Iterator[tuple[str, str]]:
    """Resource with its group, and kind, of each line of `kubectl api-resources`; short names may be missing."""
    for line in listing.splitlines():
        columns = line.split()
        group = columns[-3].rpartition("/")[0]
        yield ".".join(filter(None, (columns[0], group))), columns[-1]


def _without_private(inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs as the API server takes them; Pulumi keeps notes of its own under names that begin with underscores."""
    return {key: value for key, value in inputs.items() if not key.startswith("__")}
