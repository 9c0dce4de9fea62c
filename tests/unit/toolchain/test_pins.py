"""tools.toml says what is built; a broken file is one error that names the entry."""

import tomllib
from pathlib import Path

import pytest

from cryo.tools import PROVIDER_VERSION
from toolchain.errors import PermanentToolchainError
from toolchain.golang import parse_go_version
from toolchain.pins import TOOLS_FILE, read_tools, select_tools

ENTRY = """
[tools.thing]
folder = "thing"
purpose = "shows the form"
for = ["embedded"]
expected_s = 1
"""


def test_every_tool_of_the_repository_has_its_pins_beside_the_file():
    for tool in read_tools():
        assert (tool.folder / "go.mod").exists(), tool.name
        assert (tool.folder / "go.sum").exists(), tool.name
        assert tool.binaries or tool.copies, tool.name


def test_versions_of_engine_and_provider_match_the_python_packages_in_the_lock():
    packages = {entry["name"]: entry["version"] for entry in tomllib.loads(Path("uv.lock").read_text())["package"]}
    tools = {tool.name: tool for tool in read_tools()}

    engine = next(iter(tools["pulumi"].binaries[0].variables.values()))
    provider = (tools["pulumi-resource-kubernetes"].folder / "main.go").read_text()
    assert engine == f"v{packages['pulumi']}"
    assert f'const version = "{packages["pulumi-kubernetes"]}"' in provider
    assert packages["pulumi-kubernetes"] == PROVIDER_VERSION


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({"embedded"}, {"alertmanager", "kube", "coredns", "gateway-api", "prometheus"}),
        (
            {"current", "pulumi"},
            {"alertmanager", "gateway-api", "prometheus", "pulumi", "pulumi-resource-kubernetes"},
        ),
        (set(), set()),
    ],
)
def test_only_what_is_needed_is_selected(needs, expected):
    assert {tool.name for tool in select_tools(read_tools(), frozenset(needs))} == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("[tools.thing", "correct the file", id="not-toml"),
        pytest.param(ENTRY.replace("purpose", "porpoise"), "tools.thing", id="missing-key"),
        pytest.param(ENTRY + '[[tools.thing.binaries]]\noutput = "a"\n', "tools.thing", id="incomplete-binary"),
        pytest.param(ENTRY + '[[tools.thing.copies]]\nmodul = "a"\n', "tools.thing", id="unknown-key"),
    ],
)
def test_broken_file_is_one_error_that_names_the_entry(tmp_path, text, said):
    path = tmp_path / "tools.toml"
    path.write_text(text)

    with pytest.raises(PermanentToolchainError, match=said):
        read_tools(path)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27 linux/amd64", (1, 27, 0)),
        ("gccgo (Debian 12.2.0) 12.2.0", None),
    ],
)
def test_version_of_a_compiler_is_read_from_its_own_words(text, version):
    assert parse_go_version(text) == version


def test_the_tools_file_lies_where_its_folders_are():
    assert TOOLS_FILE.parent.name == "toolchain"
