"""The state of the whole platform as one value: cluster processes, pods, and the weights of each colour."""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from agents.runtime.names import APP_ONCALL, APP_TRAINER, LABEL_NAME
from cryo.settings import ClusterKind, Settings
from cryo.tools import Tools, get_tools, kubeconfig_of, tool_variables
from toolchain.cluster import embedded, processes
from toolchain.cluster.layout import embedded_layout, read_network
from toolchain.errors import ToolchainError
from toolchain.process import Command, run_command

QUERY_TIMEOUT_S = 15
# As infra sets them; one of them is enough to reach somebody.
_CHANNEL_VARIABLES = ("CRYO_ONCALL_SMTP_HOST", "CRYO_ONCALL_SLACK_URL_FILE")


@dataclass(frozen=True, slots=True)
class PodState:
    """One pod of the platform."""

    namespace: str
    name: str
    phase: str
    ready: bool
    restarts: int
    trains: bool = False

    @property
    def is_well(self) -> bool:
        """Ready, a Job's pod that ended well, or one that is on its way out after its successor was ready.

        A training that failed says so in its job; the platform is none the worse for it.
        """
        return self.ready or self.trains or self.phase in {"Succeeded", "Terminating"}


@dataclass(frozen=True, slots=True)
class Condition:
    """Everything `cryo status` shows.

    Attributes:
        processes: cluster processes; empty unless embedded.
        pods: pods of the platform and of the cluster itself.
        weights: share of each colour by route name.
        memory_bytes: memory that the cluster processes hold.
        problem: why pods and weights could not be read, or None.
        notes: what is well and should be known all the same.
    """

    processes: tuple[embedded.DaemonStatus, ...]
    pods: tuple[PodState, ...]
    weights: dict[str, dict[str, int]]
    memory_bytes: int
    problem: str | None
    notes: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """True when every process is healthy and every pod is ready or done."""
        return (
            self.problem is None
            and bool(self.pods)
            and all(process.healthy for process in self.processes)
            and all(pod.is_well for pod in self.pods)
        )

    def document(self) -> dict[str, Any]:
        """The condition for machines."""
        return {"well": self.is_well, **asdict(self)}

    def text(self) -> str:
        """The condition for people."""
        lines = []
        for status in self.processes:
            state = "healthy" if status.healthy else "DOWN"
            lines.append(f"process  {status.name:24} {state:8} pid {status.pid or '-':<8} {status.log}")
        if self.processes:
            lines.append(f"memory   {self.memory_bytes / 1e6:.0f} MB in cluster processes")
        for pod in self.pods:
            state = "ready" if pod.ready else pod.phase.lower()
            lines.append(f"pod      {pod.namespace}/{pod.name:48} {state:10} {pod.restarts} restarts")
        for route, shares in self.weights.items():
            lines.append(f"route    {route:24} " + ", ".join(f"{name} {weight}" for name, weight in shares.items()))
        lines += [f"note     {note}" for note in self.notes]
        if self.problem is not None:
            lines.append(f"problem  {self.problem}")
        lines.append("all is well" if self.is_well else "something is not well; `cryo up` repairs what it can")
        return "\n".join(lines)


def read_condition(settings: Settings) -> Condition:
    """Ask everything now; what cannot be asked is told as the problem, never left out."""
    tools = get_tools(settings, lambda _line: None)
    statuses: tuple[embedded.DaemonStatus, ...] = ()
    memory_bytes = 0
    if settings.cluster is ClusterKind.EMBEDDED:
        layout = embedded_layout(settings.home, read_network(os.environ))
        statuses = embedded.status(layout, tools.program("kube", "kube"))
        pids = [status.pid for status in statuses if status.pid is not None]
        memory_bytes = processes.held_bytes(psutil.Process(pid) for pid in pids)
    try:
        listing = _query(settings, tools, "pods")
        weights = parse_weights(_query(settings, tools, "httproutes.gateway.networking.k8s.io"))
    except ToolchainError as error:
        reason = str(error).splitlines()[1:2] or [str(error)]
        problem = f"the API server of {kubeconfig_of(settings)} does not answer: {reason[0].strip()}"
        return Condition(statuses, (), {}, memory_bytes, problem)
    return Condition(statuses, parse_pods(listing), weights, memory_bytes, None, parse_notes(listing))


def parse_pods(listing: str) -> tuple[PodState, ...]:
    """Pods in the answer of `kubectl get pods -A -o json`."""
    pods = []
    for item in json.loads(listing)["items"]:
        containers = item["status"].get("containerStatuses", [])
        leaving = "deletionTimestamp" in item["metadata"]
        pods.append(
            PodState(
                namespace=item["metadata"]["namespace"],
                name=item["metadata"]["name"],
                phase="Terminating" if leaving else item["status"].get("phase", "Unknown"),
                ready=bool(containers) and all(container["ready"] for container in containers),
                restarts=sum(container["restartCount"] for container in containers),
                trains=item["metadata"].get("labels", {}).get(LABEL_NAME) == APP_TRAINER,
            )
        )
    return tuple(pods)


def parse_notes(listing: str) -> tuple[str, ...]:
    """What the pods themselves say that somebody should know, from the answer of `kubectl get pods -A -o json`."""
    notes = []
    for item in json.loads(listing)["items"]:
        if item["metadata"].get("labels", {}).get(LABEL_NAME) != APP_ONCALL:
            continue
        names = {variable["name"] for container in item["spec"]["containers"] for variable in container.get("env", [])}
        if names.isdisjoint(_CHANNEL_VARIABLES):
            notes.append("on-call has no channel, so pages go to its log and reach nobody; see oncall in environments/")
    return tuple(dict.fromkeys(notes))


def parse_weights(listing: str) -> dict[str, dict[str, int]]:
    """Weight of each backend by route, for routes that have more than one backend."""
    weights = {}
    for item in json.loads(listing)["items"]:
        backends = [backend for rule in item["spec"].get("rules", []) for backend in rule.get("backendRefs", [])]
        if len(backends) > 1:
            weights[item["metadata"]["name"]] = {backend["name"]: backend.get("weight", 1) for backend in backends}
    return weights


def _query(settings: Settings, tools: Tools, what: str) -> str:
    variables = tool_variables(settings, tools, Path(sys.executable))
    argv = (*tools.kubectl, "get", what, "--all-namespaces", "--output=json", f"--request-timeout={QUERY_TIMEOUT_S}s")
    log = settings.cache / "status.log"
    return run_command(Command(argv, log, env={**os.environ, **variables}, timeout_s=QUERY_TIMEOUT_S + 5))
