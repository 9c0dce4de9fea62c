"""Models, versions, aliases: who may change what, and what the change does to answers."""

import pytest

from model_server.registry.record import HistoryEntry


def put(bench, version, operator, *, alias="champion", model="tg", **changes):
    body = {"version": version, "reason": "better on the held-out sugars", **changes}
    return bench.ask("PUT", f"/api/v1/models/{model}/aliases/{alias}", body, **operator)


def test_models_are_listed_page_by_page(bench):
    names, target = [], "/api/v1/models?limit=2"
    while target:
        page = bench.ask("GET", target).json
        names += [entry["name"] for entry in page["models"]]
        target = f"/api/v1/models?limit=2&after={page['next']}" if page["next"] else None

    assert names == ["iri-amino", "iri-glyco2", "tg", "tg-tm", "viability-wetlab"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=", "after=nobody", "surprise=1", "limit=1&limit=2"]
)
def test_query_that_means_nothing_is_refused(bench, query):
    reply = bench.ask("GET", f"/api/v1/models?{query}")

    assert (reply.status, reply.error["code"]) == (422, "invalid_query")


def test_entry_says_what_a_caller_has_to_know(bench):
    entry = bench.ask("GET", "/api/v1/models/tg").json

    assert (entry["state"], entry["version"], entry["unit"]) == ("READY", "1.1.0", "K")
    assert entry["confidence_levels"] == [0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    assert entry["aliases"] == {"champion": "1.1.0"}
    assert bench.ask("GET", "/api/v1/models/none").status == 404


def test_newest_version_that_beats_its_baseline_leads_until_somebody_decides(bench):
    versions = bench.ask("GET", "/api/v1/models/tg/versions").json["versions"]

    assert [(each["version"], each["promotable"], each["aliases"]) for each in versions] == [
        ("1.2.0", False, []),
        ("1.1.0", True, ["champion"]),
        ("1.0.0", True, []),
    ]


@pytest.mark.parametrize("version", ["1.1.0", "champion", "1.0.0"])
def test_card_of_any_version_is_given_loaded_or_not(bench, models_dir, version):
    number = "1.1.0" if version == "champion" else version

    reply = bench.ask("GET", f"/api/v1/models/tg/versions/{version}")

    assert reply.body == (models_dir / "tg" / number / "card.json").read_bytes()


def test_champion_is_switched_and_the_old_one_becomes_previous(bench, operator):
    reply = put(bench, "1.0.0", operator)

    assert (reply.status, reply.json["aliases"]) == (200, {"champion": "1.0.0", "previous": "1.1.0"})
    assert bench.infer([1.0]).json["outputs"][0]["data"] == [201.0]
    assert bench.infer([1.0], path="/versions/previous").json["outputs"][0]["data"] == [301.0]
    assert bench.metric("cryo_model_loaded", model="tg", version="1.0.0", alias="champion") == 1
    assert bench.metric("cryo_model_loaded", model="tg", version="1.1.0", alias="champion") == 0


def test_version_that_does_not_beat_its_baseline_needs_an_override(bench, operator):
    refused = put(bench, "1.2.0", operator)
    assert (refused.status, refused.error["code"]) == (409, "registry_refused")
    assert "override" in refused.error["message"]

    assert put(bench, "1.2.0", operator, override=True).status == 200

    [entry] = bench.ask("GET", "/api/v1/models/tg/history").json
    assert (entry["action"], entry["version"], entry["override"], entry["act"]["who"]) == (
        "promote",
        "1.2.0",
        True,
        "service",
    )
    assert set(entry) == set(HistoryEntry.__struct_fields__)


def test_aliases_survive_a_restart(make_bench, operator):
    put(make_bench(), "1.0.0", operator)

    assert make_bench().infer([1.0]).json["model_version"] == "1.0.0"


def test_other_worker_follows_within_a_poll(make_bench, operator):
    first, second = make_bench(), make_bench()
    put(first, "1.0.0", operator)

    second.run(second.worker.loading.refresh("tg"))

    assert second.infer([1.0]).json["model_version"] == "1.0.0"


CHANGES = [
    ("PUT", "/api/v1/models/tg/aliases/champion", {"version": "1.0.0", "reason": "good enough"}),
    ("DELETE", "/api/v1/models/tg/aliases/challenger", {"reason": "good enough"}),
    ("PUT", "/api/v1/models/tg/versions/1.0.0/retirement", {"reason": "good enough"}),
    ("POST", "/api/v1/validations", {"model": "tg", "rows": [{"smiles": "CCO", "actual": 97.0}]}),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_nothing_that_changes_state_is_open(bench, method, path, body):
    reply = bench.ask(method, path, body)

    assert (reply.status, reply.error["code"]) == (401, "unauthorised")
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"version": "9.0.0"}, 422, "unknown_version"),
        ({"alias": "previous", "version": "1.0.0"}, 409, "registry_refused"),
        ({"alias": "favourite", "version": "1.0.0"}, 409, "registry_refused"),
        ({"alias": "challenger", "version": "1.1.0"}, 409, "registry_refused"),
        ({"version": "1.0.0", "reason": "short"}, 422, "invalid_request"),
        ({"version": "1.0.0", "share": 1.5}, 422, "invalid_request"),
        ({"model": "none", "version": "1.0.0"}, 404, "unknown_model"),
    ],
)
def test_change_that_makes_no_sense_is_refused(bench, operator, changes, status, code):
    reply = put(bench, operator=operator, **changes)

    assert (reply.status, reply.error["code"]) == (status, code)


