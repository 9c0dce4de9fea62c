"""Tools are built once from their inputs, and a killed build leaves nothing that could be taken for one.

A real compiler builds a tiny module here; the pinned tools themselves are built by `make toolchain`.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from toolchain.build import build_tools, plan_build
from toolchain.cluster.lock import exclusive
from toolchain.errors import CommandFailedError, PermanentToolchainError, TemporaryToolchainError
from toolchain.golang import find_go
from toolchain.pins import read_tools

TOOLS = """
[tools.hello]
folder = "hello"
purpose = "prints its version"
for = ["embedded"]
expected_s = 1
[[tools.hello.binaries]]
output = "hello"
package = "."
static = true
variables = { "main.version" = "v1.2.3" }
"""
MAIN = 'package main\n\nvar version = "none"\n\nfunc main() { print(version) }\n'


@pytest.fixture
def tools_file(tmp_path):
    folder = tmp_path / "toolchain" / "hello"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module example.org/hello\n\ngo 1.26.0\n")
    (folder / "go.sum").touch()
    (folder / "main.go").write_text(MAIN)
    path = tmp_path / "toolchain" / "tools.toml"
    path.write_text(TOOLS)
    return path


@pytest.fixture(scope="module")
def compiler():
    """The compiler that `cryo toolchain` would use, so that a machine without Go installs it once for all tests."""
    cache = Path(os.environ.get("CRYO_CACHE") or "/var/cache/cryoprotect")
    return find_go(cache, cache / "toolchain" / "build.log").program.parent


@pytest.fixture
def cache(tmp_path, compiler, monkeypatch):
    monkeypatch.setenv("PATH", f"{compiler}:{os.environ['PATH']}")
    return tmp_path / "cache"


def build(tools_file: Path, cache: Path) -> tuple[Path, list[str]]:
    lines: list[str] = []
    (folder,) = build_tools(read_tools(tools_file), cache, lines.append)
    return folder, lines


def test_tool_is_built_with_its_variables_and_told_with_its_expected_time(tools_file, cache):
    folder, lines = build(tools_file, cache)

    printed = subprocess.run([folder / "bin" / "hello"], capture_output=True, check=True, text=True)
    assert printed.stderr == "v1.2.3"
    assert "about 1 min on 2 idle cores" in lines[0]


def test_second_run_builds_nothing_and_says_nothing(tools_file, cache):
    first, _ = build(tools_file, cache)

    assert build(tools_file, cache) == (first, [])


def test_changed_source_is_built_anew_beside_the_old(tools_file, cache):
    first, _ = build(tools_file, cache)
    (tools_file.parent / "hello" / "main.go").write_text(MAIN.replace("none", "some"))

    second, lines = build(tools_file, cache)

    assert second != first
    assert first.exists()
    assert lines


def test_compiler_error_is_told_with_its_last_lines_and_leaves_no_tool(tools_file, cache):
    (tools_file.parent / "hello" / "main.go").write_text("package main\n\nfunc main() { nonsense }\n")

    with pytest.raises(CommandFailedError, match="undefined: nonsense"):
        build(tools_file, cache)

    assert [path.name for path in (cache / "toolchain").glob("hello-*")] == []


def test_killed_build_leaves_nothing_half_installed_and_the_next_one_works(tools_file, cache):
    code = (
        "import pathlib\nfrom toolchain.build import build_tools\nfrom toolchain.pins import read_tools\n"
        f"build_tools(read_tools(pathlib.Path({str(tools_file)!r})), pathlib.Path({str(cache)!r}), print)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, start_new_session=True) as builder:
        deadline = time.monotonic() + 30
        while not list((cache / "toolchain").glob(".building-*")) and time.monotonic() < deadline:
            time.sleep(0.005)
        os.killpg(builder.pid, signal.SIGKILL)
    abandoned = list((cache / "toolchain").glob(".building-*"))

    go = find_go(cache, cache / "log")
    steps = plan_build(read_tools(tools_file), cache, go.version)
    assert abandoned
    assert [step.cached for step in steps] == [False]
    folder, _ = build(tools_file, cache)
    assert (folder / "bin" / "hello").exists()
    assert list((cache / "toolchain").glob(".building-*")) == []


def test_second_builder_is_turned_away_with_try_again(tools_file, cache):
    with exclusive(cache / "toolchain" / ".lock"), pytest.raises(TemporaryToolchainError, match="another cryo command"):
        build(tools_file, cache)


def test_patch_of_a_file_that_the_module_does_not_have_stops_the_build(tools_file, cache):
    with tools_file.open("a") as stream:
        stream.write(
            '[[tools.hello.patches]]\nmodule = "sigs.k8s.io/gateway-api"\nreplace = { "none.go" = "main.go" }\n'
        )
    pins = Path("toolchain/gateway-api")
    for name in ("go.mod", "go.sum"):
        (tools_file.parent / "hello" / name).write_text((pins / name).read_text())

    with pytest.raises(PermanentToolchainError, match=r"no file none\.go"):
        build(tools_file, cache)
