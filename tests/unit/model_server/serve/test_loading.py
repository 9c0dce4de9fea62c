"""What is loaded follows the registry, and a bad version never replaces a good one."""

import shutil

import pytest
import structlog

from model_server.registry.record import Act, ModelRecord, VersionEntry
from model_server.serve.residence import Residence, plan_change, plan_residence, resolve_aliases

ACT = Act("2026-01-02T03:04:05Z", "ada", "better by two kelvins")


def record(aliases, *, served=True):
    entry = VersionEntry("sha256:a", promotable=True, because=(), registered=ACT)
    return ModelRecord(1, "tg", {"1.0.0": entry, "1.1.0": entry}, aliases, served=served)


@pytest.mark.parametrize(
    ("aliases", "pinned", "versions"),
    [
        ({"champion": "1.0.0"}, None, ("1.0.0",)),
        ({"champion": "1.1.0", "previous": "1.0.0"}, None, ("1.1.0", "1.0.0")),
        ({"champion": "1.1.0"}, "1.0.0", ("1.0.0",)),
        ({}, None, ()),
        ({}, "1.0.0", ("1.0.0",)),
    ],
)
def test_aliases_and_pins_decide_what_is_held(aliases, pinned, versions):
    wanted = plan_residence(record(aliases), pinned)

    assert wanted.versions == versions
    assert bool(wanted.because) is not bool(versions)


def test_model_unloaded_on_purpose_is_not_held():
    assert plan_residence(record({"champion": "1.0.0"}, served=False), None).versions == ()


def test_change_loads_what_is_missing_and_drops_what_is_over():
    wanted = plan_residence(record({"champion": "1.1.0"}), None)

    assert plan_change(wanted, ["1.0.0"]) == (("1.1.0",), ("1.0.0",))


def test_alias_whose_version_failed_to_load_stays_where_it_was():
    wanted = Residence({"champion": "1.1.0", "challenger": "2.0.0"}, ("1.1.0", "2.0.0"), None)

    assert resolve_aliases(wanted, ["1.0.0"], {"champion": "1.0.0"}) == {"champion": "1.0.0"}


def test_damaged_version_never_replaces_the_one_that_answers(make_bench, operator, models_dir, tmp_path):
    copied = shutil.copytree(models_dir, tmp_path / "copied")
    bench = make_bench(models_dir=copied)
    body = {"version": "1.0.0", "reason": "looks better to me"}
    (copied / "tg" / "1.0.0" / "model.onnx").write_bytes(b"damaged")

    refused = bench.ask("PUT", "/api/v1/models/tg/aliases/champion", body, **operator)

    assert (refused.status, refused.error["code"]) == (409, "artefact_invalid")
    assert bench.infer([1.0]).json["model_version"] == "1.1.0"


def test_version_damaged_after_promotion_leaves_the_old_one_answering(make_bench, operator, tmp_path):
    first, second = make_bench(), make_bench()
    body = {"version": "1.0.0", "reason": "looks better to me"}
    assert first.ask("PUT", "/api/v1/models/tg/aliases/champion", body, **operator).status == 200
    [stored] = (tmp_path / "registry" / "artefacts").glob("*/model.onnx")
    stored.write_bytes(b"damaged")

    with structlog.testing.capture_logs():
        second.run(second.worker.loading.refresh("tg"))

    assert second.infer([1.0]).json["model_version"] == "1.1.0"
    assert second.ask("GET", "/readyz").status == 200
    states = {s.version: s for s in second.worker.shelf.states("tg")}
    assert states["1.0.0"].state == "UNAVAILABLE"
    assert "sha256 is" in states["1.0.0"].reason
    labels = {"model": "tg", "version": "1.0.0", "outcome": "failure"}
    assert second.metric("cryo_model_loads_total", **labels) == 1


def test_version_in_use_answers_to_the_end_though_it_was_dropped(bench, operator):
    held = bench.worker.shelf.find("tg", status=404)
    for version in ("1.0.0", "1.2.0"):
        body = {"version": version, "reason": "looks better to me", "override": True}
        assert bench.ask("PUT", "/api/v1/models/tg/aliases/champion", body, **operator).status == 200

    states = {s.version: s.state.value for s in bench.worker.shelf.states("tg")}
    assert states == {"1.0.0": "READY", "1.1.0": "UNLOADING", "1.2.0": "READY"}
    assert held.name.version == "1.1.0"
    del held
    assert "1.1.0" not in {s.version for s in bench.worker.shelf.states("tg")}
