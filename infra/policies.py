"""What must hold for everything the program declares, as rules over rendered resources.

The pinned language host cannot launch Pulumi policy packs, so the unit tests render every environment and run these
rules on it. Each rule yields one sentence per violation: which object, what is wrong.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from agents.runtime.names import LABEL_COMPONENT, LABEL_INSTANCE, LABEL_MANAGED_BY, LABEL_NAME, LABEL_PART_OF
from infra.naming import REPLACE_UNREADY
from infra.quantities import has_digest
from infra.rendering import PROVIDER
from infra.workload_rights import creators_of_workloads_are_guarded, guarded_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from infra.rendering import Rendering

# Cited: pulumi/sdk, the marks of a secret value on its way to the engine.
SECRET_MARK = ("4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270")
# Objects that Pulumi never has to replace while they serve, or that others find by name. Everything else is auto-named,
# or the provider would delete the old one before it creates the new one. StatefulSets find their volumes by name.
FIXED_NAMES = frozenset({"Namespace", "ServiceAccount", "Service", "HTTPRoute", "Gateway", "StatefulSet"})
# Mounted files that a server reads again by itself: a new name would restart it.
_RELOADED = frozenset({("ConfigMap", "prometheus"), ("ConfigMap", "prometheus-rules")})
_SERVERS = frozenset({"Deployment", "StatefulSet"})
_WORKLOADS = _SERVERS | {"Job", "CronJob", "DaemonSet"}
_STANDARD_LABELS = (LABEL_NAME, LABEL_INSTANCE, LABEL_COMPONENT, LABEL_PART_OF, LABEL_MANAGED_BY)
_SECRET_WORD = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE|CREDENTIAL|API_?KEY", re.IGNORECASE)
_ACCEPT_GRACE = re.compile(r"--entryPoints\.web\.transport\.lifeCycle\.requestAcceptGraceTimeout=(\d+)s")


def violations(rendering: Rendering) -> list[str]:
    """Return what every rule finds."""
    return [sentence for rule in RULES for sentence in rule(rendering)]


def provider_is_explicit(rendering: Rendering) -> Iterator[str]:
    """No object goes to whatever cluster the current context happens to name."""
    for resource in rendering.objects():
        if PROVIDER not in resource.provider:
            yield f"{resource}: uses the default provider"


def names_are_automatic(rendering: Rendering) -> Iterator[str]:
    """A fixed name makes the provider delete before it creates."""
    for resource in rendering.objects():
        is_reloaded = (resource.kind, resource.name) in _RELOADED
        if resource.metadata.get("name") and resource.kind not in FIXED_NAMES and not is_reloaded:
            yield f"{resource}: has the fixed name {resource.metadata['name']}"


def labels_are_standard(rendering: Rendering) -> Iterator[str]:
    """Everything can be found by the same labels."""
    for resource in rendering.objects():
        missing = [label for label in _STANDARD_LABELS if label not in (resource.metadata.get("labels") or {})]
        if missing:
            yield f"{resource}: lacks {', '.join(missing)}"


def images_are_pinned(rendering: Rendering) -> Iterator[str]:
    """Production runs digests; nothing anywhere runs a moving tag."""
    for resource in rendering.objects(*_WORKLOADS):
        for container in resource.containers():
            image = str(container.get("image", ""))
            if rendering.production and not has_digest(image):
                yield f"{resource}: {image} has no digest"
            if image.endswith(":latest") or ":" not in image:
                yield f"{resource}: {image} is not a fixed content"


def pods_are_restricted(rendering: Rendering) -> Iterator[str]:
    """The Pod Security level `restricted`, and a root file system that nobody writes."""
    for resource in rendering.objects(*_WORKLOADS):
        pod = resource.pod.get("securityContext") or {}
        if not pod.get("runAsNonRoot") or not pod.get("runAsUser"):
            yield f"{resource}: may run as root"
        if (pod.get("seccompProfile") or {}).get("type") != "RuntimeDefault":
            yield f"{resource}: has no seccomp profile"
        for container in resource.containers():
            context = container.get("securityContext") or {}
            if context.get("allowPrivilegeEscalation") is not False:
                yield f"{resource}: may gain privileges"
            if "ALL" not in ((context.get("capabilities") or {}).get("drop") or ()):
                yield f"{resource}: keeps capabilities"
            if not context.get("readOnlyRootFilesystem"):
                yield f"{resource}: may write to its image"


def only_the_gateway_is_on_the_host(rendering: Rendering) -> Iterator[str]:
    """No other pod sees the node's network, and no pod reserves one of its ports."""
    for resource in rendering.objects(*_WORKLOADS):
        if resource.pod.get("hostNetwork") and resource.name != "gateway":
            yield f"{resource}: uses the node's network"
        if any(port.get("hostPort") for container in resource.containers() for port in container.get("ports") or ()):
            yield f"{resource}: reserves a port of the node"
        if resource.pod.get("hostNetwork") and any(container.get("ports") for container in resource.containers()):
            yield f"{resource}: declares ports on the node's network, where they become reserved"


