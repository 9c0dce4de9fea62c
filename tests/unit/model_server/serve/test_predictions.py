"""POST /api/v1/predictions with real sessions behind it."""

import asyncio

import numpy as np
import pytest
import structlog

from model_server.errors import ArtefactInvalidError
from model_server.registry.folder import load_release
from model_server.registry.session import ModelSession, open_session
from model_server.serve import predictor as predictor_module
from model_server.serve.metrics import ServeMetrics
from model_server.serve.predictor import Predictor

DMSO = {"mixture": [{"name": "dmso", "amount": 10, "unit": "% v/v"}]}


def test_prediction_keeps_the_shape_that_callers_rely_on(bench):
    reply = bench.predict(confidence_level=0.9)

    assert reply.status == 200
    assert list(reply.json) == ["target", "unit", "confidence_level", "model", "predictions"]
    [prediction] = reply.json["predictions"]
    assert prediction["smiles"] == prediction["canonical_smiles"] == "OCC(O)CO"
    assert prediction["lower"] < prediction["prediction"] < prediction["upper"]
    assert (prediction["in_domain"], prediction["similarity"]) == (True, 1.0)
    assert reply.json["model"]["version"] == prediction["version"] == "1.1.0"
    assert reply.json["model"]["digest"].startswith("sha256:")


def test_nearest_known_compounds_are_named_by_falling_similarity(bench):
    [prediction] = bench.predict("CC(O)CO").json["predictions"]

    similarities = [known["similarity"] for known in prediction["nearest"]]
    assert prediction["nearest"][0] == {"name": "CC(O)CO", "similarity": 1.0}
    assert similarities == sorted(similarities, reverse=True)
    assert len(similarities) == 3


def test_strange_molecule_is_outside_and_gets_the_wider_interval(bench):
    near, far = bench.predict("CCO", "FC(F)(F)C(F)(F)F").json["predictions"]

    assert (near["in_domain"], far["in_domain"]) == (True, False)
    assert far["upper"] - far["lower"] == pytest.approx(1.5 * (near["upper"] - near["lower"]), abs=0.02)
    assert bench.metric("cryo_model_out_of_domain_total", model="tg", version="1.1.0") == 1


def test_limits_stay_within_what_is_physical(bench):
    [prediction] = bench.ask(
        "POST", "/api/v1/predictions", {"target": "viability", "inputs": [DMSO], "confidence_level": 0.95}
    ).json["predictions"]

    assert 0.0 <= prediction["lower"] <= prediction["prediction"] <= prediction["upper"] <= 100.0


def test_answers_keep_the_order_of_the_questions_cached_or_not(bench):
    smiles = ["CCO", "OCC", "CCCCO", "CCO", "C1CCCCC1"]
    bench.predict("CCCCO")

    together = bench.predict(*smiles).json["predictions"]

    assert together == [bench.predict(text).json["predictions"][0] for text in smiles]


def test_second_spelling_of_a_molecule_needs_no_second_run(bench):
    def runs():
        return bench.metric("cryo_model_inference_duration_seconds_count", model="tg", version="1.1.0")

    first, before = bench.predict("OCC(O)CO").json, runs()

    second = bench.predict("C(O)C(O)CO").json

    assert second["predictions"][0]["prediction"] == first["predictions"][0]["prediction"]
    assert runs() == before


@pytest.mark.parametrize(
    ("target", "conditions", "model"),
    [
        pytest.param("tg", {}, "tg", id="default of its family"),
        pytest.param("tg", {"melting_point_k": 291.0}, "tg-tm", id="a given condition chooses"),
        pytest.param("tg-tm", {"melting_point_k": 291.0}, "tg-tm", id="named outright"),
        pytest.param("iri-glyco2", {}, "iri-glyco2", id="a nearest one named outright"),
    ],
)
def test_family_answers_with_the_member_that_its_card_says(bench, target, conditions, model):
    reply = bench.predict(target=target, conditions=conditions)

    assert [prediction["model"] for prediction in reply.json["predictions"]] == [model]


def test_family_of_nearest_members_answers_row_by_row(bench):
    reply = bench.predict("OCC(O)CO", "CCO", target="iri")

    assert reply.status == 200
    assert {prediction["model"] for prediction in reply.json["predictions"]} <= {"iri-amino", "iri-glyco2"}


