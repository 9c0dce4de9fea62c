"""Results of the laboratory through the API: taken whole or refused whole, listed by day, and used to judge a model."""

import jwt
import pytest

SECRET = "k" * 64


def viability(number, value=70.0, day=1, **changes):
    return {
        "experiment_id": f"e{number}",
        "measured_on": f"2026-03-{day:02}",
        "property_name": "post_thaw_viability",
        "value": value,
        "unit": "%",
        "components": [{"name": "DMSO", "amount": 10.0, "unit": "%v/v"}],
        **changes,
    }


def glass(number, value=190.0, smiles="OCC(O)CO", **changes):
    components = [{"smiles": smiles, "amount": 1.0, "unit": "mol/mol"}]
    named = {"property_name": "glass_transition_temperature", "unit": "K", "components": components}
    return viability(number, value, **{**named, **changes})


def send(bench, operator, *rows):
    return bench.ask("POST", "/api/v1/experiments", {"rows": list(rows)}, **operator)


def listed(bench, operator, query=""):
    reply = bench.ask("GET", f"/api/v1/experiments{query}", **operator)
    assert reply.status == 200, reply.body
    return reply.json


def test_rows_are_kept_corrected_and_counted(bench, operator):
    assert send(bench, operator, viability(1), viability(2)).json == {"added": 2, "changed": 0, "unchanged": 0}
    assert send(bench, operator, viability(1, 60.0), viability(2)).json == {"added": 0, "changed": 1, "unchanged": 1}

    entry = listed(bench, operator)["experiments"][0]

    assert (entry["value"], entry["family"], entry["measured_on"]) == (60.0, "viability", "2026-03-01")
    assert entry["sent_by"] == "service"


def test_restarted_server_still_has_them(make_bench, operator):
    send(make_bench(), operator, viability(1))

    assert len(listed(make_bench(), operator)["experiments"]) == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["e1", "e3", "e2"]),
        ("?family=viability", ["e1", "e2"]),
        ("?model=tg", ["e3"]),
        ("?model=viability-wetlab&family=viability", ["e1", "e2"]),
        ("?from=2026-03-03", ["e2"]),
        ("?to=2026-03-02&family=viability", ["e1"]),
    ],
)
def test_list_is_narrowed_by_model_family_and_day(bench, operator, query, expected):
    send(bench, operator, viability(1), viability(2, day=4), glass(3, measured_on="2026-03-02"))

    assert [entry["experiment_id"] for entry in listed(bench, operator, query)["experiments"]] == expected


def test_list_has_pages(bench, operator):
    send(bench, operator, *(viability(number) for number in range(5)))

    first = listed(bench, operator, "?limit=3")
    second = listed(bench, operator, f"?limit=3&after={first['next'].replace('/', '%2F')}")

    assert [len(first["experiments"]), len(second["experiments"]), second["next"]] == [3, 2, None]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (viability(2, value=140.0), "outside 0 to 100"),
        (viability(2, unit="1"), "record it in %"),
        (viability(2, property_name="osmolality"), "not one of"),
        (viability(2, components=[{"amount": 1.0, "unit": "M"}]), "neither name nor structure"),
        (viability(2, components=[{"name": "dmso", "amount": 1.0, "unit": "spoon"}]), "'spoon'"),
        (glass(2, smiles="C1"), "not a valid SMILES"),
        (viability(1), "given twice"),
        (viability("\x00"), "experiment_id"),
        (viability(2, measured_on="yesterday"), "date"),
        (viability(2, components=[]), "length"),
        (viability(2, value="hot"), "float"),
    ],
)
def test_one_bad_row_refuses_all_of_them(bench, operator, row, reason):
    reply = send(bench, operator, viability(1), row)

    assert (reply.status, listed(bench, operator)["experiments"]) == (422, [])
    assert reason in reply.error["message"] + str(reply.error.get("path"))


