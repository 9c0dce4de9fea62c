"""`python -m model_server.registry`, called as the shell would call it."""

import io
import json

import pytest

from model_server.registry.commands import main


@pytest.fixture
def run(shipped, tmp_path, capsys):
    def call(*argv, code=0, **environment):
        out = io.StringIO()
        known = {"CRYO_MODELS_DIR": str(shipped), "CRYO_REGISTRY_DIR": str(tmp_path / "registry"), **environment}
        assert main([str(part) for part in argv], known, out) == code
        return out.getvalue() + capsys.readouterr().err

    return call


WHY = ("--who", "ada", "--why", "better on the held-out sugars")


def test_list_shows_every_model_with_its_aliases(run):
    assert "tg" in run("list")
    assert "champion 1.1.0" in run("list")
    assert json.loads(run("list", "--json"))[0]["name"] == "tg"


def test_promotion_is_shown_and_remembered(run):
    assert run("promote", "tg", "1.0.0", *WHY) == "tg: champion 1.0.0, previous 1.1.0\n"

    assert "1.0.0        champion" in run("show", "tg")
    history = run("history", "tg")
    assert "ada" in history
    assert "promote 1.0.0 (was 1.1.0): better on the held-out sugars" in history


def test_version_below_its_baseline_is_refused_with_exit_code_70(run):
    assert "override" in run("promote", "tg", "1.10.0", *WHY, code=70)
    assert "champion 1.10.0" in run("promote", "tg", "1.10.0", "--override", *WHY)
    assert "by override" in run("history", "tg")


def test_challenger_gets_a_share_and_is_sent_home(run):
    assert "challenger 1.0.0" in run("challenge", "tg", "1.0.0", "--share", "0.1", "--shadow", *WHY)
    assert json.loads(run("show", "tg", "--json"))["traffic"] == {"challenger_share": 0.1, "shadow": True}
    assert "challenger" not in run("clear", "tg", *WHY)


def test_retired_version_is_shown_as_such(run):
    run("retire", "tg", "1.0.0", *WHY)

    assert "1.0.0        retired" in run("show", "tg")


def test_release_is_signed_and_registered_with_a_new_key(run, trained, tmp_path):
    run("keygen", tmp_path / "mine")
    assert (tmp_path / "mine.private.pem").stat().st_mode & 0o777 == 0o600
    keys = {"CRYO_MODEL_KEYS": str(tmp_path / "mine.public.pem")}
    assert "not signed" in run("register", trained, *WHY, code=70, **keys)

    run("sign", trained, "--key", tmp_path / "mine.private.pem")

    assert "tg 2.0.0 sha256:" in run("register", trained, *WHY, **keys)
    assert "champion 2.0.0" in run("promote", "tg", "2.0.0", *WHY, **keys)
    assert "choose another prefix" in run("keygen", tmp_path / "mine", code=70)


@pytest.mark.parametrize("name", ["show", "history"])
def test_unknown_model_is_named_with_the_known_ones(run, name):
    assert "no model iri; known: tg" in run(name, "iri", code=70)
