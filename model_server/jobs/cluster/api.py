"""Five calls to the API server with the pod's own token, which Kubernetes renews in its file."""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from model_server.errors import SettingInvalidError, TrainerMissingError, TrainerUnreachableError

ACCOUNT_DIR = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# Chosen: the API server answers within milliseconds or is away.
_TIMEOUT_S = 10.0
_OK, _CREATED, _NOT_FOUND, _CONFLICT = 200, 201, 404, 409
_REFUSED = frozenset({400, 403, 422})


@dataclass(frozen=True)
class ApiServer:
    """Where the API server is, and the folder of the pod's identity: token, ca.crt, namespace."""

    host: str
    port: int
    account: Path = ACCOUNT_DIR

    def create_job(self, manifest: Mapping[str, Any]) -> None:
        """Create a Job; one that exists is left as it is.

        Raises:
            TrainerMissingError: the cluster refuses it; the message is the cluster's (permanent).
            TrainerUnreachableError: it may or may not have been created (temporary).
        """
        status, answer = self._call("POST", self._jobs(), manifest)
        if status in _REFUSED:
            raise TrainerMissingError(f"the cluster refuses the Job: {answer.get('message', status)}")
        self._expect(status, answer, _OK, _CREATED, 202, _CONFLICT)

    def read_job(self, name: str) -> dict[str, Any] | None:
        """Return a Job; None when there is no such."""
        status, answer = self._call("GET", f"{self._jobs()}/{name}")
        if status == _NOT_FOUND:
            return None
        self._expect(status, answer, _OK)
        return answer

    def read_account_uid(self, name: str) -> str:
        """Return the uid of a ServiceAccount.

        Raises:
            TrainerMissingError: there is no such, or it may not be read (permanent).
            TrainerUnreachableError: nothing can be said now (temporary).
        """
        status, answer = self._call("GET", f"/api/v1/namespaces/{self._namespace()}/serviceaccounts/{name}")
        if status in {_NOT_FOUND, *_REFUSED}:
            raise TrainerMissingError(
                f"the ServiceAccount {name} of training pods: {answer.get('message', status)}; run `pulumi up`"
            )
        self._expect(status, answer, _OK)
        return cast("str", answer["metadata"]["uid"])

    def read_pods(self, job: str) -> list[dict[str, Any]]:
        """Return a Job's pods."""
        path = f"/api/v1/namespaces/{self._namespace()}/pods?labelSelector=batch.kubernetes.io/job-name%3D{job}"
        status, answer = self._call("GET", path)
        self._expect(status, answer, _OK)
        return cast("list[dict[str, Any]]", answer["items"])

    def delete_job(self, name: str) -> None:
        """Delete a Job, which is gone when its pods are; an absent one stays so."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"}
        status, answer = self._call("DELETE", f"{self._jobs()}/{name}", options)
        self._expect(status, answer, _OK, 202, _NOT_FOUND)

    def _jobs(self) -> str:
        return f"/apis/batch/v1/namespaces/{self._namespace()}/jobs"

    def _namespace(self) -> str:
        return self._read("namespace")

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        headers = {"authorization": f"Bearer {self._read('token')}", "accept": "application/json"}
        content = None
        if body is not None:
            content, headers["content-type"] = json.dumps(body), "application/json"
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=_TIMEOUT_S, context=self._context())
        try:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else {}
        except (OSError, http.client.HTTPException, ValueError) as error:
            message = f"the API server at {self.host}:{self.port} does not answer: {error}"
            raise TrainerUnreachableError(message) from error
        finally:
            connection.close()

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=str(self.account / "ca.crt"))
        except OSError as error:
            raise SettingInvalidError(f"{self.account}/ca.crt: {error}; give the pod its ServiceAccount") from error

    def _read(self, name: str) -> str:
        try:
            return (self.account / name).read_text(encoding="ascii").strip()
        except OSError as error:
            raise SettingInvalidError(
                f"{self.account / name}: {error.strerror}; give the pod the token of its ServiceAccount"
            ) from error

    def _expect(self, status: int, answer: Mapping[str, Any], *wanted: int) -> None:
        if status not in wanted:
            raise TrainerUnreachableError(f"the API server answers {status}: {answer.get('message', 'no message')}")
