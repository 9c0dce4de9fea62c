"""The token with which a person acts on the model server as an operator; never logged and never an argument."""

# ruff: noqa: S603 - kubectl's own arguments, given as a vector, never through a shell.

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

from agents.runtime.names import APP_MODEL_SERVER, LABEL_COMPONENT, LABEL_NAME
from cryo.errors import PermanentCryoError, TemporaryCryoError
from cryo.settings import Settings
from cryo.tools import get_tools, tool_variables

# As infra declares it; this process must not import the Pulumi program.
_COMPONENT, _KEY = "credentials", "password"
_TIMEOUT_S = 20


def read_operator_token(settings: Settings) -> str:
    """Read it from its Secret with the rights of this machine's kubeconfig.

    Raises:
        TemporaryCryoError: the API server does not answer or refuses; kubectl's words are in the message.
        PermanentCryoError: there is no such Secret yet.
    """
    from infra.environment_files import load_environment

    tools = get_tools(settings, lambda _line: None)
    namespace = load_environment(settings.environments, settings.stack).namespaces.apps
    selector = f"{LABEL_NAME}={APP_MODEL_SERVER},{LABEL_COMPONENT}={_COMPONENT}"
    argv = [*tools.kubectl, "get", "secrets", f"--namespace={namespace}", f"--selector={selector}", "--output=json"]
    variables = {**os.environ, **tool_variables(settings, tools, Path(sys.executable))}
    # Not toolchain's runner: it keeps a log of what a program prints.
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=variables, timeout=_TIMEOUT_S)
    if done.returncode != 0:
        message = f"the operator's Secret in namespace {namespace} cannot be read: {done.stderr.strip()}"
        raise TemporaryCryoError(message)
    return parse_token(done.stdout, namespace)


def parse_token(listing: str, namespace: str) -> str:
    """Return the token in the answer of `kubectl get secrets -o json`.

    Raises:
        PermanentCryoError: no such Secret.
    """
    items = json.loads(listing)["items"]
    if not items:
        message = f"namespace {namespace} has no operator token yet; run `cryo up`"
        raise PermanentCryoError(message)
    newest = max(items, key=lambda item: str(item["metadata"].get("creationTimestamp", "")))
    return base64.b64decode(newest["data"][_KEY]).decode("ascii")
