"""The Open Inference Protocol's text as a table: what is asked, what must come back."""

import json

import numpy as np
import pytest

from model_server.features.fingerprints import pack_fingerprints
from model_server.features.molecules import parse_molecule
from model_server.features.recipes import find_recipe

WIDTH = len(find_recipe("structure-1").columns)


def tensor(shape=(1, WIDTH), data=None, **changes):
    flat = [1.0] * int(np.prod([n for n in shape if n > 0])) if data is None else data
    return {"name": "features", "datatype": "FP32", "shape": list(shape), "data": flat, **changes}


def outputs_of(reply):
    return {output["name"]: output for output in reply.json["outputs"]}


READS = [
    ("/v2", 200, {"name", "version", "extensions"}),
    ("/v2/health/live", 200, {"live"}),
    ("/v2/health/ready", 200, {"ready", "live"}),
    ("/v2/models/tg", 200, {"name", "versions", "platform", "inputs", "outputs", "parameters"}),
    ("/v2/models/tg/versions/1.1.0", 200, {"name", "versions", "platform", "inputs", "outputs", "parameters"}),
    ("/v2/models/tg/ready", 200, {"name", "ready"}),
    ("/v2/models/tg/versions/champion/ready", 200, {"name", "ready"}),
    ("/v2/models/tg/stats", 200, {"model_stats"}),
    ("/v2/models/nothing", 404, {"error"}),
    ("/v2/models/nothing/ready", 404, {"error"}),
    ("/v2/models/tg/versions/7.0.0", 404, {"error"}),
    ("/v2/models/tg/versions/last", 404, {"error"}),
    ("/v2/repository/index", 404, {"error"}),
    ("/v2/nowhere", 404, {"error"}),
]


@pytest.mark.parametrize(("path", "status", "keys"), READS)
def test_every_read_of_the_protocol_has_its_status_and_keys(bench, path, status, keys):
    reply = bench.ask("GET", path)

    assert (reply.status, set(reply.json)) == (status, keys)
    assert reply.content_type == "application/json"
    if "error" in keys:
        assert isinstance(reply.json["error"], str)


def test_metadata_name_platform_and_free_axes(bench):
    found = bench.ask("GET", "/v2/models/tg").json

    assert (found["name"], found["platform"], found["versions"]) == ("tg", "onnx_onnxv1", ["1.1.0"])
    assert found["inputs"][0] == {"name": "features", "datatype": "FP32", "shape": [-1, WIDTH]}
    assert [(each["name"], each["datatype"], each["shape"]) for each in found["outputs"]] == [
        ("prediction", "FP32", [-1]),
        ("lower", "FP32", [-1]),
        ("upper", "FP32", [-1]),
        ("in_domain", "BOOL", [-1]),
        ("similarity", "FP32", [-1]),
    ]


def test_answer_echoes_the_id_and_names_model_version_and_outputs(bench):
    reply = bench.infer([1.0, 2.0], id="abc-1")

    assert reply.status == 200
    assert (reply.json["id"], reply.json["model_name"], reply.json["model_version"]) == ("abc-1", "tg", "1.1.0")
    found = outputs_of(reply)
    assert list(found) == ["prediction", "lower", "upper"]
    assert found["prediction"] == {"name": "prediction", "datatype": "FP32", "shape": [2], "data": [301.0, 302.0]}
    assert reply.json["parameters"] == {"confidence_level": 0.9, "unit": "K"}


def test_answer_without_an_id_has_none(bench):
    assert "id" not in bench.infer([1.0]).json


@pytest.mark.parametrize(
    "data", [[1.0] * 2 * WIDTH, [[1.0] * WIDTH] * 2, [1] * 2 * WIDTH], ids=["flat", "nested", "whole numbers"]
)
def test_data_may_be_flat_or_nested(bench, data):
    reply = bench.ask("POST", "/v2/models/tg/infer", {"inputs": [tensor((2, WIDTH), data)]})

    assert outputs_of(reply)["prediction"]["data"] == [301.0, 301.0]


