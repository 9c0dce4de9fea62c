"""The command line teaches itself, and every foreseen error is one message with its exit code."""

import json

import pytest
import typer

from agents.runtime.errors import SettingsError
from cryo import app as program
from cryo import tools
from cryo.errors import FORESEEN, PermanentCryoError, TemporaryCryoError
from cryo.output import Speaker, fail
from toolchain.errors import PermanentToolchainError, TemporaryToolchainError

COMMANDS = (
    "up",
    "down",
    "status",
    "urls",
    "token",
    "logs",
    "env",
    "pulumi",
    "toolchain",
    "images",
    "scan",
    "drift",
    "preview",
    "model",
    "migrate",
    "release",
    "flags",
)


def test_help_names_every_command(capsys):
    assert program.run(["--help"]) == 0

    said = capsys.readouterr().out
    assert [name for name in COMMANDS if f"\n  {name} " not in said] == []


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "pulumi"])
def test_every_command_explains_itself(capsys, name):
    assert program.run([name, "--help"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 4


@pytest.mark.parametrize("argv", [["no-such-command"], ["up", "--no-such-option"], ["logs"]])
def test_wrong_usage_ends_with_2(argv):
    assert program.run(argv) == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermanentCryoError("a: b; c"), 70),
        (TemporaryCryoError("a: b; c"), 75),
        (PermanentToolchainError("a: b; c"), 70),
        (TemporaryToolchainError("a: b; c"), 75),
        (SettingsError("a: b; c"), 70),
    ],
)
def test_error_of_any_package_ends_with_its_own_code(capsys, error, code):
    assert isinstance(error, FORESEEN)
    assert fail(error, as_json=True) == code

    streams = capsys.readouterr()
    assert streams.err == "cryo: a: b; c\n"
    assert json.loads(streams.out) == {"error": {"message": "a: b; c", "exit_code": code}}


def test_wrong_cluster_kind_is_one_message_and_70(capsys, monkeypatch):
    monkeypatch.setenv("CLUSTER", "k3s")

    assert program.run(["urls"]) == 70
    assert "CLUSTER=k3s" in capsys.readouterr().err


def test_interrupt_says_that_the_same_command_goes_on(capsys, monkeypatch):
    def interrupted() -> typer.Typer:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "build", interrupted)

    assert program.run(["up"]) == 75
    assert "run the same command again" in capsys.readouterr().err


def test_defect_keeps_its_traceback(monkeypatch):
    def broken() -> typer.Typer:
        raise ZeroDivisionError

    monkeypatch.setattr(program, "build", broken)

    with pytest.raises(ZeroDivisionError):
        program.run(["up"])


def test_progress_never_mixes_with_the_result(capsys):
    speaker = Speaker(as_json=True)
    speaker.step("half way")
    speaker.result({"done": True}, "done")

    streams = capsys.readouterr()
    assert json.loads(streams.out) == {"done": True}
    assert streams.err.endswith("half way\n")


def test_urls_are_those_of_the_environment_file(capsys):
    assert program.run(["urls", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"] == "http://127.0.0.1:8080/api/v1/predictions"


def test_env_names_no_secret_but_the_file_that_holds_it(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("CRYO_HOME", str(tmp_path))
    monkeypatch.setattr(tools, "get_tools", lambda *_: tools.Tools({}))
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)

    assert program.run(["env", "--json"]) == 0

    variables = json.loads(capsys.readouterr().out)
    assert variables["PULUMI_CONFIG_PASSPHRASE_FILE"].endswith("/pulumi/passphrase")
    assert "PULUMI_CONFIG_PASSPHRASE" not in variables
