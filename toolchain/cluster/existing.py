"""Works with clusters that this program does not run: one made by kind in Docker, or any other by its kubeconfig."""

from collections.abc import Callable, Iterable
from pathlib import Path

import httpx
import yaml
from kubernetes import client, config, dynamic
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from urllib3.exceptions import HTTPError

from toolchain.cluster.addons import FIELD_MANAGER, gateway_api_manifests
from toolchain.errors import PermanentToolchainError, TemporaryToolchainError
from toolchain.process import Command, run_command

KIND_CLUSTER = "cryoprotect"
KIND_TIMEOUT_S = 600
API_TIMEOUT_S = 10
GATEWAY_API_MARK = "httproutes.gateway.networking.k8s.io"

Report = Callable[[str], None]


def kind_context() -> str:
    """Context that kind writes into the kubeconfig."""
    return f"kind-{KIND_CLUSTER}"


def has_kind_cluster(listing: str) -> bool:
    """True when the output of `kind get clusters` names ours."""
    return KIND_CLUSTER in listing.split()


def ensure_kind(kubeconfig: Path, log: Path, report: Report) -> None:
    """Make kind's cluster unless it is there.

    Raises:
        CommandFailedError: kind or Docker refused.
    """
    kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    listing = run_command(Command(("kind", "get", "clusters"), log, timeout_s=60))
    target = ("--name", KIND_CLUSTER, "--kubeconfig", str(kubeconfig))
    if has_kind_cluster(listing):
        run_command(Command(("kind", "export", "kubeconfig", *target), log, timeout_s=60))
        return
    report("kind: making the cluster")
    run_command(Command(("kind", "create", "cluster", "--wait", "120s", *target), log, timeout_s=KIND_TIMEOUT_S))


def load_into_kind(archives: Iterable[Path], log: Path, report: Report) -> None:
    """Load image archives into kind's nodes."""
    for archive in archives:
        report(f"kind: loading {archive.name}")
        argv = ("kind", "load", "image-archive", str(archive), "--name", KIND_CLUSTER)
        run_command(Command(argv, log, timeout_s=KIND_TIMEOUT_S))


def delete_kind(log: Path, report: Report) -> None:
    """Delete kind's cluster."""
    run_command(Command(("kind", "delete", "cluster", "--name", KIND_CLUSTER), log, timeout_s=KIND_TIMEOUT_S))
    report("kind: cluster deleted")


def check_reachable(kubeconfig: Path, context: str) -> str:
    """Version of the API server behind a context.

    Raises:
        PermanentToolchainError: the kubeconfig has no such context.
        TemporaryToolchainError: the API server does not answer.
    """
    api = _client(kubeconfig, context)
    try:
        return str(client.VersionApi(api).get_code(_request_timeout=API_TIMEOUT_S).git_version)
    except (HTTPError, ApiException) as error:
        reason = type(error).__name__
        message = (
            f"context {context} of {kubeconfig}: no answer ({reason}); check the server's address and your network"
        )
        raise TemporaryToolchainError(message) from error


def ensure_gateway_api(kubeconfig: Path, context: str, definitions: Path, report: Report) -> None:
    """Apply the Gateway API definitions where they are absent; an existing set is left alone.

    Raises:
        PermanentToolchainError: not allowed to read or create definitions.
    """
    api = _client(kubeconfig, context)
    try:
        client.ApiextensionsV1Api(api).read_custom_resource_definition(GATEWAY_API_MARK)
    except ApiException as error:
        if error.status != httpx.codes.NOT_FOUND:
            message = f"context {context}: may not read {GATEWAY_API_MARK} ({error.reason}); use an identity that may"
            raise PermanentToolchainError(message) from error
    else:
        report("gateway api: in place")
        return
    resources = dynamic.DynamicClient(api).resources
    for document in yaml.safe_load_all(gateway_api_manifests(definitions)):
        if document:
            resource = resources.get(api_version=document["apiVersion"], kind=document["kind"])
            resource.server_side_apply(body=document, name=document["metadata"]["name"], field_manager=FIELD_MANAGER)
    report("gateway api: applied")


def _client(kubeconfig: Path, context: str) -> client.ApiClient:
    try:
        return config.new_client_from_config(config_file=str(kubeconfig), context=context)
    except (ConfigException, OSError) as error:
        message = f"{kubeconfig}: {error}; set KUBECONFIG, or cluster.context in the environment file"
        raise PermanentToolchainError(message) from error