QUESTIONS = [
    ({"inputs": [{"smiles": "C"}, {"smiles": "C1"}]}, "invalid_smiles", "inputs[1].smiles"),
    ({"inputs": [{"smiles": "C" * 600}]}, "invalid_smiles", "inputs[0].smiles"),
    ({"inputs": []}, "invalid_request", "inputs"),
    ({"inputs": [{}]}, "invalid_request", "inputs[0]"),
    ({"inputs": [{"smiles": "C", **DMSO}]}, "invalid_request", "inputs[0]"),
    ({"inputs": [DMSO]}, "mixture_not_supported", "inputs[0].mixture"),
    ({"target": "viability"}, "mixture_needed", "inputs[0].smiles"),
    ({"target": "unobtainium"}, "unknown_model", "target"),
    ({"version": "9.9.9"}, "unknown_version", "version"),
    ({"confidence_level": 0.55}, "unsupported_confidence_level", "confidence_level"),
    ({"confidence_level": 1e308}, "invalid_request", "confidence_level"),
    ({"conditions": {"pressure": 1.0}}, "invalid_condition", "conditions"),
    ({"target": "tg-tm"}, "invalid_condition", "conditions"),
    ({"conditions": {"melting_point_k": -3.0}}, "invalid_condition", "conditions"),
    ({"surprise": 1}, "invalid_request", None),
]


@pytest.mark.parametrize(("changes", "code", "path"), QUESTIONS)
def test_question_that_cannot_be_answered_names_its_place(bench, changes, code, path):
    reply = bench.predict(**changes)

    assert (reply.status, reply.error["code"], reply.error.get("path")) == (422, code, path)


MIXTURES = [
    ([{"name": "moon dust", "amount": 1, "unit": "M"}], "unknown_ingredient"),
    ([{"name": "dmso", "amount": 1, "unit": "bushels"}], "unit_conversion"),
    ([{"name": "dmso", "amount": 1, "unit": "mol/kg"}], "unit_conversion"),
]


@pytest.mark.parametrize(("mixture", "code"), MIXTURES)
def test_mixture_that_cannot_be_converted_is_refused(bench, mixture, code):
    reply = bench.predict(target="viability", inputs=[{"mixture": mixture}])

    assert (reply.status, reply.error["code"]) == (422, code)


def test_model_switched_off_by_its_flag_answers_nobody(make_bench):
    bench = make_bench()
    bench.worker.switches.off = frozenset({"tg"})

    reply = bench.predict()

    assert (reply.status, reply.error["code"], reply.headers["retry-after"]) == (503, "model_disabled", "60")
    assert "model.tg" in bench.infer([1.0]).error
    assert bench.infer([1.0]).status == bench.ask("GET", "/v2/models/tg/ready").status == 503
    assert bench.infer([1.0], "iri-amino").status == bench.ask("GET", "/v2/models/iri-amino/ready").status == 200
    failures = {"model": "tg", "version": "", "outcome": "failure", "reason": "disabled"}
    assert bench.metric("cryo_model_infer_requests_total", **failures) == 2


def test_model_switched_off_is_told_where_models_are_listed_and_leaves_the_pod_ready(make_bench):
    bench = make_bench()
    bench.worker.switches.off = frozenset({"tg"})

    listed = {each["name"]: each["enabled"] for each in bench.ask("GET", "/api/v1/models").json["models"]}

    assert listed == {name: name != "tg" for name in bench.worker.shelf.names}
    assert b"switched off" in bench.ask("GET", "/models").body
    assert b"switched off" in bench.ask("GET", "/models/tg").body
    assert b"switched off" not in bench.ask("GET", "/models/tg-tm").body
    assert bench.ask("GET", "/?target=tg&smiles=OCC(O)CO").status == 503
    assert bench.ask("GET", "/readyz").status == 200


def test_large_uncached_batch_lets_other_requests_in_between(bench):
    smiles = ["C" * (20 + n % 100) + "O" * (n % 7 + 1) for n in range(256)]
    body = {"target": "tg", "inputs": [{"smiles": text} for text in smiles]}
    ended = []

    async def ask(name, *question):
        ended.append((name, (await bench.ask_async(*question)).status))

    async def both():
        await asyncio.gather(ask("batch", "POST", "/api/v1/predictions", body), ask("probe", "GET", "/livez"))

    bench.run(both())

    assert ended == [("probe", 200), ("batch", 200)]


@pytest.mark.parametrize("shift", [1.0, float("nan")])
def test_machine_that_computes_differently_is_found_by_the_warm_up(models_dir, shift):
    release = load_release(models_dir / "tg" / "1.0.0")
    honest = open_session(release.model, where="test")

    class Shifted:
        def run(self, names, feeds):
            point, scale = honest.runner.run(names, feeds)
            return [point + np.float32(shift), scale]

    with pytest.raises(ArtefactInvalidError, match="computes differently"):
        Predictor(release, ModelSession(Shifted()), metrics=ServeMetrics()).warm_up()


def test_other_descriptor_library_is_not_served(make_bench, monkeypatch):
    monkeypatch.setattr(predictor_module, "library_version", lambda: "1999.1")

    with structlog.testing.capture_logs():
        reply = make_bench().ask("GET", "/readyz")

    assert reply.status == 503
    assert "1999.1" in reply.error["message"]
