"""Who may make pods: the right to create a Job is the right to run anything, unless an admission policy narrows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.rendering import Rendering

_POD_MAKERS = frozenset(
    {"pods", "jobs", "cronjobs", "deployments", "statefulsets", "daemonsets", "replicasets", "replicationcontrollers"}
)


def creators_of_workloads_are_guarded(rendering: Rendering) -> Iterator[str]:
    """Whoever may create pods or what makes pods may run anything there, unless an admission policy says what."""
    guarded = {kind for kind, operations in guarded_kinds(rendering).items() if {"CREATE", "UPDATE"} <= operations}
    for resource in rendering.objects("Role", "ClusterRole"):
        for rule in resource.inputs.get("rules") or ():
            kinds = set(rule.get("resources", ())) & _POD_MAKERS
            if "create" in rule.get("verbs", ()) and not kinds <= guarded:
                yield f"{resource}: may create any of {', '.join(sorted(kinds - guarded))}"


def guarded_kinds(rendering: Rendering) -> dict[str, set[str]]:
    """Return the operations on each kind that a bound policy decides about, and denies when it cannot decide."""
    bound = {
        binding.spec.get("policyName")
        for binding in rendering.objects("ValidatingAdmissionPolicyBinding")
        if binding.spec.get("validationActions") == ["Deny"]
    }
    found: dict[str, set[str]] = {}
    for policy in rendering.objects("ValidatingAdmissionPolicy"):
        # Pulumi names the object after its declaration, which is how a rendered binding refers to it.
        is_bound = any(str(name).startswith(f"{policy.name}-") for name in bound)
        if policy.spec.get("failurePolicy") != "Fail" or not is_bound:
            continue
        for rule in policy.spec["matchConstraints"]["resourceRules"]:
            for kind in rule["resources"]:
                found.setdefault(kind, set()).update(rule["operations"])
    return found