def test_only_the_outputs_asked_for_come_back_in_their_order(bench):
    reply = bench.infer([1.0], outputs=[{"name": "upper"}, {"name": "prediction"}])

    assert list(outputs_of(reply)) == ["upper", "prediction"]


def test_confidence_level_is_a_parameter_of_the_request(bench):
    def width(level):
        found = outputs_of(bench.infer([1.0], parameters={"confidence_level": level}))
        return found["upper"]["data"][0] - found["lower"]["data"][0]

    assert width(0.5) < width(0.9) < width(0.95)


def test_interval_is_the_wider_one_while_nobody_knows_whether_the_row_is_inside(bench):
    packed = pack_fingerprints([parse_molecule("OCC(O)CO")])
    fingerprint = {"name": "fingerprint", "datatype": "UINT8", "shape": [1, 256], "data": packed.ravel().tolist()}

    alone = outputs_of(bench.infer([1.0]))
    inside = outputs_of(bench.ask("POST", "/v2/models/tg/infer", {"inputs": [tensor(), fingerprint]}))

    assert (inside["in_domain"]["data"], inside["similarity"]["data"]) == ([True], [1.0])
    assert inside["upper"]["data"][0] < alone["upper"]["data"][0]
    assert "in_domain" not in alone


def test_domain_of_a_composition_is_told_from_its_features(bench):
    found = outputs_of(bench.infer([0.0], "viability-wetlab"))

    assert list(found) == ["prediction", "lower", "upper", "in_domain", "similarity"]
    assert found["in_domain"]["datatype"] == "BOOL"


@pytest.mark.parametrize("version", ["1.1.0", "champion"])
def test_version_in_the_path_may_be_a_number_or_an_alias(bench, version):
    assert bench.infer([1.0], path=f"/versions/{version}").json["model_version"] == "1.1.0"


REFUSED = [
    pytest.param(b"{", 400, id="no JSON"),
    pytest.param(b"\xff\xfe", 400, id="no UTF-8"),
    pytest.param(b"[" * 100_000, 400, id="deep nesting"),
    pytest.param(b"{}", 400, id="no inputs"),
    pytest.param({"inputs": []}, 400, id="empty inputs"),
    pytest.param({"inputs": [tensor()] * 17}, 400, id="many inputs"),
    pytest.param({"inputs": [tensor(name="nonsense")]}, 400, id="unknown input"),
    pytest.param({"inputs": [tensor(), tensor()]}, 400, id="input twice"),
    pytest.param({"inputs": [tensor(datatype="FP64")]}, 400, id="another datatype"),
    pytest.param({"inputs": [tensor(datatype="BYTES", data=["1"] * WIDTH)]}, 400, id="text"),
    pytest.param({"inputs": [tensor(data=["1.0"] * WIDTH)]}, 400, id="numbers in quotes"),
    pytest.param({"inputs": [tensor(data=[True] * WIDTH)]}, 400, id="booleans"),
    pytest.param({"inputs": [tensor(data=[None] * WIDTH)]}, 400, id="nothing"),
    pytest.param({"inputs": [tensor(data=[[1.0], [1.0, 2.0]])]}, 400, id="ragged"),
    pytest.param({"inputs": [tensor((1, WIDTH - 1))]}, 400, id="too few columns"),
    pytest.param({"inputs": [tensor((WIDTH,))]}, 400, id="one axis"),
    pytest.param({"inputs": [tensor((1, 1, WIDTH))]}, 400, id="three axes"),
    pytest.param({"inputs": [tensor((0, WIDTH), [])]}, 400, id="no rows"),
    pytest.param({"inputs": [tensor((-1, WIDTH), [1.0] * WIDTH)]}, 400, id="free axis in a request"),
    pytest.param({"inputs": [tensor((2, WIDTH), [1.0] * WIDTH)]}, 400, id="shape and data differ"),
    pytest.param({"inputs": [tensor((10**9, WIDTH), [1.0])]}, 413, id="a billion rows declared"),
    pytest.param({"inputs": [tensor(data=[1e300] * WIDTH)]}, 400, id="beyond float32"),
    pytest.param(json.dumps({"inputs": [tensor(data=[float("nan")] * WIDTH)]}).encode(), 400, id="NaN"),
    pytest.param(json.dumps({"inputs": [tensor(data=[float("inf")] * WIDTH)]}).encode(), 400, id="Infinity"),
    pytest.param({"inputs": [tensor()], "outputs": [{"name": "no"}]}, 400, id="unknown output"),
    pytest.param({"inputs": [tensor()], "outputs": [{"name": "similarity"}]}, 400, id="domain without fingerprint"),
    pytest.param({"inputs": [tensor()], "outputs": [{"name": "upper"}] * 6}, 400, id="many outputs"),
    pytest.param({"inputs": [tensor()], "parameters": {"confidence_level": "0.9"}}, 400, id="level as text"),
    pytest.param({"inputs": [tensor()], "parameters": {"confidence_level": 0.123}}, 422, id="level nobody calibrated"),
    pytest.param({"inputs": [tensor()], "parameters": {"deep": {"er": 1}}}, 400, id="parameter of another type"),
    pytest.param({"inputs": [tensor(parameters={"binary_data_size": 4})]}, 400, id="binary size without bytes"),
    pytest.param({"inputs": [tensor()], "id": 7}, 400, id="id of another type"),
]


