"""What every answer has in common: ids, headers, error shape, metrics, limits."""

import json

import pytest
import structlog

from model_server.errors import SettingInvalidError
from model_server.registry.folder import WantedModel
from model_server.serve.endpoint import Style
from model_server.serve.http.message import Answer, Refusal, Request, render_headers
from model_server.serve.openapi import OPENAPI_PATH
from model_server.serve.settings import _VARIABLES, ServeSettings

READS = ["/livez", "/readyz", "/metrics", "/api/v1/models", "/api/v1/models/tg/card", "/v2", OPENAPI_PATH]


@pytest.mark.parametrize("path", READS)
def test_every_answer_says_which_deployment_gave_it_and_to_which_request(bench, path):
    reply = bench.ask("GET", path, x_request_id="req-7")

    assert reply.status == 200
    assert (reply.headers["x-cryo-colour"], reply.headers["x-cryo-version"]) == ("green", "t-1")
    assert reply.headers["x-request-id"] == "req-7"


REFUSED = [
    ("GET", "/nowhere", None, {}, 404, "not_found"),
    ("GET", "/api/v1/models/tg/../card", None, {}, 404, "not_found"),
    ("GET", "/api/v1/models/%74g", None, {}, 404, "not_found"),
    ("DELETE", "/api/v1/predictions", None, {}, 405, "method_not_allowed"),
    ("BREW", "/livez", None, {}, 405, "method_not_allowed"),
    ("POST", "/api/v1/predictions", b"{", {}, 400, "malformed_json"),
    ("POST", "/api/v1/predictions", b"\xff\xfe", {}, 400, "malformed_json"),
    ("POST", "/api/v1/predictions", b'{"target":"tg","inputs":[{"smiles":"\\ud800"}]}', {}, 400, "malformed_json"),
    ("POST", "/api/v1/predictions", b"[" * 200_000, {}, 422, "invalid_request"),
    ("POST", "/api/v1/predictions", b"a=b", {"content_type": "text/plain"}, 415, "unsupported_media_type"),
]


@pytest.mark.parametrize(("question", "status", "code"), [((row[:3], row[3]), row[4], row[5]) for row in REFUSED])
def test_every_refusal_has_the_one_error_shape(bench, question, status, code):
    asked, headers = question
    reply = bench.ask(*asked, **headers)

    assert (reply.status, reply.error["code"]) == (status, code)
    assert set(reply.json) == {"error"}
    assert set(reply.error) <= {"code", "message", "path"}


def test_wrong_method_is_told_the_right_ones(bench):
    assert bench.ask("PUT", "/api/v1/predictions").headers["allow"] == "POST"
    assert bench.ask("PUT", "/v2/models/tg/infer", b"").headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a-1:b.c_d", True), ("x" * 128, True), ("x" * 129, False), ("a b", False), ("a\r\nb", False), ("", False)],
)
def test_request_id_is_echoed_when_it_is_harmless(bench, given, kept):
    reply = bench.ask("GET", "/livez", x_request_id=given)

    assert (reply.headers["x-request-id"] == given) is kept


def test_made_up_request_ids_differ(bench):
    assert len({bench.ask("GET", "/livez").headers["x-request-id"] for _ in range(50)}) == 50


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (TRACE, True),
        (TRACE.upper(), False),
        (TRACE + "-extra", False),
        ("ff" + TRACE[2:], False),
        ("00-" + "0" * 32 + TRACE[35:], False),
        ("x\r\nset-cookie: a", False),
    ],
)
def test_trace_context_is_given_back_when_it_is_one(bench, given, kept):
    assert (bench.ask("GET", "/livez", traceparent=given).headers.get("traceparent") == given) is kept


def test_unforeseen_failure_is_a_500_with_the_request_id_and_a_log_line(bench, monkeypatch):
    monkeypatch.setattr(type(bench.worker.shelf), "names", property(lambda _shelf: 1 / 0))

    with structlog.testing.capture_logs() as logs:
        reply = bench.ask("GET", "/api/v1/models", x_request_id="abc")

    assert (reply.status, reply.error["code"]) == (500, "internal_error")
    assert "abc" in reply.error["message"]
    assert "ZeroDivisionError" not in reply.body.decode()
    assert (logs[0]["event"], logs[0]["correlation_id"]) == ("model_server.request.failed", "abc")


def test_requests_are_counted_by_template_method_and_status(bench):
    for _ in range(2):
        bench.ask("GET", "/api/v1/models/tg/card")
    bench.ask("BREW", "/nowhere")

    count = bench.metric
    card = "/api/v1/models/{model}/card"
    assert count("cryo_model_requests_total", route=card, method="GET", status="200") == 2
    assert count("cryo_model_requests_total", route="unmatched", method="other", status="404") == 1
    assert count("cryo_model_request_duration_seconds_count", route=card) == 2


def test_every_metric_of_the_package_carries_its_prefix(bench):
    bench.predict()
    families = {family.name for family in bench.worker.metrics.registry.collect()}

    assert all(name.startswith(("cryo_model_", "process_", "python_")) for name in families)
    assert {"cryo_model_infer_requests", "cryo_model_loaded", "cryo_model_queue_rows"} <= families


def test_caller_who_hangs_up_is_counted(bench):
    bench.worker.app.abandon(Request("POST", b"/api/v1/predictions?x", {}))

    count = bench.metric("cryo_model_requests_total", route="/api/v1/predictions", method="POST", status="499")
    assert count == 1


def test_request_that_could_not_be_read_is_answered_in_the_style_of_its_path(bench):
    api = bench.worker.app.refuse(Refusal(413, "body_too_large", "too large"), b"/api/v1/predictions")
    protocol = bench.worker.app.refuse(Refusal(400, "malformed_request", "what"), b"/v2/models/tg/infer")

    assert json.loads(api.body)["error"]["code"] == "body_too_large"
    assert json.loads(protocol.body) == {"error": "what"}
    assert api.close
    assert protocol.close


