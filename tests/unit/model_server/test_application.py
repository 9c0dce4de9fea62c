"""The application as granian calls it, with a real model behind it and fakes only where the socket would be."""

import asyncio
import json
import shutil

import pytest
import structlog

from model_server.errors import ArtefactInvalidError
from model_server.registry import folder as folder_module
from model_server.registry.card import encode_card
from model_server.registry.folder import WantedModel, load_release
from model_server.registry.session import ModelSession, open_session
from model_server.serve.app import Application
from model_server.serve.drain import Drain
from model_server.serve.metrics import ServeMetrics
from model_server.serve.predictor import Caches, Predictor
from model_server.serve.rsgi import DISCONNECTS
from model_server.serve.server import build_application
from model_server.serve.settings import ServeSettings
from model_server.serve.shelf import Shelf, folder_loader

GLYCEROL = {"target": "tg", "inputs": [{"smiles": "OCC(O)CO"}]}
JSON_HEAD = {"content-type": "application/json"}
LONG_HEAD = {**JSON_HEAD, "content-length": "600000"}
TG = (WantedModel("tg"),)


class FakeScope:
    def __init__(self, method, path, headers):
        self.method, self.path, self.headers = method, path, headers


class FakeProtocol:
    """Plays the HTTP connection: gives the body, keeps the answer."""

    def __init__(self, body=b"", failure=None):
        self.body, self.failure = body, failure
        self.status, self.headers, self.answer = None, {}, None

    async def __call__(self):
        return self.body

    async def __aiter__(self):
        if self.failure is not None:
            raise self.failure
        yield self.body

    def response_bytes(self, status, headers, body):
        self.status, self.headers, self.answer = status, dict(headers), body

    @property
    def json(self):
        return json.loads(self.answer)

    @property
    def error(self):
        return self.json["error"]


class Worker:
    """One application with everything a test may want to look at."""

    def __init__(self, models_dir, wanted=TG):
        self.settings = ServeSettings(colour="green", version="t-1", models_dir=models_dir, wanted=wanted)
        self.metrics, self.caches = ServeMetrics(), Caches()
        self.shelf = Shelf(wanted)
        self.drain = Drain(60.0, stop=lambda: None, metrics=self.metrics, log=structlog.get_logger())
        log = structlog.get_logger()
        self.loader = folder_loader(models_dir, caches=self.caches, metrics=self.metrics)
        with structlog.testing.capture_logs() as self.logs:
            self.shelf.load_all(self.loader, colour="green", metrics=self.metrics, log=log)
        self.app = Application(self.settings, self.shelf, metrics=self.metrics, drain=self.drain, log=log)

    def call(self, method, path, *, body=None, headers=None, protocol=None) -> FakeProtocol:
        content = json.dumps(body).encode() if isinstance(body, dict) else (body or b"")
        protocol = protocol or FakeProtocol(content)
        asyncio.run(self.app.__rsgi__(FakeScope(method, path, headers or {}), protocol))
        return protocol

    def predict(self, body=GLYCEROL, **changes) -> FakeProtocol:
        return self.call("POST", "/api/v1/predictions", body={**body, **changes}, headers=JSON_HEAD)

    def metric(self, name, **labels):
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.fixture
def models_dir(toy_release):
    return toy_release.folder.parent.parent


@pytest.fixture
def worker(models_dir) -> Worker:
    return Worker(models_dir)


def test_prediction_has_the_contracted_shape_and_numbers_from_the_card(worker, toy_release):
    answer = worker.predict(confidence_level=0.9)

    known = next(item for item in toy_release.card.warm_up if item.smiles == "OCC(O)CO")
    half = {level.level: level.quantile for level in toy_release.card.intervals.levels}[0.9] * known.scale
    assert answer.status == 200
    assert list(answer.json) == ["target", "unit", "confidence_level", "model", "predictions"]
    assert answer.json["unit"] == "K"
    assert answer.json["model"] == {"name": "tg", "version": "1.0.0", "digest": toy_release.digest}
    [prediction] = answer.json["predictions"]
    assert prediction["smiles"] == prediction["canonical_smiles"] == "OCC(O)CO"
    assert prediction["prediction"] == pytest.approx(known.prediction, abs=0.01)
    assert prediction["lower"] == pytest.approx(known.prediction - half, abs=0.01)
    assert prediction["upper"] == pytest.approx(known.prediction + half, abs=0.01)
    assert 0.0 <= prediction["similarity"] <= 1.0


