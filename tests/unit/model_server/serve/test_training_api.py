"""Training jobs as callers see them: ordering, listing, cancelling, and who may."""

import pytest

from model_server.data.manifest import load_manifest
from model_server.errors import SettingInvalidError
from model_server.jobs.job import MAX_QUEUED, begin
from model_server.jobs.order import DEFAULT_SEED
from model_server.jobs.progress import StepLine, append_line
from model_server.registry.opening import open_store
from model_server.serve.settings import ServeSettings
from model_server.serve.training import build_desk

JOBS = "/api/v1/training-jobs"
FIELDS = {
    "id", "model", "version", "state", "step", "steps_done", "steps_total", "message", "seed", "trials", "experiments",
    "who", "reason", "created_at", "started_at", "finished_at", "error", "digest", "promotable", "because",
}  # fmt: skip


@pytest.fixture
def data_dir(tmp_path):
    """A folder in which the Tg set seems to be; nothing is trained here."""
    path = tmp_path / "data" / load_manifest("tg_koop").path
    path.parent.mkdir(parents=True)
    path.write_text("not read here")
    return tmp_path / "data"


@pytest.fixture
def training(make_bench, data_dir):
    return make_bench(trainer="process", data_dir=data_dir)


@pytest.fixture
def order(training, operator):
    def order(version="2.0.0", **changes):
        body = {"model": "tg", "version": version, "reason": "more sugars measured", **changes}
        return training.ask("POST", JOBS, body, **operator)

    return order


def test_order_is_taken_and_shown(training, order):
    reply = order(seed=7, trials=3)

    assert reply.status == 202
    assert set(reply.json) == FIELDS
    assert (reply.json["state"], reply.json["seed"], reply.json["trials"]) == ("queued", 7, 3)
    assert (reply.json["who"], reply.json["reason"]) == ("service", "more sugars measured")
    assert training.ask("GET", f"{JOBS}/{reply.json['id']}").json == reply.json
    assert training.ask("GET", JOBS).json == {"jobs": [reply.json], "next": None}


def test_experiments_are_learnt_from_where_some_are_kept(training, order, operator):
    refused = order(experiments=True)
    row = {
        "experiment_id": "x-1", "measured_on": "2026-11-02", "property_name": "glass_transition_temperature",
        "value": 190.0, "unit": "K", "components": [{"name": "glycerol", "amount": 1, "unit": "mole fraction"}],
    }  # fmt: skip
    sent = training.ask("POST", "/api/v1/experiments", {"rows": [row]}, **operator)

    assert (refused.status, refused.error["code"], refused.error["path"]) == (409, "experiments_missing", "experiments")
    assert sent.status == 200, sent.json
    assert order(experiments=True).json["experiments"] is True


def test_seed_is_said_even_when_it_was_not_given(order):
    assert order().json["seed"] == DEFAULT_SEED


def test_jobs_are_listed_newest_first_page_by_page(training, order):
    ids = sorted((order(f"2.{number}.0").json["id"] for number in range(5)), reverse=True)

    found, target = [], f"{JOBS}?limit=2"
    while target:
        page = training.ask("GET", target).json
        found += [job["id"] for job in page["jobs"]]
        target = f"{JOBS}?limit=2&after={page['next']}" if page["next"] else None

    assert found == ids


def test_running_job_tells_its_step(training, order):
    job_id = order().json["id"]
    keeper = training.worker.keeper
    keeper._ledger.change(job_id, lambda job: begin(job, "2026-11-24T12:00:00Z"))
    append_line(keeper._workspaces.of(job_id).progress, StepLine("accuracy", 1, 7, "5 repeats by compound"))

    job = training.ask("GET", f"{JOBS}/{job_id}").json

    assert (job["state"], job["step"], job["steps_done"], job["steps_total"]) == ("running", "accuracy", 1, 7)
    assert job["message"] == "5 repeats by compound"


