"""Turns a workflow's own identity into access to a cluster, so that no key of the cluster is stored anywhere.

The API server has to trust the host's issuer (docs/gitops.md). The token lives for minutes and its file is private.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import requests
import yaml

from cryo.errors import PermanentCryoError, TemporaryCryoError
from toolchain.private_file import write_private

_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """Which cluster.

    Attributes:
        server: URL of the API server.
        certificate_authority: its CA certificates, PEM in base64, as in a kubeconfig.
        context: name that the environment file expects, `cluster.context`.
        audience: what the API server expects in the token.
    """

    server: str
    certificate_authority: str
    context: str
    audience: str


def read_address(variables: Mapping[str, str]) -> ClusterAddress:
    """Address from CRYO_CLUSTER_SERVER, CRYO_CLUSTER_CA, CRYO_KUBE_CONTEXT and CRYO_CLUSTER_AUDIENCE.

    Raises:
        PermanentCryoError: one is not set.
    """
    names = ("CRYO_CLUSTER_SERVER", "CRYO_CLUSTER_CA", "CRYO_KUBE_CONTEXT", "CRYO_CLUSTER_AUDIENCE")
    missing = [name for name in names if not variables.get(name)]
    if missing:
        message = f"{', '.join(missing)}: not set; docs/gitops.md says what each is"
        raise PermanentCryoError(message)
    return ClusterAddress(*(variables[name] for name in names))


def fetch_token(variables: Mapping[str, str], audience: str, http: requests.Session) -> str:
    """Ask the workflow's host for a token of this run.

    Raises:
        PermanentCryoError: this is no workflow with the right `id-token: write`, or the host refused.
        TemporaryCryoError: the host did not answer.
    """
    url, key = variables.get("ACTIONS_ID_TOKEN_REQUEST_URL"), variables.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not url or not key:
        message = "no identity to be had here; the job needs `permissions: id-token: write`"
        raise PermanentCryoError(message)
    try:
        headers = {"Authorization": f"Bearer {key}"}
        answer = http.get(f"{url}&audience={quote(audience, safe='')}", headers=headers, timeout=_TIMEOUT_S)
    except requests.RequestException as error:
        message = f"the host's identity service does not answer ({type(error).__name__}); run the job again"
        raise TemporaryCryoError(message) from error
    if not answer.ok:
        message = f"the host's identity service answered {answer.status_code}; check the job's permissions"
        raise PermanentCryoError(message)
    return str(answer.json()["value"])


def write_kubeconfig(path: Path, address: ClusterAddress, token: str) -> None:
    """Write a kubeconfig that only this user can read; the token is in it."""
    name = address.context
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [
            {
                "name": name,
                "cluster": {
                    "server": address.server,
                    "certificate-authority-data": address.certificate_authority,
                },
            }
        ],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, yaml.safe_dump(document).encode())