@pytest.mark.parametrize(("body", "status"), REFUSED)
def test_every_refusal_is_the_protocols_error_object(bench, body, status):
    reply = bench.ask("POST", "/v2/models/tg/infer", body)

    assert (reply.status, set(reply.json)) == (status, {"error"})
    assert isinstance(reply.json["error"], str)
    assert bench.infer([1.0]).status == 200


@pytest.mark.parametrize(
    ("path", "status"), [("/v2/models/no/infer", 404), ("/v2/models/tg/versions/9.9.9/infer", 404)]
)
def test_inference_of_what_is_not_there_is_404(bench, path, status):
    assert bench.ask("POST", path, {"inputs": [tensor()]}).status == status


def binary(head: dict, *tails: bytes, length=None):
    content = json.dumps(head).encode()
    size = str(len(content) if length is None else length)
    return content + b"".join(tails), {"inference_header_content_length": size}


def ask_binary(bench, head, *tails, length=None):
    body, headers = binary(head, *tails, length=length)
    return bench.ask("POST", "/v2/models/tg/infer", body, content_type="application/octet-stream", **headers)


def test_binary_tensors_go_in_and_come_out(bench):
    rows = np.full((3, WIDTH), 2.0, dtype="<f4").tobytes()
    head = {"inputs": [tensor((3, WIDTH), parameters={"binary_data_size": len(rows)})]}
    del head["inputs"][0]["data"]
    head["outputs"] = [{"name": "prediction", "parameters": {"binary_data": True}}, {"name": "upper"}]

    reply = ask_binary(bench, head, rows)

    length = int(reply.headers["inference-header-content-length"])
    found = {output["name"]: output for output in json.loads(reply.body[:length])["outputs"]}
    assert reply.status == 200
    assert reply.content_type == "application/octet-stream"
    assert np.frombuffer(reply.body[length:], "<f4").tolist() == [302.0] * 3
    assert found["prediction"]["parameters"] == {"binary_data_size": 12}
    assert "data" not in found["prediction"]
    assert len(found["upper"]["data"]) == 3


