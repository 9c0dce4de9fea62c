"""What the drift endpoint and its gauges say of questions asked through every door."""

import math

import pytest

from model_server.drift.verdict import MINIMUM

KEYS = {
    "model", "version", "samples", "minimum", "enough", "since", "alarm", "because", "features", "prediction",
    "out_of_domain", "interval_width", "labels",
}  # fmt: skip


def drift(bench, query="model=tg"):
    reply = bench.ask("GET", f"/api/v1/drift?{query}")
    assert reply.status == 200, reply.body
    return reply.json


def test_model_nobody_asked_has_a_shape_and_no_verdict(bench):
    found = drift(bench)

    assert set(found) == KEYS
    assert (found["model"], found["version"], found["samples"], found["enough"]) == ("tg", "1.1.0", 0, False)
    assert (found["since"], found["labels"], found["prediction"]["psi"]) == (None, None, None)
    assert len(found["features"]) == bench.worker.shelf.served("tg").champion.width


@pytest.mark.parametrize("version", ["1.1.0", "champion"])
def test_questions_through_either_door_count(bench, version):
    bench.predict("CCO", "OCCO")
    bench.predict(*["CCO"] * 5)
    bench.infer([1.0, 2.0, 3.0])
    bench.infer([1.0])

    found = drift(bench, f"model=tg&version={version}")

    assert found["samples"] == 2 + 5 + 3 + 1
    assert found["since"].endswith("Z")
    # Inference without fingerprints cannot tell the domain; those rows are left out of its share.
    assert found["out_of_domain"]["share"] == 0.0


def test_remembered_answers_count_like_computed_ones(make_bench):
    bench = make_bench(cached=frozenset({"*"}))
    for _ in range(3):
        bench.infer([1.0])
        bench.predict("CCO")

    assert drift(bench)["samples"] == 6


def test_version_that_answers_nobody_has_its_own_window(bench, operator):
    bench.ask(
        "PUT", "/api/v1/models/tg/aliases/challenger", {"version": "1.0.0", "reason": "to be compared"}, **operator
    )
    bench.predict("CCO")

    assert drift(bench, "model=tg&version=challenger")["samples"] == 0


def test_traffic_far_from_training_raises_the_alarm_with_reasons(bench):
    bench.infer([float(value) for value in range(250)])
    bench.infer([float(value) for value in range(250)])

    found = drift(bench)

    assert (found["samples"], found["enough"], found["alarm"]) == (MINIMUM, True, True)
    assert 0 < len(found["because"]) <= 6
    assert any(feature["alarm"] for feature in found["features"])


def test_measurements_reach_the_verdict_once_each(bench, operator):
    rows = [{"smiles": "C" * size + "O", "actual": 900.0} for size in range(1, 41)]
    for level in (0.9, 0.5):
        body = {"model": "tg", "rows": rows, "confidence_level": level}
        assert bench.ask("POST", "/api/v1/validations", body, **operator).status == 200

    found = drift(bench)

    assert (found["labels"]["count"], found["labels"]["coverage"], found["labels"]["alarm"]) == (40, 0.0, True)
    assert found["alarm"] is True
    assert found["samples"] == 0


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 422, "invalid_query"),
        ("?model=none", 404, "unknown_model"),
        ("?model=tg&version=9.9.9", 404, "unknown_version"),
        ("?model=tg&window=5", 422, "invalid_query"),
    ],
)
def test_what_is_not_served_has_no_drift(bench, query, status, code):
    reply = bench.ask("GET", f"/api/v1/drift{query}")

    assert (reply.status, reply.error["code"]) == (status, code)


def test_gauges_exist_from_the_start_and_follow_the_window(bench, monkeypatch):
    labels = {"model": "tg", "version": "1.1.0"}
    assert bench.metric("cryo_model_drift_alarm", **labels) == 0.0
    assert math.isnan(bench.metric("cryo_model_prediction_psi", **labels))
    assert math.isnan(bench.metric("cryo_model_feature_psi", **labels, feature="log_molar_mass"))
    bench.infer([float(value) for value in range(250)])
    bench.infer([float(value) for value in range(250)])
    assert bench.metric("cryo_model_drift_samples", **labels) == 0.0, "judged again within seconds"

    monkeypatch.setattr("model_server.serve.api.drift._REFRESH_S", 0.0)

    assert bench.metric("cryo_model_drift_samples", **labels) == MINIMUM
    assert bench.metric("cryo_model_drift_alarm", **labels) == 1.0
    assert bench.metric("cryo_model_feature_psi", **labels, feature="log_molar_mass") > 0.2