def test_header_that_would_start_another_line_is_refused():
    with pytest.raises(ValueError, match="line break"):
        render_headers([("x", "a\r\nb: c")])


def test_missing_model_leaves_the_other_ones_served_and_readiness_withheld(make_bench, models_dir):
    with structlog.testing.capture_logs():
        bench = make_bench(wanted=(WantedModel("tg"), WantedModel("snow")))

    ready = bench.ask("GET", "/readyz")
    assert (ready.status, ready.error["code"]) == (503, "not_ready")
    assert "model snow has no champion" in ready.error["message"]
    assert bench.predict().status == 200
    refused = bench.predict(target="snow")
    assert (refused.status, refused.error["code"], refused.headers["retry-after"]) == (503, "model_not_ready", "5")
    assert bench.ask("GET", "/v2/health/ready").json == {"ready": False, "live": True}
    assert bench.metric("cryo_model_ready", model="snow") == 0


def test_pinned_version_leads_whatever_the_aliases_say(make_bench):
    assert make_bench(wanted=(WantedModel("tg", "1.2.0"),)).infer([1.0]).json["model_version"] == "1.2.0"


def test_server_without_models_is_never_ready(make_bench, tmp_path):
    bench = make_bench(models_dir=tmp_path / "empty")

    assert bench.ask("GET", "/readyz").error["message"] == "no model is expected; set CRYO_MODELS"
    assert bench.ask("GET", "/livez").status == 200


def test_document_describes_every_endpoint_but_the_pages(bench):
    document = json.loads(bench.ask("GET", OPENAPI_PATH).body)

    assert document["openapi"] == "3.1.0"
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    endpoints = bench.worker.app._router.endpoints
    assert described == {(each.method, each.template) for each in endpoints if each.style is not Style.PAGE}
    assert {each.method for each in endpoints if each.style is Style.PAGE} == {"GET"}
    put = document["paths"]["/api/v1/models/{model}/aliases/{alias}"]["put"]
    assert put["security"] == [{"token": []}]
    assert "AliasRequest" in document["components"]["schemas"]


BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.mark.parametrize(("target", "accept"), [("/nowhere", BROWSER), ("/predict?smiles=C", BROWSER)])
def test_unknown_path_answers_a_browser_with_a_page_of_the_same_status(bench, target, accept):
    page = bench.ask("GET", target, accept=accept)
    again = bench.ask("GET", target, accept="application/json")

    assert (page.status, page.content_type) == (404, "text/html; charset=utf-8")
    assert b"<nav" in page.body
    assert b"no such page" in page.body
    assert (again.status, again.error["code"]) == (404, "not_found")
    assert bench.metric("cryo_model_requests_total", route="unmatched", method="GET", status="404") == 2


@pytest.mark.parametrize(
    ("method", "target", "accept"),
    [("GET", "/api/v1/nowhere", BROWSER), ("POST", "/nowhere", BROWSER), ("GET", "/nowhere", "*/*")],
)
def test_unknown_path_answers_programs_in_their_own_shape(bench, method, target, accept):
    reply = bench.ask(method, target, accept=accept)

    assert (reply.status, reply.error["code"]) == (404, "not_found")


def test_large_bodies_are_for_inference_only(bench):
    limit = bench.worker.app.body_limit

    assert limit(b"/v2/models/tg/infer") == 16 * 1024 * 1024
    assert limit(b"/api/v1/predictions") == limit(b"/nowhere") == 512 * 1024


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CRYO_BIND", "nowhere"),
        ("CRYO_BIND", "0.0.0.0:0"),
        ("CRYO_COLOUR", "blue green"),
        ("CRYO_WORKERS", "0"),
        ("CRYO_DRAIN_S", "nan"),
        ("CRYO_JWT_ALGORITHM", "none"),
        ("CRYO_REPOSITORY_API", "yes"),
        ("CRYO_MODELS", "tg,tg@1.0.0"),
        ("CRYO_CACHED_MODELS", "../tg"),
        ("CRYO_BATCH_WINDOW_MS", "5000"),
        ("CRYO_FLAGS_URL", "flags:8080"),
        ("CRYO_FLAGS_URL", "http://user:word@flags:8080"),
        ("CRYO_FLAGS_URL", "http://flags:80800"),
        ("CRYO_FLAGS_REFRESH_S", "0"),
        ("CRYO_REGISTRY_S3", "s3://bucket"),
        ("CRYO_REGISTRY_S3", "https://host:9000"),
        ("CRYO_REGISTRY_S3", "https://key:word@host/bucket"),
        ("CRYO_REGISTRY_S3", "https://host/bucket/../other"),
    ],
)
def test_setting_outside_its_range_is_refused_by_name(variable, value):
    with pytest.raises(SettingInvalidError, match=variable):
        ServeSettings.from_environment({variable: value})


def test_every_setting_is_read_and_explained():
    environment = {"CRYO_MODELS": "*", "CRYO_BIND": "[::1]:80", "CRYO_BATCHING": "on", "CRYO_CACHED_MODELS": "tg, iri"}
    settings = ServeSettings.from_environment(environment)

    assert (settings.wanted, settings.host, settings.port, settings.gather) == (None, "::1", 80, True)
    assert settings.cached == {"tg", "iri"}
    explained = ServeSettings.__doc__
    fields = set(ServeSettings.__dataclass_fields__)
    assert all(f"\n        {name}: `CRYO_" in explained for name in fields)
    assert fields - {"host", "port"} == set(_VARIABLES)


def test_answer_is_a_plain_record():
    assert Answer(200, b"").close is False