@pytest.mark.parametrize(
    ("rows", "size", "length"),
    [
        pytest.param(b"\0" * 4 * WIDTH, 4 * WIDTH + 1, None, id="size beyond the body"),
        pytest.param(b"\0" * 4 * WIDTH + b"x", 4 * WIDTH, None, id="bytes left over"),
        pytest.param(b"\0" * 4, 4, None, id="too few bytes"),
        pytest.param(b"\0" * 4 * WIDTH, -1, None, id="negative size"),
        pytest.param(b"\0" * 4 * WIDTH, True, None, id="size is a boolean"),
        pytest.param(b"\0" * 4 * WIDTH, 4 * WIDTH, 10**9, id="header longer than the body"),
        pytest.param(b"\0" * 4 * WIDTH, 4 * WIDTH, "-5", id="negative header"),
        pytest.param(np.full(WIDTH, np.nan, "<f4").tobytes(), 4 * WIDTH, None, id="NaN in binary"),
    ],
)
def test_binary_tensor_that_does_not_add_up_is_refused(bench, rows, size, length):
    head = {"inputs": [tensor(parameters={"binary_data_size": size})]}
    del head["inputs"][0]["data"]

    assert ask_binary(bench, head, rows, length=length).status == 400


def test_more_rows_than_allowed_are_refused_and_fewer_are_not(make_bench):
    bench = make_bench(max_rows=300)

    assert bench.infer([1.0] * 301).status == 413
    assert len(outputs_of(bench.infer([1.0] * 300))["prediction"]["data"]) == 300


def test_statistics_count_what_was_done(bench):
    bench.infer([1.0, 2.0])
    bench.infer([1.0])

    [stats] = bench.ask("GET", "/v2/models/tg/stats").json["model_stats"]

    assert (stats["inference_count"], stats["execution_count"]) == (3, 2)
    assert stats["inference_stats"]["success"]["count"] == 2
    assert bench.metric("cryo_model_infer_rows_total", model="tg", version="1.1.0") == 3


def test_failures_are_counted_under_names_that_exist_only(bench):
    bench.ask("POST", "/v2/models/made-up-by-caller/infer", {"inputs": [tensor()]})
    bench.ask("POST", "/v2/models/tg/infer", b"{")

    count = bench.metric
    assert (
        count("cryo_model_infer_requests_total", model="unknown", version="", outcome="failure", reason="unknown_model")
        == 1
    )
    assert (
        count("cryo_model_infer_requests_total", model="tg", version="", outcome="failure", reason="bad_request") == 1
    )
    assert b"made-up-by-caller" not in bench.ask("GET", "/metrics").body


def test_remembered_answer_is_the_same_but_for_its_id(make_bench):
    bench = make_bench(cached=frozenset({"tg"}))

    first, second = bench.infer([1.0], id="a").json, bench.infer([1.0], id="b").json

    assert (first.pop("id"), second.pop("id")) == ("a", "b")
    assert first == second
    assert bench.metric("cryo_model_cache_lookups_total", cache="responses", result="hit") == 1
    assert bench.infer([1.5]).json["outputs"][0]["data"] == [301.5]
    assert bench.infer([1.0], parameters={"confidence_level": 0.5}).json["outputs"] != first["outputs"]


def test_repository_extension_is_off_unless_asked_for_and_then_for_operators_only(bench, make_bench, operator):
    assert bench.ask("POST", "/v2/repository/index", b"").status == 404
    assert "model_repository" not in bench.ask("GET", "/v2").json["extensions"]

    on = make_bench(repository=True)

    assert on.ask("POST", "/v2/repository/index", b"").status == 401
    assert "model_repository" in on.ask("GET", "/v2").json["extensions"]
    index = on.ask("POST", "/v2/repository/index", b"{}", **operator).json
    assert {"name": "tg", "version": "1.1.0", "state": "READY", "reason": ""} in index


def test_unloaded_model_answers_503_and_loading_brings_it_back(make_bench, operator):
    bench = make_bench(repository=True)

    assert bench.ask("POST", "/v2/repository/models/tg/unload", b"", **operator).status == 200
    assert bench.infer([1.0]).status == 503
    assert "tg" not in {e["name"] for e in bench.ask("POST", "/v2/repository/index", {"ready": True}, **operator).json}
    assert bench.ask("GET", "/v2/health/ready").status == 200
    assert bench.ask("POST", "/v2/repository/models/tg/load", b"", **operator).status == 200
    assert bench.infer([1.0]).status == 200
    assert bench.ask("POST", "/v2/repository/models/no/load", b"", **operator).status == 404
