"""Data sets are known by their manifests, and a file is kept only if it is the one that its manifest means."""

import hashlib

import msgspec
import pytest

from model_server.data.manifest import load_manifest, manifest_names
from model_server.serve.api import datasets

PATH = "/api/v1/datasets"


def entries(bench):
    return {entry["name"]: entry for entry in bench.ask("GET", f"{PATH}?limit=100").json["datasets"]}


@pytest.fixture
def small_set(monkeypatch):
    """The Tg manifest, for a file of a few bytes: the real files are not part of the repository."""
    changed = msgspec.structs.replace(load_manifest("tg_koop"), sha256=hashlib.sha256(b"a,b\n").hexdigest())
    monkeypatch.setattr(datasets, "load_manifest", lambda name: changed if name == "tg_koop" else load_manifest(name))
    return changed


def test_every_manifest_is_listed_with_licence_citation_and_models(bench):
    found = entries(bench)

    assert set(found) == set(manifest_names())
    assert found["tg_koop"]["models"] == ["tg", "tg-tm"]
    assert all(entry["licence"] and entry["cite"] for entry in found.values())
    assert not any(entry["present"] for entry in found.values())


def test_list_is_paged(bench):
    page = bench.ask("GET", f"{PATH}?limit=3").json

    assert len(page["datasets"]) == 3
    assert page["next"] == page["datasets"][-1]["name"]


def test_right_file_is_kept_and_told(bench, small_set, operator, tmp_path):
    reply = bench.ask("PUT", f"{PATH}/tg_koop", b"a,b\n", **operator, content_type="application/octet-stream")

    assert (reply.status, reply.json["present"]) == (200, True)
    assert (tmp_path / "registry" / "datasets" / small_set.path).read_bytes() == b"a,b\n"
    assert entries(bench)["tg_koop"]["present"] is True


def test_other_file_is_refused_and_what_was_there_stays(bench, small_set, operator, tmp_path):
    bench.ask("PUT", f"{PATH}/tg_koop", b"a,b\n", **operator)

    reply = bench.ask("PUT", f"{PATH}/tg_koop", b"a,c\n", **operator)

    assert (reply.status, reply.error["code"]) == (422, "checksum_mismatch")
    folder = (tmp_path / "registry" / "datasets" / small_set.path).parent
    assert [(entry.name, entry.read_bytes()) for entry in folder.iterdir()] == [("Koop_dataset.csv", b"a,b\n")]


def test_file_damaged_on_the_volume_is_not_called_present(bench, small_set, operator, tmp_path):
    bench.ask("PUT", f"{PATH}/tg_koop", b"a,b\n", **operator)
    (tmp_path / "registry" / "datasets" / small_set.path).write_bytes(b"a")

    assert entries(bench)["tg_koop"]["present"] is False


def test_unknown_set_viewer_and_server_without_a_place_are_refused(bench, make_bench, operator):
    assert bench.ask("PUT", f"{PATH}/nonsense", b"x", **operator).status == 404
    assert bench.ask("PUT", f"{PATH}/tg_koop", b"x").status == 401
    closed = make_bench(registry_dir=None).ask("PUT", f"{PATH}/tg_koop", b"x", **operator)
    assert (closed.status, closed.error["code"]) == (409, "registry_refused")


def test_document_says_that_the_body_is_a_file(bench):
    document = bench.ask("GET", "/api/v1/openapi.json").json

    put = document["paths"][PATH + "/{name}"]["put"]
    assert list(put["requestBody"]["content"]) == ["application/octet-stream"]
    delete = document["paths"]["/api/v1/training-jobs/{job}"]["delete"]
    assert delete["requestBody"]["required"] is False
