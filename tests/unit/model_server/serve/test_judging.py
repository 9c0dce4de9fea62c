"""Evaluations, comparisons, validations and mixture rules."""

import pytest


def test_evaluation_is_what_the_card_says(bench):
    found = bench.ask("GET", "/api/v1/evaluations?model=tg").json

    assert (found["model"], found["version"]) == ("tg", "1.1.0")
    assert found["evaluation"]["splits"][0]["primary"] is True


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("evaluations", 422, "invalid_query"),
        ("evaluations?model=none", 404, "unknown_model"),
        ("evaluations?model=tg&version=9.9.9", 404, "unknown_version"),
        ("comparisons?model=tg&a=1.0.0", 422, "invalid_query"),
        ("comparisons?model=tg&a=1.0.0&b=9.9.9", 404, "unknown_version"),
    ],
)
def test_what_is_not_there_cannot_be_judged(bench, query, status, code):
    reply = bench.ask("GET", f"/api/v1/{query}")

    assert (reply.status, reply.error["code"]) == (status, code)


def test_two_versions_are_compared_on_the_rows_both_held_out(bench):
    reply = bench.ask("GET", "/api/v1/comparisons?model=tg&a=1.0.0&b=champion")

    assert (reply.status, reply.json["a"], reply.json["b"]) == (200, "1.0.0", "1.1.0")
    assert reply.json["comparison"]["rows"] == 10


def test_measured_rows_come_back_with_residuals_and_coverage(bench, operator):
    rows = [{"smiles": "CCO", "actual": 300.0}, {"smiles": "OCCO", "actual": 900.0, "key": "mine"}]

    reply = bench.ask("POST", "/api/v1/validations", {"model": "tg", "rows": rows}, **operator)

    assert (reply.status, reply.json["version"], reply.json["confidence_level"]) == (200, "1.1.0", 0.9)
    assert "mine" in reply.body.decode()


@pytest.mark.parametrize(
    ("change", "path"),
    [({"smiles": "C1"}, "rows[0].smiles"), ({"smiles": None}, "rows[0]"), ({"actual": "hot"}, "rows[0].actual")],
)
def test_row_that_cannot_be_validated_names_its_place(bench, operator, change, path):
    row = {"smiles": "CCO", "actual": 97.0, **change}

    reply = bench.ask("POST", "/api/v1/validations", {"model": "tg", "rows": [row]}, **operator)

    assert (reply.status, reply.error["path"]) == (422, path)


def rule(bench, name, *parts, **more):
    return bench.ask("POST", f"/api/v1/mixtures/rules/{name}", {"parts": list(parts), **more})


WATER = {"weight_fraction": 0.4, "water": True}
SUGAR = {"weight_fraction": 0.6, "tg_k": 386.0}


def test_rules_are_listed_with_their_source_and_limits(bench):
    found = bench.ask("GET", "/api/v1/mixtures/rules").json

    assert {each["name"] for each in found["rules"]} >= {"fox", "gordon_taylor"}
    assert all(each["citation"] and each["limits"] for each in found["rules"])


def test_rule_of_sugar_and_water_lies_between_both(bench):
    found = rule(bench, "gordon_taylor", SUGAR, WATER).json

    assert 136.0 < found["tg_k"] < 386.0
    assert [part["source"] for part in found["parts"]] == ["given", "water"]


def test_structure_in_a_mixture_is_predicted_by_the_tg_model(bench):
    found = rule(bench, "fox", {"weight_fraction": 0.6, "smiles": "OCC(O)CO"}, WATER).json

    assert found["parts"][0]["source"] == "tg 1.1.0"


@pytest.mark.parametrize(
    ("name", "parts", "status"),
    [
        ("alchemy", [SUGAR, WATER], 404),
        ("fox", [SUGAR], 422),
        ("fox", [], 422),
        ("gordon_taylor", [SUGAR, WATER, {"weight_fraction": 0.0, "tg_k": 100.0}], 422),
        ("couchman_karasz", [SUGAR, WATER], 422),
        ("fox", [{"weight_fraction": 1.0}], 422),
        ("fox", [{"weight_fraction": 1.0, "tg_k": 1.0, "water": True}], 422),
        ("fox", [{"weight_fraction": 1.0, "tg_k": -1.0}], 422),
    ],
)
def test_mixture_that_is_none_is_refused(bench, name, parts, status):
    assert rule(bench, name, *parts).status == status
