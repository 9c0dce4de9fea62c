"""Triton's own client against a real server: what it sends we take, what we send it reads."""

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferenceServerException, InferInput, InferRequestedOutput

from model_server.features.recipes import find_recipe

WIDTH = len(find_recipe("structure-1").columns)


@pytest.fixture(scope="module")
def client(server):
    with InferenceServerClient(f"127.0.0.1:{server.port}") as connected:
        yield connected


def features(rows, *, binary):
    tensor = InferInput("features", [rows, WIDTH], "FP32")
    tensor.set_data_from_numpy(np.full((rows, WIDTH), 2.0, dtype=np.float32), binary_data=binary)
    return tensor


def test_health_and_metadata_are_read(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("tg")
    assert client.is_model_ready("tg", "1.1.0")
    assert client.get_server_metadata()["extensions"][0] == "binary_tensor_data"
    assert client.get_model_metadata("tg")["platform"] == "onnx_onnxv1"
    assert client.get_inference_statistics("tg")["model_stats"][0]["name"] == "tg"


@pytest.mark.parametrize("version", ["", "1.1.0", "champion"])
@pytest.mark.parametrize("sent", [True, False], ids=["binary in", "JSON in"])
@pytest.mark.parametrize("wanted", [True, False], ids=["binary out", "JSON out"])
def test_inference_by_json_and_binary(client, version, sent, wanted):
    outputs = [InferRequestedOutput(name, binary_data=wanted) for name in ("prediction", "upper")]

    result = client.infer("tg", [features(3, binary=sent)], model_version=version, outputs=outputs, request_id="r-1")

    assert result.get_response()["id"] == "r-1"
    assert result.as_numpy("prediction").tolist() == [302.0] * 3
    assert result.as_numpy("upper").dtype == np.float32
    assert result.as_numpy("lower") is None


def test_domain_of_a_composition_comes_as_booleans(client):
    width = len(find_recipe("composition-1").columns)
    tensor = InferInput("features", [2, width], "FP32")
    tensor.set_data_from_numpy(np.zeros((2, width), dtype=np.float32))

    result = client.infer("viability-wetlab", [tensor])

    assert result.as_numpy("in_domain").dtype == np.bool_
    assert result.as_numpy("similarity").shape == (2,)


def test_refusals_reach_the_client_as_its_own_errors(client):
    for name, version, words in (("none", "", "no such model"), ("tg", "9.9.9", "no such version")):
        with pytest.raises(InferenceServerException, match=words):
            client.infer(name, [features(1, binary=True)], model_version=version)
    wrong = InferInput("features", [1, 3], "FP32")
    wrong.set_data_from_numpy(np.zeros((1, 3), dtype=np.float32))
    with pytest.raises(InferenceServerException, match="shape"):
        client.infer("tg", [wrong])


def test_repository_is_for_operators(client, operator):
    with pytest.raises(InferenceServerException, match="token"):
        client.get_model_repository_index()

    names = {entry["name"] for entry in client.get_model_repository_index(headers=operator)}

    assert names == {"tg", "tg-tm", "viability-wetlab"}
    client.unload_model("tg-tm", headers=operator)
    assert not client.is_model_ready("tg-tm")
    client.load_model("tg-tm", headers=operator)
    assert client.is_model_ready("tg-tm")
