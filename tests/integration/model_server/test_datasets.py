"""`cryo data push` brings the real data folder to a real server, once."""

import shutil

import pytest

from cryo.app import run
from model_server.data.manifest import load_manifest, manifest_names


@pytest.fixture
def push(server, operator, tmp_path, monkeypatch):
    token = tmp_path / "token"
    token.write_text(operator["authorization"].split()[1])
    monkeypatch.delenv("CRYO_DATA_DIR", raising=False)

    def push(folder, *more):
        return run(
            ["data", "push", "--data-dir", str(folder), "--server", server.url, "--token-file", str(token), *more]
        )

    return push


def test_folder_is_pushed_once_by_an_operator_and_a_damaged_file_is_never_sent(push, data_dir, tmp_path, capsys):
    path = load_manifest("iri_amino").path
    damaged = tmp_path / "damaged"
    (damaged / path).parent.mkdir(parents=True)
    (damaged / path).write_text("something else")
    assert push(damaged) == 70
    assert "the manifest says" in capsys.readouterr().err

    partial = tmp_path / "partial"
    (partial / path).parent.mkdir(parents=True)
    shutil.copyfile(data_dir / path, partial / path)
    wrong = tmp_path / "wrong"
    wrong.write_text("w" * 40)
    assert push(partial, "--token-file", str(wrong)) == 70
    assert "401" in capsys.readouterr().err
    assert push(partial) == 0
    said = dict(line.split(": ") for line in capsys.readouterr().out.splitlines())
    assert said["iri_amino"] == "pushed"
    assert set(said.values()) == {"pushed", "not in the folder"}

    assert push(data_dir) == 0
    said = dict(line.split(": ") for line in capsys.readouterr().out.splitlines())
    assert said["iri_amino"] == "present"
    assert set(said) == set(manifest_names())
    assert push(data_dir) == 0
    assert {line.split(": ")[1] for line in capsys.readouterr().out.splitlines()} == {"present"}


def test_server_that_is_away_is_one_error_to_try_again(push, data_dir, capsys):
    assert push(data_dir, "--server", "http://127.0.0.1:1") == 75
    assert "cryo status" in capsys.readouterr().err