def test_training_compound_is_in_the_domain_and_a_strange_one_is_not(worker):
    answer = worker.predict(inputs=[{"smiles": "CCCO"}, {"smiles": "FC(F)(F)C(F)(F)F"}])

    near, far = answer.json["predictions"]
    assert (near["in_domain"], near["similarity"]) == (True, 1.0)
    assert far["in_domain"] is False
    assert worker.metric("cryo_model_out_of_domain_total", model="tg", version="1.0.0") == 1
    assert worker.metric("cryo_model_predictions_total", model="tg", version="1.0.0") == 2


def test_wider_promise_gives_a_wider_interval_and_the_default_is_ninety_percent(worker):
    widths = {}
    for level in (0.8, 0.9, 0.95):
        [prediction] = worker.predict(confidence_level=level).json["predictions"]
        widths[level] = prediction["upper"] - prediction["lower"]
    default = worker.predict().json

    assert widths[0.8] < widths[0.9] < widths[0.95]
    assert default["confidence_level"] == 0.9
    assert default["predictions"][0]["upper"] - default["predictions"][0]["lower"] == widths[0.9]


def test_answers_keep_the_order_of_the_questions_cached_or_not(worker):
    smiles = ["CCO", "OCC", "CCCCO", "CCO", "C1CCCCC1"]
    worker.predict(inputs=[{"smiles": "CCCCO"}])

    answer = worker.predict(inputs=[{"smiles": text} for text in smiles])

    alone = [worker.predict(inputs=[{"smiles": text}]).json["predictions"][0] for text in smiles]
    assert answer.json["predictions"] == alone
    assert answer.json["predictions"][0]["prediction"] == answer.json["predictions"][1]["prediction"]


def test_second_question_is_answered_from_the_cache(worker):
    first = worker.predict().json
    runs = worker.metric("cryo_model_inference_duration_seconds_count", model="tg", version="1.0.0")

    second = worker.predict(inputs=[{"smiles": "C(O)C(O)CO"}]).json

    assert second["predictions"][0]["prediction"] == first["predictions"][0]["prediction"]
    assert second["predictions"][0]["smiles"] == "C(O)C(O)CO"
    assert worker.metric("cryo_model_inference_duration_seconds_count", model="tg", version="1.0.0") == runs
    assert worker.caches.predictions.hits == 1


def test_lower_limit_does_not_fall_below_what_is_physical(worker):
    predictor = worker.loader(WantedModel("tg"))

    answer = predictor._answer(5.0, 100.0, 1.0, 0.9)

    assert answer.lower == 0.0
    assert answer.upper > 5.0


@pytest.mark.parametrize(
    ("body", "status", "code", "path"),
    [
        pytest.param(
            {"inputs": [{"smiles": "C"}, {"smiles": "C1"}]}, 422, "invalid_smiles", "inputs[1].smiles", id="C1"
        ),
        pytest.param({"inputs": [{"smiles": "C" * 600}]}, 422, "invalid_smiles", "inputs[0].smiles", id="long"),
        pytest.param({"inputs": []}, 422, "invalid_request", "inputs", id="no inputs"),
        pytest.param({"target": "unobtainium"}, 422, "unknown_model", "target", id="unknown target"),
        pytest.param({"confidence_level": 0.5}, 422, "unsupported_confidence_level", "confidence_level", id="level"),
    ],
)
def test_question_that_cannot_be_answered_names_its_place(worker, body, status, code, path):
    answer = worker.predict(**body)

    assert (answer.status, answer.error["code"], answer.error["path"]) == (status, code, path)


