"""Reads tools.toml: which Go tools are built, from which pinned modules, and for what."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolchain.errors import PermanentToolchainError

TOOLS_FILE = Path(__file__).with_name("tools.toml")


@dataclass(frozen=True, slots=True)
class Binary:
    """One program of a tool.

    Attributes:
        output: file name below `bin/`.
        package: Go import path, or one relative to the tool's folder.
        static: built without C, so that it runs in an empty image.
        variables: string variables that the linker sets.
        pinned_by: name of another folder beside tools.toml whose go.mod says the versions; None means the tool's own.
    """

    output: str
    package: str
    static: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    pinned_by: str | None = None


@dataclass(frozen=True, slots=True)
class ModuleCopy:
    """A file or folder taken as it is from a pinned module.

    Attributes:
        module: Go module path.
        path: what to take, below the module's root.
        output: where it goes, below the tool's folder in the cache.
    """

    module: str
    path: str
    output: str


@dataclass(frozen=True, slots=True)
class ModulePatch:
    """Files of a module that stand-ins from the tool's folder replace during the build."""

    module: str
    replace: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tool:
    """One pinned tool.

    Attributes:
        name: key in tools.toml.
        folder: where its go.mod and go.sum are.
        purpose: one line for people.
        needed_for: cluster kinds, or "pulumi".
        expected_s: wall time on 2 idle cores with an empty build cache.
        tags: Go build tags.
    """

    name: str
    folder: Path
    purpose: str
    needed_for: frozenset[str]
    expected_s: int
    tags: tuple[str, ...]
    binaries: tuple[Binary, ...]
    copies: tuple[ModuleCopy, ...]
    patches: tuple[ModulePatch, ...]

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder whose files decide the outcome, the tool's own first."""
        others = sorted({binary.pinned_by for binary in self.binaries if binary.pinned_by is not None})
        return (self.folder, *(self.folder.parent / other for other in others))


def read_tools(path: Path = TOOLS_FILE) -> tuple[Tool, ...]:
    """All tools in build order.

    Raises:
        PermanentToolchainError: the file is not TOML or an entry misses a key; the message names it.
    """
    try:
        document = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        message = f"{path}: {error}; correct the file"
        raise PermanentToolchainError(message) from error
    return tuple(_tool(path, name, entry) for name, entry in document.get("tools", {}).items())


def select_tools(tools: tuple[Tool, ...], needs: frozenset[str]) -> tuple[Tool, ...]:
    """The tools that serve at least one of the needs, such as {"embedded", "pulumi"}."""
    return tuple(tool for tool in tools if tool.needed_for & needs)


def _tool(path: Path, name: str, entry: Mapping[str, Any]) -> Tool:
    try:
        return Tool(
            name=name,
            folder=path.parent / entry["folder"],
            purpose=entry["purpose"],
            needed_for=frozenset(entry["for"]),
            expected_s=entry["expected_s"],
            tags=tuple(entry.get("tags", ())),
            binaries=tuple(Binary(**binary) for binary in entry.get("binaries", ())),
            copies=tuple(ModuleCopy(**copy) for copy in entry.get("copies", ())),
            patches=tuple(ModulePatch(**patch) for patch in entry.get("patches", ())),
        )
    except (KeyError, TypeError) as error:
        message = f"{path}: tools.{name}: missing or unknown key {error}; compare it with the other entries"
        raise PermanentToolchainError(message) from error
