"""Which cluster a stack may touch, decided from the kubeconfig before anything is sent to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from infra.errors import ClusterMissingError, ClusterRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.config import Environment

KUBECONFIG = "KUBECONFIG"
CONTEXT_OVERRIDE = "CRYO_KUBE_CONTEXT"
# Chosen: the embedded cluster is ready in about a minute.
_RETRY_AFTER_S = 60


@dataclass(frozen=True)
class Target:
    """A kubeconfig file and the context in it."""

    kubeconfig: str
    context: str


def choose_target(environment: Environment, stack: str, *, variables: Mapping[str, str]) -> Target:
    """Return the cluster to deploy to.

    Raises:
        ClusterMissingError: there is no kubeconfig (temporary, the cluster may not be up yet).
        ClusterRefusedError: the kubeconfig is broken, lacks the context, or is not this stack's cluster.
    """
    path = variables.get(KUBECONFIG, "")
    if not path:
        message = "KUBECONFIG is not set; run `cryo up` and load its variables, or export the path of a kubeconfig"
        raise ClusterMissingError(message, retry_after_s=_RETRY_AFTER_S)
    wanted = environment.cluster.context
    context = variables.get(CONTEXT_OVERRIDE) or wanted
    if environment.production and context != wanted:
        message = (
            f'stack "{stack}" is production and belongs to context "{wanted}", but {CONTEXT_OVERRIDE} asks for '
            f'"{context}"; unset it, or use the stack of that cluster'
        )
        raise ClusterRefusedError(message)
    config = _read(path)
    server = _server_of(config, context, path)
    expected = environment.cluster.server
    if expected is not None and server != expected:
        message = (
            f'stack "{stack}" belongs to the API server {expected} (cluster.server), but context "{context}" of '
            f"{path} points to {server}; use the right kubeconfig, or change cluster.server if the cluster moved"
        )
        raise ClusterRefusedError(message)
    return Target(kubeconfig=path, context=context)


def _read(path: str) -> dict[str, Any]:
    try:
        config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"kubeconfig {path} does not exist; run `cryo up`, or correct KUBECONFIG"
        raise ClusterMissingError(message, retry_after_s=_RETRY_AFTER_S) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"kubeconfig {path} cannot be read ({type(error).__name__}); KUBECONFIG has to name one valid file"
        raise ClusterRefusedError(message) from None
    if not isinstance(config, dict):
        message = f"kubeconfig {path} holds no settings; KUBECONFIG has to name one valid file"
        raise ClusterRefusedError(message)
    return config


def _server_of(config: dict[str, Any], context: str, path: str) -> str:
    contexts = {entry["name"]: entry["context"] for entry in config.get("contexts") or []}
    if context not in contexts:
        message = (
            f'kubeconfig {path} has no context "{context}" (it has: {", ".join(sorted(contexts)) or "none"}); '
            f"correct cluster.context in the environment file, {CONTEXT_OVERRIDE} or KUBECONFIG"
        )
        raise ClusterRefusedError(message)
    clusters = {entry["name"]: entry["cluster"] for entry in config.get("clusters") or []}
    name = contexts[context].get("cluster")
    if name not in clusters:
        message = (
            f'kubeconfig {path}: context "{context}" names the cluster "{name}", which is missing; repair the file'
        )
        raise ClusterRefusedError(message)
    return str(clusters[name].get("server", ""))