@pytest.mark.parametrize("body", [None, {}, {"reason": "wrong version number"}])
def test_queued_job_is_cancelled_with_or_without_a_reason(training, order, operator, body):
    job_id = order().json["id"]

    reply = training.ask("DELETE", f"{JOBS}/{job_id}", body, **operator)

    assert (reply.status, reply.json["state"]) == (200, "cancelled")
    assert reply.json["error"].startswith("cancelled by service: ")
    again = training.ask("DELETE", f"{JOBS}/{job_id}", body, **operator)
    assert (again.status, again.error["code"]) == (409, "job_over")


@pytest.mark.parametrize(
    ("changes", "status", "code", "path"),
    [
        pytest.param({"model": "nonsense"}, 422, "unknown_model", "model", id="unknown model"),
        pytest.param({"version": "2.0"}, 422, "invalid_request", "version", id="no version"),
        pytest.param({"version": "2.0.0/../x"}, 422, "invalid_request", "version", id="path as version"),
        pytest.param({"version": "1.1.0"}, 409, "version_exists", "version", id="version exists"),
        pytest.param({"reason": "short"}, 422, "invalid_request", "reason", id="no reason"),
        pytest.param({"trials": 51}, 422, "invalid_request", "trials", id="too many trials"),
        pytest.param({"seed": -1}, 422, "invalid_request", "seed", id="negative seed"),
        pytest.param({"seed": 2**31}, 422, "invalid_request", "seed", id="seed too large"),
        pytest.param({"surprise": 1}, 422, "invalid_request", None, id="unknown key"),
        pytest.param({"model": "iri-amino"}, 409, "dataset_missing", None, id="no data"),
    ],
)
def test_order_that_cannot_be_carried_out_is_refused(training, order, changes, *, status, code, path):
    reply = order(**changes)

    assert (reply.status, reply.error["code"], reply.error.get("path")) == (status, code, path)
    assert training.ask("GET", JOBS).json["jobs"] == []


def test_double_is_refused_and_the_queue_has_an_end(order):
    for number in range(MAX_QUEUED):
        assert order(f"3.{number}.0").status == 202

    double, full = order("3.0.0"), order("4.0.0")

    assert (double.status, double.error["code"]) == (409, "registry_refused")
    assert (full.status, full.error["code"], full.headers["retry-after"]) == (503, "queue_full", "60")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", JOBS, {"model": "tg", "version": "2.0.0", "reason": "more sugars"}),
        ("DELETE", f"{JOBS}/20261124-120000-aaaaaa", None),
    ],
)
def test_only_operators_order_and_cancel(training, method, path, body):
    assert training.ask(method, path, body).status == 401


def test_unknown_job_is_not_found(training, operator):
    for method in ("GET", "DELETE"):
        reply = training.ask(method, f"{JOBS}/20261124-120000-aaaaaa", **(operator if method == "DELETE" else {}))
        assert (reply.status, reply.error["code"]) == (404, "unknown_job")


def test_server_that_trains_nothing_says_what_to_set(bench, operator):
    body = {"model": "tg", "version": "2.0.0", "reason": "more sugars measured"}

    reply = bench.ask("POST", JOBS, body, **operator)

    assert (reply.status, reply.error["code"]) == (409, "training_unavailable")
    assert "CRYO_TRAINER" in reply.error["message"]
    assert bench.ask("GET", JOBS).json == {"jobs": [], "next": None}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"trainer": "process"}, "CRYO_REGISTRY_DIR"),
        ({"trainer": "process", "registry_dir": "r", "model_keys": "k"}, "CRYO_MODEL_KEYS"),
    ],
)
def test_training_without_what_it_needs_stops_the_start(settings, complaint, tmp_path):
    paths = {name: tmp_path / value for name, value in settings.items() if name != "trainer"}

    wanted = ServeSettings(trainer=settings["trainer"], **paths)

    with pytest.raises(SettingInvalidError, match=complaint):
        build_desk(wanted, open_store(wanted.registry))