@pytest.mark.parametrize(("role", "reads", "writes"), [(None, 401, 401), ("viewer", 200, 403), ("scientist", 200, 200)])
def test_laboratory_results_are_for_those_with_a_role(make_bench, tmp_path, role, reads, writes):
    (tmp_path / "key").write_text(SECRET)
    bench = make_bench(jwt_key=tmp_path / "key")
    token = jwt.encode({"sub": "ann", "exp": 9e9, "cryo_role": role}, SECRET)
    head = {"authorization": f"Bearer {token}"} if role else {}

    assert bench.ask("GET", "/api/v1/experiments", **head).status == reads
    assert send(bench, head, viability(1)).status == writes


def test_server_without_registry_keeps_nothing_and_says_so(make_bench, operator):
    bench = make_bench(registry_dir=None)

    assert (send(bench, operator, viability(1)).status, listed(bench, operator)["experiments"]) == (409, [])


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?family=x", 422),
        ("?from=2026-13-01", 422),
        ("?model=none", 404),
        ("?model=tg&family=iri", 422),
        ("?after=x", 422),
    ],
)
def test_wrong_filter_is_refused(bench, operator, query, status):
    assert bench.ask("GET", f"/api/v1/experiments{query}", **operator).status == status


def validate(bench, operator, model="tg", **experiments):
    return bench.ask("POST", "/api/v1/validations", {"model": model, "experiments": experiments}, **operator)


def test_kept_experiments_judge_a_model_and_reach_its_drift(bench, operator):
    send(bench, operator, glass(1), glass(2, 300.0, "CCO"), glass(3, 150.0, "CO", measured_on="2026-04-01"))

    reply = validate(bench, operator, to="2026-03-31")

    assert (reply.status, reply.json["validation"]["count"], reply.json["left_out"]) == (200, 2, [])
    assert [row["key"] for row in reply.json["validation"]["rows"]] == ["e1", "e2"]
    assert bench.ask("GET", "/api/v1/drift?model=tg").json["labels"]["count"] == 2


def test_two_experiments_with_one_result_are_two_measurements_however_often_they_are_judged(bench, operator):
    send(bench, operator, glass(1), glass(2))
    for _ in range(3):
        validate(bench, operator)

    assert bench.ask("GET", "/api/v1/drift?model=tg").json["labels"]["count"] == 2


def test_experiments_that_need_a_density_are_left_out_with_the_reason(bench, operator):
    molal = [{"name": "dmso", "amount": 1.0, "unit": "mol/kg"}]
    send(
        bench,
        operator,
        viability(1),
        viability(2, components=molal),
        viability(3, components=[{**molal[0], "unit": "%w/w"}]),
    )

    reply = validate(bench, operator, "viability-wetlab")

    assert (reply.json["validation"]["count"], len(reply.json["left_out"])) == (1, 2)
    assert all(
        "density of the solution" in reason and reason.startswith("experiment e") for reason in reply.json["left_out"]
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"experiments": {}, "rows": [{"smiles": "CCO", "actual": 1.0}]}, "invalid_request"),
        ({"experiments": {}}, "no_experiments"),
        ({"experiments": {"from": "2027-01-01"}}, "no_experiments"),
        ({"experiments": {"since": "2027-01-01"}}, "invalid_request"),
    ],
)
def test_validation_needs_one_source_with_something_in_it(bench, operator, body, code):
    send(bench, operator, viability(1))

    reply = bench.ask("POST", "/api/v1/validations", {"model": "tg", **body}, **operator)

    assert (reply.status, reply.error["code"]) == (422, code)


def test_nothing_that_a_model_can_be_asked_about_is_an_error_with_its_reason(bench, operator):
    send(bench, operator, glass(1, components=[{"smiles": "CCO", "amount": 5.0, "unit": "mol/L"}]))

    reply = validate(bench, operator)

    assert (reply.status, reply.error["code"]) == (422, "no_experiments")
    assert "knows it pure" in reply.error["message"]