def resources_are_bounded(rendering: Rendering) -> Iterator[str]:
    """Every container has requests and limits."""
    for resource in rendering.objects(*_WORKLOADS):
        for container in resource.containers():
            amounts = container.get("resources") or {}
            for side in ("requests", "limits"):
                if {"cpu", "memory"} - set(amounts.get(side) or {}):
                    yield f"{resource}: has no {side}"


def servers_are_probed(rendering: Rendering) -> Iterator[str]:
    """Every container that serves has the three probes."""
    for resource in rendering.objects(*_SERVERS):
        for container in resource.containers():
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                if not container.get(probe):
                    yield f"{resource}: has no {probe}"


def deployments_drain(rendering: Rendering) -> Iterator[str]:
    """A leaving pod goes on serving for a while, and is not killed in it."""
    for resource in rendering.objects("Deployment"):
        grace = resource.pod.get("terminationGracePeriodSeconds") or 0
        for container in resource.containers():
            pause = _serves_on_for(container)
            if pause is None:
                yield f"{resource}: stops at the first signal"
            elif grace <= pause:
                yield f"{resource}: is killed after {grace} s although it serves on for {pause} s"


def rollouts_keep_capacity(rendering: Rendering) -> Iterator[str]:
    """A rollout adds before it removes."""
    for resource in rendering.objects("Deployment"):
        rolling = (resource.spec.get("strategy") or {}).get("rollingUpdate") or {}
        if rolling.get("maxUnavailable") != 0 or not rolling.get("maxSurge"):
            yield f"{resource}: takes pods away before new ones are ready"


def replicas_survive_a_node(rendering: Rendering) -> Iterator[str]:
    """More than one replica means a disruption budget of its own and a spread over nodes."""
    budgets = [dict(b.spec["selector"]["matchLabels"]) for b in rendering.objects("PodDisruptionBudget")]
    for resource in rendering.objects("Deployment"):
        if (resource.spec.get("replicas") or 1) > 1:
            if dict(resource.spec["selector"]["matchLabels"]) not in budgets:
                yield f"{resource}: has no disruption budget of its own"
            constraints = resource.pod.get("topologySpreadConstraints") or ()
            if not any("pod-template-hash" in (c.get("matchLabelKeys") or ()) for c in constraints):
                yield f"{resource}: is not spread over nodes"


def secrets_are_marked(rendering: Rendering) -> Iterator[str]:
    """No secret is readable in the state."""
    for resource in rendering.objects("Secret"):
        for key in ("data", "stringData"):
            if resource.inputs.get(key) and not _is_secret(resource.inputs[key]):
                yield f"{resource}: {key} is readable in the state"


def secrets_stay_out_of_settings(rendering: Rendering) -> Iterator[str]:
    """No secret is in a ConfigMap or an environment variable; a file's path may be."""
    for resource in rendering.objects("ConfigMap"):
        for key in resource.inputs.get("data") or {}:
            if _names_a_secret(key):
                yield f"{resource}: {key} does not belong into a ConfigMap"
    for resource in rendering.objects(*_WORKLOADS):
        for container in resource.containers():
            for variable in container.get("env") or ():
                if _names_a_secret(variable["name"]):
                    yield f"{resource}: the variable {variable['name']} shows a secret"


def jobs_end(rendering: Rendering) -> Iterator[str]:
    """A Job has a deadline, says which failures are temporary, and a failed one is run again by the next update."""
    for resource in rendering.objects("Job"):
        if not resource.spec.get("activeDeadlineSeconds"):
            yield f"{resource}: has no deadline"
        # With FailJob the provider does not notice the failure and waits for its own timeout.
        actions = {rule["action"] for rule in (resource.spec.get("podFailurePolicy") or {}).get("rules") or ()}
        if resource.spec.get("backoffLimit") != 0 or actions != {"Ignore"}:
            yield f"{resource}: does not fail at once on a permanent failure"
        if resource.spec.get("ttlSecondsAfterFinished") is not None:
            yield f"{resource}: deletes itself, which looks like drift"
        if (resource.metadata.get("annotations") or {}).get(REPLACE_UNREADY) != "true":
            yield f"{resource}: stays failed"
        if "spec" not in resource.replace_on_changes:
            yield f"{resource}: would be changed in place, which Kubernetes refuses"


