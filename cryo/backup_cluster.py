"""Runs `cryo backup` in the cluster as Jobs; while a restore goes into place, the database is stopped."""

# ruff: noqa: S603 - kubectl is called with vectors that are built here, never through a shell.

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from agents.runtime.names import APP_POSTGRES, FIELD_MANAGER_COMMAND
from cryo.backup_job import COMMAND, RESTORE, make_job, split_output, template_selector
from cryo.errors import PermanentCryoError, TemporaryCryoError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# Chosen: pulling an image on a slow node.
_START_LIMIT_S = 300
_STOP_LIMIT_S = 180
_READY_LIMIT_S = 900
_POLL_S = 1.0
# By this name `cryo drift` knows that nobody else made the Job.
_IN_OUR_NAME = (f"--field-manager={FIELD_MANAGER_COMMAND}",)


@dataclass(frozen=True, slots=True)
class Cluster:
    """kubectl in the namespace of the applications."""

    kubectl: tuple[str, ...]
    variables: Mapping[str, str]
    report: Callable[[str], None]

    def call(self, *arguments: str, given: str | None = None) -> str:
        """Run kubectl and return what it printed.

        Raises:
            PermanentCryoError: it failed; its message is included.
        """
        done = subprocess.run(
            [*self.kubectl, *arguments],
            check=False,
            capture_output=True,
            text=True,
            env=dict(self.variables),
            input=given,
        )
        if done.returncode != 0:
            told = done.stderr.strip() or done.returncode
            message = f"kubectl {arguments[0]}: {told}; is the cluster up (`cryo status`)?"
            raise PermanentCryoError(message)
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """Return an object."""
        found: dict[str, Any] = json.loads(self.call("get", *arguments, "--output=json"))
        return found


def run(cluster: Cluster, arguments: Sequence[str]) -> int:
    """Run one command line of the agent in the cluster; return its exit code."""
    if arguments[0] == "restore" and "--in-place" in arguments:
        return _restore_in_place(cluster, arguments)
    return _run_job(cluster, COMMAND, arguments)


def _restore_in_place(cluster: Cluster, arguments: Sequence[str]) -> int:
    """Check first, then stop the database, restore beside its data, swap, and start it again."""
    checked = [argument for argument in arguments if argument not in ("--yes", "--json", "--dry-run")]
    code = _run_job(cluster, RESTORE, [*checked, "--dry-run", "--stopped"])
    if code != 0 or "--dry-run" in arguments:
        return code
    if "--yes" not in arguments:
        message = "the database would stop and its data be replaced; nothing was touched; give --yes to do it"
        raise PermanentCryoError(message)
    cluster.report("stopping the database")
    cluster.call("scale", f"statefulset/{APP_POSTGRES}", "--replicas=0")
    try:
        _wait(cluster, _database_is_gone, _STOP_LIMIT_S, "the database did not stop")
        code = _run_job(cluster, RESTORE, [*arguments, "--stopped"])
    finally:
        # Also after a failure: until the swap at the very end the old data is where it was.
        cluster.call("scale", f"statefulset/{APP_POSTGRES}", "--replicas=1")
    cluster.report("starting the database; it replays its WAL")
    cluster.call("rollout", "status", f"statefulset/{APP_POSTGRES}", f"--timeout={_READY_LIMIT_S}s")
    return code


def _database_is_gone(cluster: Cluster) -> bool:
    return not cluster.get("pods", f"--selector=app.kubernetes.io/name={APP_POSTGRES}")["items"]


def _run_job(cluster: Cluster, template: str, arguments: Sequence[str]) -> int:
    found = cluster.get("cronjobs", f"--selector={template_selector(template)}")["items"]
    if not found:
        message = "the cluster has no backups: backup.enabled is false, or `pulumi up` has not run since it was set"
        raise PermanentCryoError(message)
    job = json.dumps(make_job(found[0], arguments))
    made = json.loads(cluster.call("create", *_IN_OUR_NAME, "--filename=-", "--output=json", given=job))
    name = made["metadata"]["name"]
    cluster.report(f"running in Job {name}")
    selector = f"--selector=batch.kubernetes.io/job-name={name}"
    _wait(cluster, lambda c: _has_started(c, selector), _START_LIMIT_S, f"Job {name} did not start")
    _follow(cluster, f"job/{name}")
    _wait(cluster, lambda c: _exit_code(c, selector) is not None, _START_LIMIT_S, f"Job {name} did not end")
    code = _exit_code(cluster, selector)
    if template == RESTORE:
        # A pod that has ended still holds its volume: the database's could not be deleted or replaced meanwhile.
        cluster.call("delete", f"job/{name}", "--cascade=foreground")
    return 70 if code is None else code


def _follow(cluster: Cluster, job: str) -> None:
    """Print the answer to standard output and the log lines to standard error, as they come."""
    argv = [*cluster.kubectl, "logs", "--follow", job]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=dict(cluster.variables)) as process:
        for line in process.stdout or ():
            answer, log = split_output([line.rstrip("\n")])
            for text in answer:
                typer.echo(text)
            for text in log:
                typer.echo(text, err=True)
    sys.stdout.flush()


def _has_started(cluster: Cluster, selector: str) -> bool:
    pods = cluster.get("pods", selector)["items"]
    return bool(pods) and pods[0]["status"]["phase"] != "Pending"


def _exit_code(cluster: Cluster, selector: str) -> int | None:
    for pod in cluster.get("pods", selector)["items"]:
        for status in pod["status"].get("containerStatuses", ()):
            ended = status["state"].get("terminated")
            if ended is not None:
                return int(ended["exitCode"])
    return None


def _wait(cluster: Cluster, is_true: Callable[[Cluster], bool], limit_s: float, complaint: str) -> None:
    ends_at = time.monotonic() + limit_s
    while not is_true(cluster):
        if time.monotonic() > ends_at:
            message = f"{complaint} within {limit_s:.0f} s; look with `cryo status`, then try again"
            raise TemporaryCryoError(message)
        time.sleep(_POLL_S)