REFUSED = [
    pytest.param(("GET", "/nowhere", {}, b""), 404, "not_found", id="path"),
    pytest.param(("GET", "/api/v1/models/iri/card", {}, b""), 404, "unknown_model", id="card of another model"),
    pytest.param(("DELETE", "/api/v1/predictions", {}, b""), 405, "method_not_allowed", id="method"),
    pytest.param(("POST", "/api/v1/predictions", {}, b"{}"), 415, "unsupported_media_type", id="media type"),
    pytest.param(("POST", "/api/v1/predictions", JSON_HEAD, b"{"), 400, "malformed_json", id="JSON"),
    pytest.param(("POST", "/api/v1/predictions", LONG_HEAD, b""), 413, "body_too_large", id="size"),
]


@pytest.mark.parametrize(("question", "status", "code"), REFUSED)
def test_every_refusal_has_the_one_error_shape_and_the_three_headers(worker, question, status, code):
    method, path, headers, body = question
    answer = worker.call(method, path, body=body, headers=headers)

    assert (answer.status, answer.error["code"]) == (status, code)
    assert set(answer.json) == {"error"}
    assert set(answer.error) <= {"code", "message", "path"}
    assert answer.headers["x-cryo-colour"] == "green"
    assert answer.headers["x-cryo-version"] == "t-1"
    assert len(answer.headers["x-request-id"]) == 32


def test_wrong_method_is_told_the_right_one(worker):
    assert worker.call("PUT", "/api/v1/predictions").headers["allow"] == "POST"


def test_unread_body_closes_the_connection(worker):
    answer = worker.call("POST", "/api/v1/predictions", body=b"x", headers={"content-type": "text/plain"})

    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a-1:b.c_d", True), ("x" * 128, True), ("x" * 129, False), ("a b", False), ("a\r\nb", False), ("", False)],
)
def test_request_id_is_echoed_when_it_is_harmless(worker, given, kept):
    answer = worker.call("GET", "/livez", headers={"x-request-id": given})

    assert (answer.headers["x-request-id"] == given) is kept


def test_probes_models_card_and_metrics_answer(worker, toy_release):
    assert worker.call("GET", "/livez").json == {"status": "alive"}
    assert worker.call("GET", "/readyz").json == {"status": "ready"}
    assert worker.call("GET", "/api/v1/models/tg/card").answer == (toy_release.folder / "card.json").read_bytes()
    [entry] = worker.call("GET", "/api/v1/models").json["models"]
    assert (entry["name"], entry["state"], entry["unit"], entry["digest"]) == ("tg", "READY", "K", toy_release.digest)
    metrics = worker.call("GET", "/metrics").answer.decode()
    assert 'cryo_model_info{colour="green",model="tg",version="1.0.0"} 1.0' in metrics
    assert 'cryo_model_requests_total{method="GET",route="/readyz",status="200"} 1.0' in metrics


def test_draining_worker_is_unready_and_asks_callers_to_reconnect(worker):
    async def drain_then_ask():
        loop = asyncio.get_running_loop()
        with structlog.testing.capture_logs():
            worker.drain.begin(loop)
        ready, live = FakeProtocol(), FakeProtocol()
        await worker.app.__rsgi__(FakeScope("GET", "/readyz", {}), ready)
        await worker.app.__rsgi__(FakeScope("GET", "/livez", {}), live)
        worker.drain._farewell.cancel()
        return ready, live

    ready, live = asyncio.run(drain_then_ask())

    assert (ready.status, ready.error["message"]) == (503, "draining after SIGTERM")
    assert live.status == 200
    assert live.headers["connection"] == "close"


def test_caller_who_hangs_up_gets_no_answer_and_is_counted(worker):
    protocol = FakeProtocol(failure=DISCONNECTS[0]("gone"))

    worker.call("POST", "/api/v1/predictions", headers=JSON_HEAD, protocol=protocol)

    assert protocol.status is None
    assert worker.metric("cryo_model_requests_total", route="/api/v1/predictions", method="POST", status="499") == 1


def test_unforeseen_failure_is_a_500_with_the_request_id_and_a_log_line(worker, monkeypatch):
    monkeypatch.setattr(worker.shelf, "entries", lambda: 1 / 0)

    with structlog.testing.capture_logs() as logs:
        answer = worker.call("GET", "/api/v1/models", headers={"x-request-id": "abc"})

    assert (answer.status, answer.error["code"]) == (500, "internal_error")
    assert "abc" in answer.error["message"]
    assert "ZeroDivisionError" not in answer.answer.decode()
    assert logs[0]["event"] == "model_server.request.failed"
    assert logs[0]["correlation_id"] == "abc"
    assert worker.call("GET", "/livez").status == 200