def rights_are_least(rendering: Rendering) -> Iterator[str]:
    """No wildcard, no token where none is needed, and write access only by name where Kubernetes allows it."""
    guarded = {kind for kind, operations in guarded_kinds(rendering).items() if "DELETE" in operations}
    for resource in rendering.objects("Role", "ClusterRole"):
        for rule in resource.inputs.get("rules") or ():
            if "*" in (*rule.get("verbs", ()), *rule.get("resources", ()), *rule.get("apiGroups", ())):
                yield f"{resource}: has a wildcard"
            writes = set(rule.get("verbs", ())) - {"get", "list", "watch", "create"}
            status = all(str(kind).endswith("/status") for kind in rule.get("resources", ()))
            narrowed = rule.get("resourceNames") or set(rule.get("resources", ())) <= guarded
            if writes and not narrowed and not status:
                yield f"{resource}: may {', '.join(sorted(writes))} every one of {', '.join(rule['resources'])}"
    for resource in rendering.objects("ServiceAccount"):
        if resource.inputs.get("automountServiceAccountToken") is not False:
            yield f"{resource}: gives its token to every pod"


def weights_have_one_owner(rendering: Rendering) -> Iterator[str]:
    """A route over two colours leaves its rules to the release agent."""
    for resource in rendering.objects("HTTPRoute"):
        backends = [ref for rule in resource.spec.get("rules") or () for ref in rule.get("backendRefs") or ()]
        if len(backends) > 1 and "spec.rules" not in resource.ignore_changes:
            yield f"{resource}: an update would move traffic"


def namespaces_are_closed(rendering: Rendering) -> Iterator[str]:
    """Every namespace enforces a Pod Security level and denies traffic by default."""
    closed = {
        policy.metadata.get("namespace")
        for policy in rendering.objects("NetworkPolicy")
        if not (policy.spec.get("podSelector") or {}).get("matchLabels")
        and set(policy.spec.get("policyTypes") or ()) == {"Ingress", "Egress"}
        and not policy.spec.get("ingress")
        and not policy.spec.get("egress")
    }
    for resource in rendering.objects("Namespace"):
        if resource.metadata.get("name") not in closed:
            yield f"{resource}: is open to all traffic"
        if "pod-security.kubernetes.io/enforce" not in (resource.metadata.get("labels") or {}):
            yield f"{resource}: takes any pod"


def data_is_protected(rendering: Rendering) -> Iterator[str]:
    """Where data is protected, neither the database nor its password nor its namespace can be deleted."""
    if not rendering.protect_data:
        return
    protected = {(resource.kind, resource.name) for resource in rendering.objects() if resource.protect}
    data = [("Namespace", "apps"), ("Secret", "postgres-password"), ("StatefulSet", "postgres")]
    data += [(claim.kind, claim.name) for claim in rendering.objects("PersistentVolumeClaim")]
    for kind, name in data:
        if (kind, name) not in protected:
            yield f"{kind} {name}: can be deleted"


def _serves_on_for(container: Mapping[str, Any]) -> int | None:
    sleep = ((container.get("lifecycle") or {}).get("preStop") or {}).get("sleep")
    if sleep:
        return int(sleep["seconds"])
    for argument in container.get("args") or ():
        found = _ACCEPT_GRACE.fullmatch(str(argument))
        if found:
            return int(found[1])
    return None


def _names_a_secret(key: str) -> bool:
    return _SECRET_WORD.search(key) is not None and not key.endswith("_FILE")


def _is_secret(value: object) -> bool:
    return isinstance(value, dict) and value.get(SECRET_MARK[0]) == SECRET_MARK[1]


RULES: tuple[Callable[[Rendering], Iterator[str]], ...] = (
    provider_is_explicit,
    names_are_automatic,
    labels_are_standard,
    images_are_pinned,
    pods_are_restricted,
    only_the_gateway_is_on_the_host,
    resources_are_bounded,
    servers_are_probed,
    deployments_drain,
    rollouts_keep_capacity,
    replicas_survive_a_node,
    secrets_are_marked,
    secrets_stay_out_of_settings,
    jobs_end,
    rights_are_least,
    creators_of_workloads_are_guarded,
    weights_have_one_owner,
    namespaces_are_closed,
    data_is_protected,
)
