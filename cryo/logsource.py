"""Finds where the lines of a name are: a log file of a cluster process, or the pods that carry an app's label."""

import re
import sys
from pathlib import Path

from cryo.errors import PermanentCryoError
from cryo.output import Speaker
from cryo.settings import Settings
from cryo.tools import get_tools, tool_variables
from infra.environment_files import load_environment

# RFC 1123 label: what Kubernetes allows as the value of app.kubernetes.io/name here.
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def log_argv(file: Path, kubectl: tuple[str, ...], name: str, *, lines: int, follow: bool) -> list[str]:
    """Command that prints the lines: tail for a file that exists; otherwise `kubectl`, given with its namespace."""
    if file.exists():
        return ["tail", "-n", str(lines), *(["-F"] if follow else []), str(file)]
    selector = f"--selector=app.kubernetes.io/name={name}"
    argv = [*kubectl, "logs", selector, f"--tail={lines}", "--prefix"]
    return [*argv, "--follow"] if follow else argv


def command_for(settings: Settings, name: str, *, lines: int, follow: bool) -> tuple[list[str], dict[str, str]]:
    """Command and variables for one name.

    Raises:
        PermanentCryoError: the name cannot be one of a process or an app.
    """
    if NAME.fullmatch(name) is None:
        message = f"{name!r}: not a name; `cryo status` lists processes and pods"
        raise PermanentCryoError(message)
    tools = get_tools(settings, Speaker(as_json=False).step)
    file = settings.home / "cluster" / "log" / f"{name}.log"
    namespace = load_environment(settings.environments, settings.stack).namespaces.apps
    kubectl = (*tools.kubectl, f"--namespace={namespace}")
    argv = log_argv(file, kubectl, name, lines=lines, follow=follow)
    return argv, tool_variables(settings, tools, Path(sys.executable))
