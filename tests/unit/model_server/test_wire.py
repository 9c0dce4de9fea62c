import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.errors import RequestRefusedError
from model_server.serve.wire import MAX_INPUTS, ErrorDetail, ErrorResponse, PredictionRequest, decode_request, encode

GLYCEROL = {"target": "tg", "inputs": [{"smiles": "OCC(O)CO"}]}


def test_request_of_the_contract_is_decoded():
    request = decode_request(json.dumps({**GLYCEROL, "confidence_level": 0.95}).encode())

    assert request.target == "tg"
    assert [molecule.smiles for molecule in request.inputs] == ["OCC(O)CO"]
    assert request.confidence_level == 0.95


@pytest.mark.parametrize("count", [1, MAX_INPUTS])
def test_one_to_256_inputs_are_accepted(count):
    assert len(decode_request(json.dumps({**GLYCEROL, "inputs": GLYCEROL["inputs"] * count}).encode()).inputs) == count


@pytest.mark.parametrize(
    ("body", "status", "code", "path"),
    [
        pytest.param(b"", 400, "malformed_json", None, id="empty"),
        pytest.param(b"{", 400, "malformed_json", None, id="cut off"),
        pytest.param(b"\xff\xfe", 400, "malformed_json", None, id="not UTF-8"),
        pytest.param(b'{"target":"\xff","inputs":[]}', 400, "malformed_json", None, id="not UTF-8 in a string"),
        pytest.param(b"[" * 100_000, 422, "invalid_request", None, id="deep list"),
        pytest.param(b'{"x":' * 100_000, 422, "invalid_request", None, id="deep object"),
        pytest.param(b"[]", 422, "invalid_request", None, id="list"),
        pytest.param(b"{}", 422, "invalid_request", None, id="no fields"),
        pytest.param(b'{"target":"tg","inputs":[]}', 422, "invalid_request", "inputs", id="no inputs"),
        pytest.param(b'{"target":1,"inputs":[]}', 422, "invalid_request", "target", id="target a number"),
        pytest.param(b'{"target":"tg","inputs":[{}]}', 422, "invalid_request", "inputs[0]", id="no smiles"),
        pytest.param(b'{"target":"tg","inputs":[{"smiles":5}]}', 422, "invalid_request", "inputs[0].smiles", id="5"),
        pytest.param(b'{"target":"tg","inputs":[{"smiles":null}]}', 422, "invalid_request", None, id="null"),
        pytest.param(b'{"target":"tg","inputs":[{"smiles":"C"}],"x":1}', 422, "invalid_request", None, id="surplus"),
        pytest.param(
            b'{"target":"tg","inputs":[{"smiles":"C"}],"confidence_level":"0.9"}',
            422,
            "invalid_request",
            "confidence_level",
            id="level as text",
        ),
        pytest.param(
            b'{"target":"tg","inputs":[{"smiles":"C"}],"confidence_level":NaN}', 400, "malformed_json", None, id="NaN"
        ),
    ],
)
def test_other_bodies_are_refused_with_status_code_and_place(body, status, code, path):
    with pytest.raises(RequestRefusedError) as caught:
        decode_request(body)

    assert (caught.value.status, caught.value.code) == (status, code)
    if path is not None:
        assert caught.value.path == path


def test_more_than_256_inputs_are_refused():
    with pytest.raises(RequestRefusedError, match="length <= 256") as caught:
        decode_request(json.dumps({**GLYCEROL, "inputs": GLYCEROL["inputs"] * (MAX_INPUTS + 1)}).encode())

    assert (caught.value.status, caught.value.path) == (422, "inputs")


@given(st.binary(max_size=200))
def test_no_body_gets_past_as_anything_but_a_refusal_or_a_request(body):
    try:
        outcome = decode_request(body)
    except RequestRefusedError as error:
        outcome = error.status

    assert isinstance(outcome, PredictionRequest) or outcome in {400, 422}


def test_error_without_a_place_has_no_path_key():
    assert encode(ErrorResponse(ErrorDetail("c", "m"))) == b'{"error":{"code":"c","message":"m"}}'
    assert encode(ErrorResponse(ErrorDetail("c", "m", "p"))) == b'{"error":{"code":"c","message":"m","path":"p"}}'
