"""The OpenAPI document of the health API, made from the same types that answer."""

from typing import Any

import msgspec

from agents.health.answers import HEALTH_JSON, PROBLEM_JSON, Problem, Verdict
from agents.health.definition import Profile
from agents.health.findings import Report
from agents.health.fixing import FixAnswer, FixRequest
from agents.health.registry import list_groups
from agents.health.reports import Entry, StoredReport
from agents.health.routes import Route
from agents.runtime.web.answer import JSON

_TYPES = (Report, Verdict, Problem, FixRequest, FixAnswer, Entry, StoredReport)
_REFUSALS = {
    "400": "the request means nothing",
    "401": "no token, or none that is good",
    "403": "the token's role is too low, or fixes are not enabled here",
    "404": "no report has that number",
    "405": "another method",
    "408": "the body came too slowly",
    "409": "the plan has changed, another fix runs, or the server is a standby",
    "413": "the body is too long",
    "415": "the body is no JSON",
    "503": "the database does not answer",
}


def build_document(version: str) -> dict[str, Any]:
    """Describe every path."""
    _, components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    report = {"anyOf": [_ref("Report"), _ref("Verdict")]}
    parameters = [
        _parameter("profile", {"type": "string", "enum": list(Profile)}),
        _parameter("group", {"type": "array", "items": {"type": "string", "enum": list(list_groups())}}),
    ]
    health = {
        "parameters": parameters,
        "security": [{}, {"bearer": []}],
        "responses": {
            "200": {
                "description": "pass or fail; with a token everything that was found",
                "content": {JSON: {"schema": report}, HEALTH_JSON: {"schema": {"type": "object"}}},
            },
            "304": {"description": "the same as the tag that was sent"},
            **_refusals("400", "401"),
        },
    }
    fix = {
        "security": [{"bearer": []}],
        "requestBody": {"required": True, "content": {JSON: {"schema": _ref("FixRequest")}}},
        "responses": {
            "200": {"description": "the plan, or what was done", "content": {JSON: {"schema": _ref("FixAnswer")}}},
            **_refusals("400", "401", "403", "408", "409", "413", "415", "503"),
        },
    }
    paths: dict[str, Any] = {
        Route.DATABASE: {"get": {"operationId": "database_health", **health}},
        Route.FIX: {"post": {"operationId": "fix", **fix}},
        **_reports(),
        Route.OPENAPI: {"get": _probe("openapi", "200")},
        Route.METRICS: {"get": {"operationId": "metrics", "responses": {"200": {"description": "for Prometheus"}}}},
    }
    unready_routes = (Route.READY, Route.STARTUP, Route.HEALTHZ)
    for route, unready in ((Route.LIVE, ()), *((each, ("503",)) for each in unready_routes)):
        paths[route] = {"get": _probe(route.strip("/"), "200", *unready)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Health of the database", "version": version},
        "paths": {str(path): operations for path, operations in paths.items()},
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _reports() -> dict[str, Any]:
    refused = _refusals("401", "403", "503")
    number = {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
    }
    entries = {JSON: {"schema": {"type": "array", "items": _ref("Entry")}}}
    stored = {JSON: {"schema": _ref("StoredReport")}, "text/html": {"schema": {"type": "string"}}}
    listed = {"200": {"description": "the newest first", "content": entries}, **refused}
    one = {"200": {"description": "what was found then", "content": stored}, **_refusals("404"), **refused}
    security: list[dict[str, list[str]]] = [{"bearer": []}]
    return {
        Route.REPORTS: {"get": {"operationId": "reports", "security": security, "responses": listed}},
        Route.REPORT: {
            "get": {"operationId": "report", "security": security, "parameters": [number], "responses": one}
        },
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _refusals(*codes: str) -> dict[str, Any]:
    content = {PROBLEM_JSON: {"schema": _ref("Problem")}}
    return {code: {"description": _REFUSALS[code], "content": content} for code in codes}


def _probe(operation: str, *codes: str) -> dict[str, Any]:
    told = {"200": {"description": "yes", "content": {JSON: {"schema": {"type": "object"}}}}}
    refused = {"503": {"description": "not yet", "content": {PROBLEM_JSON: {"schema": _ref("Problem")}}}}
    return {"operationId": operation, "responses": {code: {**told, **refused}[code] for code in codes}}
