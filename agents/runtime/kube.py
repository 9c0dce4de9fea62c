"""The one place that talks to Kubernetes: routes and records are written by server-side apply, sizes are read."""

import json
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Self

import kubernetes
import urllib3

from agents.runtime import names
from agents.runtime.cluster import ClusterEvent, ConfigMap, Deployment, HttpRoute, JsonObject
from agents.runtime.errors import (
    AgentError,
    ClusterConflictError,
    ClusterRefusedError,
    ClusterUnavailableError,
    ObjectMissingError,
    SettingsError,
)
from agents.runtime.settings import ClusterSettings

# Chosen: the API server answers in milliseconds; a release must not spend its deadline on one hanging call.
_CONNECT_TIMEOUT_S = 3.0
_READ_TIMEOUT_S = 10.0
_APPLY_PATCH = "application/apply-patch+yaml"
_TEMPORARY_STATUSES = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,  # a rotated token is read again on the next run
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


class KubeClient:
    """A cluster reached through the official client's transport."""

    def __init__(self, api: Any) -> None:  # noqa: ANN401 - the official client ships no types
        """Wrap a configured `kubernetes.client.ApiClient`."""
        self._api = api

    @classmethod
    def connect(cls, settings: ClusterSettings) -> Self:
        """Read the service account or the kubeconfig.

        Raises:
            SettingsError: neither can be read.
        """
        configuration = kubernetes.client.Configuration()
        try:
            if settings.in_cluster:
                kubernetes.config.load_incluster_config(client_configuration=configuration)
            else:
                kubernetes.config.load_kube_config(
                    config_file=str(settings.kubeconfig) if settings.kubeconfig else None,
                    context=settings.context,
                    client_configuration=configuration,
                )
        except kubernetes.config.ConfigException as error:
            message = f"no usable cluster configuration: {error}; set KUBECONFIG, or run in a pod"
            raise SettingsError(message) from error
        # The caller decides about another try; the transport's own three would hide an unreachable server.
        configuration.retries = False
        return cls(kubernetes.client.ApiClient(configuration))

    def get_http_route(self, namespace: str, name: str) -> HttpRoute:
        """Return the route."""
        answer = self._call("GET", _route_path(namespace, name))
        return _parse_route(namespace, name, answer)

    def apply_http_route(self, route: HttpRoute, *, field_manager: str) -> HttpRoute:
        """Write spec.rules by server-side apply with force."""
        body = {
            "apiVersion": f"{names.GATEWAY_API_GROUP}/{names.GATEWAY_API_VERSION}",
            "kind": "HTTPRoute",
            "metadata": {"name": route.name, "resourceVersion": route.resource_version},
            "spec": {"rules": list(route.rules)},
        }
        answer = self._call(
            "PATCH", _route_path(route.namespace, route.name), body=body, query=_apply_query(field_manager)
        )
        return _parse_route(route.namespace, route.name, answer)

    def get_config_map(self, namespace: str, name: str) -> ConfigMap | None:
        """Return the ConfigMap, or None when there is none."""
        try:
            answer = self._call("GET", f"{_config_maps_path(namespace)}/{name}")
        except ObjectMissingError:
            return None
        return _parse_config_map(namespace, name, answer)

    def apply_config_map(self, config_map: ConfigMap, *, field_manager: str) -> ConfigMap:
        """Create it, or write it by server-side apply."""
        path = _config_maps_path(config_map.namespace)
        body: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": config_map.name, "labels": dict(config_map.labels)},
            "data": dict(config_map.data),
        }
        if config_map.resource_version is None:
            # Apply would also create, but could not tell that somebody else created it first.
            answer = self._call("POST", path, body=body, query=[("fieldManager", field_manager)])
        else:
            body["metadata"]["resourceVersion"] = config_map.resource_version
            answer = self._call("PATCH", f"{path}/{config_map.name}", body=body, query=_apply_query(field_manager))
        return _parse_config_map(config_map.namespace, config_map.name, answer)

    def list_deployments(self, namespace: str, labels: Mapping[str, str]) -> list[Deployment]:
        """Return the Deployments with all of these labels."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        answer = self._call("GET", path, query=[("labelSelector", selector)])
        return [_parse_deployment(item) for item in answer.get("items") or []]

    def get_pod_phase(self, namespace: str, name: str) -> str | None:
        """Return the pod's phase, or None when there is no such pod."""
        try:
            answer = self._call("GET", f"/api/v1/namespaces/{namespace}/pods/{name}")
        except ObjectMissingError:
            return None
        return str((answer.get("status") or {}).get("phase", ""))

    def get_namespace_labels(self, name: str) -> Mapping[str, str] | None:
        """Return the namespace's labels, or None when there is no such namespace."""
        try:
            answer = self._call("GET", f"/api/v1/namespaces/{name}")
        except ObjectMissingError:
            return None
        return dict(answer["metadata"].get("labels") or {})

    def create_event(self, event: ClusterEvent) -> None:
        """Write an Event about a route."""
        about = {
            "apiVersion": f"{names.GATEWAY_API_GROUP}/{names.GATEWAY_API_VERSION}",
            "kind": "HTTPRoute",
            "namespace": event.namespace,
            "name": event.route,
        }
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": event.name, "namespace": event.namespace},
            "involvedObject": about,
            "reason": event.reason,
            "message": event.message,
            "type": "Warning" if event.is_warning else "Normal",
            "source": {"component": names.FIELD_MANAGER_RELEASE},
            "firstTimestamp": _whole_seconds(event.at),
            "lastTimestamp": _whole_seconds(event.at),
            "count": 1,
        }
        path = f"/api/v1/namespaces/{event.namespace}/events"
        self._call("POST", path, body=body, query=[("fieldManager", names.FIELD_MANAGER_RELEASE)])

    def _call(
        self, method: str, path: str, *, body: JsonObject | None = None, query: list[tuple[str, str]] | None = None
    ) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = _APPLY_PATCH if method == "PATCH" else "application/json"
        try:
            response = self._api.call_api(
                path,
                method,
                query_params=query or [],
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
                _return_http_data_only=True,
                _preload_content=False,
                _request_timeout=(_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S),
            )
            text = response.data.decode("utf-8")
        except kubernetes.client.ApiException as error:
            raise _api_error(error, f"{method} {path}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            message = f"Kubernetes API: {method} {path} got no answer ({error}); check the API server, then run again"
            raise ClusterUnavailableError(message) from error
        return _parse_object(text, f"{method} {path}")


def _route_path(namespace: str, name: str) -> str:
    group = f"/apis/{names.GATEWAY_API_GROUP}/{names.GATEWAY_API_VERSION}"
    return f"{group}/namespaces/{namespace}/{names.HTTP_ROUTES_PLURAL}/{name}"


def _config_maps_path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


def _whole_seconds(at: str) -> str:
    # Cited: Kubernetes API, metav1.Time: RFC 3339 without fractions.
    return datetime.fromisoformat(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def _apply_query(field_manager: str) -> list[tuple[str, str]]:
    # Force: routing weights have one owner, and Pulumi owns them only between creation and the first release.
    return [("fieldManager", field_manager), ("force", "true")]


def _parse_object(text: str, what: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"Kubernetes API: {what} answered with something that is not JSON; is that address an API server?"
        raise ClusterUnavailableError(message) from error
    if not isinstance(answer, dict):
        message = f"Kubernetes API: {what} answered with {type(answer).__name__}, not an object"
        raise ClusterUnavailableError(message)
    return answer


def _parse_route(namespace: str, name: str, answer: JsonObject) -> HttpRoute:
    return HttpRoute(
        namespace=namespace,
        name=name,
        resource_version=answer["metadata"]["resourceVersion"],
        rules=tuple(answer.get("spec", {}).get("rules", ())),
    )


def _parse_config_map(namespace: str, name: str, answer: JsonObject) -> ConfigMap:
    return ConfigMap(
        namespace=namespace,
        name=name,
        data=dict(answer.get("data") or {}),
        labels=dict(answer["metadata"].get("labels") or {}),
        resource_version=answer["metadata"]["resourceVersion"],
    )


def _parse_deployment(item: JsonObject) -> Deployment:
    # Cited: apps/v1 Deployment; absent replicas mean one wanted, absent readyReplicas mean none ready.
    template = item["spec"].get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    return Deployment(
        name=item["metadata"]["name"],
        version=labels.get(names.LABEL_VERSION, ""),
        content=(item["metadata"].get("annotations") or {}).get(names.ANNOTATION_CONTENT, ""),
        wanted=int(item["spec"].get("replicas", 1)),
        ready=int((item.get("status") or {}).get("readyReplicas", 0)),
    )


def _api_error(error: Any, what: str) -> AgentError:  # noqa: ANN401 - the official client ships no types
    body = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else str(error.body or error.reason)
    return _status_error(int(error.status or 0), body, what)


def _status_error(status: int, body: str, what: str) -> AgentError:
    """Map an HTTP status of the API server to the question whether another try is worth it."""
    try:
        reason = str(json.loads(body)["message"])
    except (json.JSONDecodeError, KeyError, TypeError):
        reason = " ".join(body.split())[:300]
    told = f"Kubernetes API: {what} answered {status}: {reason}"
    if status == HTTPStatus.NOT_FOUND:
        return ObjectMissingError(f"{told}; check the namespace and that `pulumi up` created the object")
    if status == HTTPStatus.CONFLICT:
        return ClusterConflictError(f"{told}; somebody else wrote it, run again")
    if status in _TEMPORARY_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == 0:
        return ClusterUnavailableError(f"{told}; run again")
    return ClusterRefusedError(f"{told}; check the service account's rights and the object")
