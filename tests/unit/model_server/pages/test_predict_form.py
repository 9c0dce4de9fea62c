"""The Predict form as a pure function of its fields: what is asked, and which field a refusal belongs to."""

import pytest

from model_server.errors import RequestRefusedError
from model_server.pages.predict_form import MIXTURE, MOLECULE, Row, build_question, locate, read_form

MIXED = {
    "kind": MIXTURE,
    "target": "viability",
    "component-1": "DMSO",
    "amount-1": "1,4",
    "unit-1": "mol/L",
    "component-3": "OCC(O)CO",
    "amount-3": "5",
    "unit-3": "% w/v",
}


def test_molecule_becomes_the_body_of_the_api():
    form = read_form(
        {"target": "tg", "smiles": "CCO", "level": "0.8", "version": "1.1.0", "condition-melting_point_k": "290"}
    )

    assert form.asked
    assert build_question(form) == {
        "target": "tg",
        "inputs": [{"smiles": "CCO"}],
        "confidence_level": 0.8,
        "version": "1.1.0",
        "conditions": {"melting_point_k": 290.0},
    }


def test_blank_rows_are_left_out_and_structures_are_told_from_names():
    assert build_question(read_form(MIXED))["inputs"] == [
        {
            "mixture": [
                {"name": "DMSO", "amount": 1.4, "unit": "mol/L"},
                {"smiles": "OCC(O)CO", "amount": 5.0, "unit": "% w/v"},
            ]
        }
    ]


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({}, False),
        ({"kind": MIXTURE}, False),
        ({"smiles": ""}, True),
        ({"smiles": "C", "draft": "1"}, False),
        ({**MIXED, "more": "1"}, False),
        (MIXED, True),
    ],
    ids=["first visit", "mixture first", "sent empty", "another target chosen", "rows wanted", "mixture sent"],
)
def test_answer_is_given_only_when_one_was_asked_for(fields, asked):
    assert read_form(fields).asked is asked


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"amount-1": "much"}, "row-1", "'much' is not a number"),
        ({"amount-1": "nan"}, "row-1", "not a number"),
        ({"amount-3": ""}, "row-3", "how much OCC"),
        ({"component-1": ""}, "row-1", "1,4 mol/L of what"),
        ({"level": "high"}, "level", "'high' is not a number"),
        ({"condition-melting_point_k": "warm"}, "condition-melting_point_k", "'warm'"),
    ],
    ids=str,
)
def test_what_is_no_number_is_told_at_its_field(changes, field, words):
    with pytest.raises(RequestRefusedError, match=words) as caught:
        build_question(read_form({**MIXED, **changes}))

    assert caught.value.path == field


def test_mixture_without_components_is_told_at_its_first_row():
    with pytest.raises(RequestRefusedError) as caught:
        build_question(read_form({"kind": MIXTURE, "component-1": ""}))

    assert caught.value.path == "row-1"


@pytest.mark.parametrize(
    ("path", "message", "field"),
    [
        ("inputs[0].smiles", "inputs[0]: 'C((' is not a valid SMILES string", "smiles"),
        ("confidence_level", "0.99 was not calibrated", "level"),
        ("inputs[0].mixture[1].amount", "Expected `float` >= 0.0", "row-3"),
        ("target", "no such model", "target"),
        (None, "anything else", ""),
    ],
)
def test_refusal_of_the_api_finds_its_field(path, message, field):
    error = RequestRefusedError(message, code="x", status=422, path=path)

    mistake = locate(error, read_form(MIXED))

    assert mistake.field == field
    assert not mistake.message.startswith("inputs")


def test_refused_mixture_is_traced_to_the_row_that_is_wrong():
    form = read_form({**MIXED, "component-3": "unobtainium"})
    error = RequestRefusedError("inputs[0]: 'unobtainium' ...", code="x", status=422, path="inputs[0].mixture")

    assert locate(error, form).field == "row-3"


def test_form_shows_a_blank_row_after_the_last_filled_one():
    rows = read_form({**MIXED, "component-5": "betaine", "amount-5": "1"}).rows

    assert len(rows) == 6
    assert rows[5] == Row("", "", "mol/L")


@pytest.mark.parametrize("water", ["100", "-1", "wet", "inf"])
def test_impossible_share_of_water_is_refused_at_its_field(water):
    form = read_form({"kind": MOLECULE, "water": water})

    with pytest.raises(RequestRefusedError) as caught:
        _ = form.water_percent
    assert caught.value.path == "water"
