"""The OpenAPI 3.1 document, made from the endpoints that answer, so that it cannot promise anything else."""

import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import msgspec

from model_server.serve.endpoint import Call, Endpoint, Style
from model_server.serve.http.message import Answer
from model_server.serve.oip.wire import FlatRequest, ProtocolError
from model_server.serve.wire import ErrorResponse

OPENAPI_PATH = "/api/v1/openapi.json"
_REFERENCE = "#/components/schemas/{name}"
_BRACES = re.compile(r"\{(\w+)\}")
_REASONS = {
    400: "Not readable.",
    401: "No token, or none that is good.",
    403: "The token's role is too low.",
    404: "No such thing.",
    405: "Another method is meant.",
    409: "The registry's rules forbid it.",
    413: "Too large.",
    415: "Not JSON.",
    422: "Readable, but not what is meant.",
    503: "Not now; Retry-After says when.",
}
_JSON = "application/json"
# What the path of any endpoint may be answered with by the frame around it.
_FRAME = (400, 408, 431)


class Document:
    """The document over some endpoints, and the endpoint that publishes it."""

    def __init__(self, version: str) -> None:
        """Describe a build."""
        self._version = version
        self._endpoints: tuple[Endpoint, ...] = ()

    def describe(self, endpoints: Iterable[Endpoint]) -> None:
        """Take over what is to be described; done once, after every endpoint is known."""
        self._endpoints = tuple(endpoint for endpoint in endpoints if endpoint.style is not Style.PAGE)

    def publish(self, _call: Call) -> Answer:
        """Give the document."""
        return Answer(200, self._content)

    def endpoint(self) -> Endpoint:
        """Describe the document's own endpoint."""
        return Endpoint("GET", OPENAPI_PATH, self.publish, "This document.", "Operations", exempt=True)

    @cached_property
    def _content(self) -> bytes:
        return json.dumps(build_document(self._endpoints, self._version)).encode()


def build_document(endpoints: Sequence[Endpoint], version: str) -> dict[str, Any]:
    """Build the document."""
    types = {id(kind): kind for each in endpoints for kind in (each.body, each.answer) if kind is not None}
    chosen = [*types.values(), ErrorResponse, ProtocolError, FlatRequest]
    schemas, components = msgspec.json.schema_components(chosen, ref_template=_REFERENCE)
    by_type = {id(kind): schema for kind, schema in zip(chosen, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.template, {})[endpoint.method.lower()] = _operation(endpoint, by_type)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CryoProtect model server",
            "version": version,
            "description": "Predictions with intervals for cryoprotectants; errors have one shape per protocol.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint, by_type: dict[int, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "operationId": _operation_id(endpoint),
        "parameters": [_path_parameter(name) for name in _BRACES.findall(endpoint.template)],
        "responses": _responses(endpoint, by_type),
    }
    operation["parameters"] += [
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "description": parameter.description,
            "schema": dict(parameter.schema),
        }
        for parameter in endpoint.query
    ]
    schema = by_type.get(id(endpoint.body))
    if schema is None and endpoint.template.endswith("/infer"):
        schema = by_type[id(FlatRequest)]
    if schema is not None:
        operation["requestBody"] = {
            "required": not endpoint.body_optional,
            "content": {_JSON: {"schema": schema}},
        }
    if endpoint.raw:
        file = {"schema": {"type": "string", "format": "binary"}}
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": file}}
    if endpoint.role is not None:
        operation["security"] = [{"token": []}]
        operation["description"] = f"Needs the role {endpoint.role.name.lower()}."
    return operation


def _responses(endpoint: Endpoint, by_type: dict[int, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Success."}
    schema = by_type.get(id(endpoint.answer))
    if schema is not None:
        success["content"] = {_JSON: {"schema": schema}}
        if endpoint.template.endswith("/infer"):
            success["content"]["application/octet-stream"] = {}
    error = by_type[id(ProtocolError if endpoint.style is Style.PROTOCOL else ErrorResponse)]
    statuses = {*endpoint.statuses, *_FRAME}
    if not endpoint.exempt:
        statuses |= {401, 403}
    if endpoint.body is not None or endpoint.raw or (endpoint.style is Style.PROTOCOL and endpoint.method == "POST"):
        statuses |= {413, 415}
    if endpoint.style is Style.API:
        statuses.add(422)
    responses = {str(endpoint.success): success}
    for status in sorted(statuses):
        content: dict[str, Any] = {_JSON: {"schema": error}}
        if status == 503 and endpoint.template.endswith("ready"):  # noqa: PLR2004 - probes answer 503 in their own shape
            content = {_JSON: {}}
        responses[str(status)] = {"description": _REASONS.get(status, "Refused."), "content": content}
    return responses


def _path_parameter(name: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _operation_id(endpoint: Endpoint) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", endpoint.template.lower()).strip("_")
    return f"{endpoint.method.lower()}_{words}"
