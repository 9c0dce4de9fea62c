"""An experiment planted in a real database reaches the model server, is kept there, and a model is judged on it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

TOKEN = "s" * 40
PLANTED = Path(__file__).with_name("planted_experiments.sql")


@pytest.fixture
def planted(database, repository):
    apply = [sys.executable, "-m", "agents.migrate", "apply", "--migrations", str(repository / "migrations")]
    environ = {**os.environ, **database.environ}
    subprocess.run(apply, env=environ, check=True, capture_output=True, cwd=repository)
    with database.connect() as conn:
        conn.execute(PLANTED.read_text())
    return environ


@pytest.fixture
def server(tmp_path, repository):
    """The server process with the models that ship with the repository."""
    (tmp_path / "token").write_text(TOKEN)
    port = 20_000 + os.getpid() % 20_000
    url = f"http://127.0.0.1:{port}"
    environ = {
        **os.environ,
        "CRYO_BIND": f"127.0.0.1:{port}",
        "CRYO_MODELS": "tg,viability-wetlab",
        "CRYO_REGISTRY_DIR": str(tmp_path / "registry"),
        "CRYO_SERVICE_TOKEN_FILE": str(tmp_path / "token"),
        "CRYO_DRAIN_S": "0",
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "model_server.serve"], env=environ, cwd=repository, stdout=log, stderr=log
        )
    try:
        for _ in range(400):
            try:
                if httpx.get(f"{url}/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def export(environ, repository, *options):
    cryo = [sys.executable, "-m", "cryo.app", "data", "experiments", *options]
    return subprocess.run(cryo, env=environ, check=False, capture_output=True, text=True, cwd=repository)


def test_planted_experiment_is_exported_accepted_and_validated(planted, server, tmp_path, repository):
    push = ("--push", server, "--token-file", str(tmp_path / "token"))
    first, second = export(planted, repository, *push), export(planted, repository, *push)

    assert (first.returncode, first.stdout.strip()) == (0, "2 added, 0 changed, 0 unchanged"), first.stderr
    assert second.stdout.strip() == "0 added, 0 changed, 2 unchanged"
    assert "4 rows read, 2 usable, 2 left out" in first.stderr
    assert "needs the density of the solution" in first.stderr
    assert "its value is a text" in first.stderr

    head = {"authorization": f"Bearer {TOKEN}"}
    for model, actual in (("tg", 190.0), ("viability-wetlab", 70.0)):
        answer = httpx.post(
            f"{server}/api/v1/validations", json={"model": model, "experiments": {"from": "2026-03-01"}}, headers=head
        )
        assert answer.status_code == 200, answer.text
        [row] = answer.json()["validation"]["rows"]
        assert answer.json()["left_out"] == []
        drift = httpx.get(f"{server}/api/v1/drift?model={model}").json()
        assert drift["labels"]["count"] == 1
        assert drift["labels"]["mae"] == pytest.approx(abs(row["residual"]), abs=1e-3)
        assert abs(row["residual"]) < actual


def test_corrected_value_in_the_database_corrects_the_model_server(planted, server, database, tmp_path, repository):
    push = ("--push", server, "--token-file", str(tmp_path / "token"), "--since", "2026-03-02")
    assert export(planted, repository, *push).stdout.strip() == "1 added, 0 changed, 0 unchanged"
    with database.connect() as conn:
        conn.execute("update public.experiment_properties set numeric_value = 60 where numeric_value = 70")

    assert export(planted, repository, *push).stdout.strip() == "0 added, 1 changed, 0 unchanged"


def test_export_reads_only_and_names_what_is_missing(planted, repository, tmp_path):
    out = tmp_path / "rows.json"
    assert export(planted, repository, "--out", str(out)).returncode == 0
    assert out.read_text().count("experiment_id") == 2

    nowhere = {**planted, "CRYO_DB_HOST": ""}
    assert export(nowhere, repository).returncode == 70
    assert "CRYO_DB_HOST" in export(nowhere, repository).stderr
    assert export(planted, repository, "--push", "http://127.0.0.1:9").returncode == 70
    dead = export(
        planted, repository, "--push", "http://127.0.0.1:9", "--token-file", str(planted["CRYO_DB_PASSWORD_FILE"])
    )
    assert dead.returncode == 75