def test_missing_model_leaves_the_other_one_served_and_readiness_withheld(models_dir):
    worker = Worker(models_dir, (WantedModel("tg"), WantedModel("iri")))

    ready = worker.call("GET", "/readyz")
    assert (ready.status, ready.error["code"]) == (503, "not_ready")
    assert "model iri" in ready.error["message"]
    assert worker.predict().status == 200
    refused = worker.predict(target="iri")
    assert (refused.status, refused.error["code"], refused.headers["retry-after"]) == (503, "model_not_ready", "5")
    states = [(entry["name"], entry["state"]) for entry in worker.call("GET", "/api/v1/models").json["models"]]
    assert states == [("tg", "READY"), ("iri", "UNAVAILABLE")]
    assert worker.metric("cryo_model_ready", model="iri") == 0
    assert [log["event"] for log in worker.logs] == ["model_server.load.succeeded", "model_server.load.failed"]


def test_server_without_expected_models_is_never_ready(models_dir):
    ready = Worker(models_dir, ()).call("GET", "/readyz")

    assert (ready.status, ready.error["message"]) == (503, "no model is expected; set CRYO_MODELS")


def test_tampered_model_is_not_served(toy_release, tmp_path):
    shutil.copytree(toy_release.folder, tmp_path / "tg" / "1.0.0")
    (tmp_path / "tg" / "1.0.0" / "model.onnx").write_bytes(b"tampered")

    ready = Worker(tmp_path).call("GET", "/readyz")

    assert ready.status == 503
    assert "sha256" in ready.error["message"]


def test_other_descriptor_library_is_not_served(models_dir, monkeypatch):
    monkeypatch.setattr("model_server.serve.predictor.library_version", lambda: "1999.1")

    assert "1999.1" in Worker(models_dir).call("GET", "/readyz").error["message"]


@pytest.mark.parametrize("shift", [1.0, float("nan")])
def test_machine_that_computes_differently_is_found_by_the_warm_up(toy_release, shift):
    release = load_release(toy_release.folder)
    honest = open_session(release.model, where="test")

    class Shifted:
        def run(self, names, feeds):
            point, scale = honest.runner.run(names, feeds)
            return [point + shift, scale]

    predictor = Predictor(release, ModelSession(Shifted()), caches=Caches(), metrics=ServeMetrics())
    with pytest.raises(ArtefactInvalidError, match="computes differently"):
        predictor.warm_up()


def test_large_uncached_batch_lets_other_requests_in_between(worker):
    body = {**GLYCEROL, "inputs": [{"smiles": "C" * (20 + n % 100) + "O" * (n % 7 + 1)} for n in range(256)]}
    order = []

    async def run(name, scope, protocol):
        await worker.app.__rsgi__(scope, protocol)
        order.append(name)

    async def both():
        batch = FakeScope("POST", "/api/v1/predictions", JSON_HEAD)
        await asyncio.gather(
            run("batch", batch, FakeProtocol(json.dumps(body).encode())),
            run("probe", FakeScope("GET", "/livez", {}), FakeProtocol()),
        )

    asyncio.run(both())

    assert order == ["probe", "batch"]


def test_wired_worker_serves_the_model_of_its_settings(models_dir, capsys):
    app = build_application(ServeSettings(models_dir=models_dir))
    protocol = FakeProtocol()

    asyncio.run(app.__rsgi__(FakeScope("GET", "/readyz", {}), protocol))

    assert protocol.status == 200
    assert json.loads(capsys.readouterr().out)["event"] == "model_server.load.succeeded"


def test_card_is_served_as_it_was_hashed(worker, toy_release):
    assert worker.call("GET", "/api/v1/models/tg/card").answer == encode_card(toy_release.card)
    assert folder_module.digest_of(encode_card(toy_release.card)) == toy_release.digest