def test_registry_without_a_folder_is_read_only(make_bench, operator):
    reply = put(make_bench(registry_dir=None), "1.0.0", operator)

    assert (reply.status, reply.error["code"]) == (409, "registry_refused")
    assert "CRYO_REGISTRY_DIR" in reply.error["message"]


def test_retired_version_cannot_come_back(bench, operator):
    assert (
        bench.ask("PUT", "/api/v1/models/tg/versions/1.1.0/retirement", {"reason": "it leads"}, **operator).status
        == 409
    )
    reply = bench.ask(
        "PUT", "/api/v1/models/tg/versions/1.0.0/retirement", {"reason": "wrong melting points"}, **operator
    )

    assert reply.status == 200
    assert put(bench, "1.0.0", operator).status == 409


def test_challenger_answers_its_share_by_request_id_and_always_the_same(bench, operator):
    assert put(bench, "1.0.0", operator, alias="challenger", share=0.3).status == 200

    versions = [bench.infer([1.0], id=f"r{n}").json["model_version"] for n in range(400)]

    again = [bench.infer([1.0], id=f"r{n}").json["model_version"] for n in range(400)]
    assert versions == again
    assert 0.2 < versions.count("1.0.0") / 400 < 0.4
    by_smiles = [
        bench.ask(
            "POST", "/api/v1/predictions", {"target": "tg", "inputs": [{"smiles": "CCO"}]}, x_request_id=f"r{n}"
        ).json["model"]["version"]
        for n in range(100)
    ]
    assert set(by_smiles) == {"1.0.0", "1.1.0"}


def test_shadow_computes_unseen(bench, operator):
    put(bench, "1.0.0", operator, alias="challenger", shadow=True)

    reply = bench.infer([1.0])
    bench.predict("CCO")
    bench.ask("GET", "/livez")

    assert reply.json["model_version"] == "1.1.0"
    labels = {"model": "tg", "version": "1.0.0"}
    assert bench.metric("cryo_model_shadow_difference_sum", **labels) == pytest.approx(200.0, abs=0.1)
    assert bench.metric("cryo_model_shadow_difference_count", **labels) == 2


def test_challenger_is_sent_home(bench, operator):
    put(bench, "1.0.0", operator, alias="challenger", share=1.0)

    reply = bench.ask("DELETE", "/api/v1/models/tg/aliases/challenger", {"reason": "no better at all"}, **operator)

    assert reply.json == {"model": "tg", "aliases": {"champion": "1.1.0"}, "challenger_share": 0.0, "shadow": False}
    assert bench.infer([1.0]).json["model_version"] == "1.1.0"


def test_only_the_challenger_can_be_cleared(bench, operator):
    reply = bench.ask("DELETE", "/api/v1/models/tg/aliases/champion", {"reason": "no better at all"}, **operator)

    assert reply.status == 409
