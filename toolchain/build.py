"""Builds the pinned Go tools once and keeps them in a cache keyed by the hash of everything that went in."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from toolchain.cluster.lock import exclusive
from toolchain.errors import PermanentToolchainError
from toolchain.golang import Go, find_go
from toolchain.pins import Binary, ModulePatch, Tool
from toolchain.process import Command, run_command

Report = Callable[[str], None]

KEY_LENGTH = 16
# Measured: 4.5 GB of build cache and modules at the end of a cold build of all tools.
DISK_NEEDED_BYTES = 6_000_000_000


@dataclass(frozen=True, slots=True)
class ToolStep:
    """What happens to one tool and why."""

    tool: Tool
    folder: Path
    cached: bool

    @property
    def because(self) -> str:
        """Reason, for people."""
        return "cached" if self.cached else f"not built yet from these inputs ({self.folder.name})"


def input_key(tool: Tool, go_version: str) -> str:
    """Hash of everything that decides the outcome: the tool's files, its entry and the compiler's version."""
    digest = hashlib.sha256(f"{go_version}\n{_entry(tool)}\n".encode())
    for folder in tool.folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(folder)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:KEY_LENGTH]


def plan_build(tools: Iterable[Tool], cache: Path, go_version: str) -> tuple[ToolStep, ...]:
    """Decide for each tool whether it must be built.

    Args:
        tools: what is needed.
        cache: the platform's cache folder.
        go_version: version of the compiler that would build.
    """
    steps = []
    for tool in tools:
        folder = cache / "toolchain" / f"{tool.name}-{input_key(tool, go_version)}"
        steps.append(ToolStep(tool, folder, cached=folder.exists()))
    return tuple(steps)


def build_tools(tools: tuple[Tool, ...], cache: Path, report: Report) -> tuple[Path, ...]:
    """Build what is missing.

    Args:
        tools: what is needed.
        cache: the platform's cache folder.
        report: told what is built, how long it takes, and how long it took.

    Returns:
        The folder of each tool, in the order of `tools`; programs lie below `bin`.

    Raises:
        CommandFailedError: the compiler refused; the message holds its last lines and the log.
        PermanentToolchainError: no Go, or not enough space.
    """
    log = cache / "toolchain" / "build.log"
    go = find_go(cache, log)
    steps = plan_build(tools, cache, go.version)
    missing = [step for step in steps if not step.cached]
    if missing:
        with exclusive(cache / "toolchain" / ".lock"):
            _check_space(cache)
            _remove_abandoned(cache / "toolchain")
            expected_min = max(1, round(sum(step.tool.expected_s for step in missing) / 60))
            names = ", ".join(step.tool.name for step in missing)
            report(f"building {names}: about {expected_min} min on 2 idle cores, once; output in {log}")
            for number, step in enumerate(missing, 1):
                report(f"[{number}/{len(missing)}] {step.tool.name}: {step.tool.purpose}")
                began_at = time.monotonic()
                _build_one(step, _GoCall(go, log))
                report(f"{step.tool.name}: built in {time.monotonic() - began_at:.0f} s")
    return tuple(step.folder for step in steps)


@dataclass(frozen=True, slots=True)
class _GoCall:
    """The compiler and the log that its calls go to."""

    go: Go
    log: Path

    def run(self, *arguments: str, cwd: Path, static: bool = False) -> str:
        # go.sum is complete and the modules' versions are fixed: a build never rewrites them.
        settings = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
        if static:
            settings["CGO_ENABLED"] = "0"
        path = f"{self.go.program.parent}:{os.environ.get('PATH', '')}"
        environment = {**os.environ, **settings, "PATH": path}
        return run_command(Command((str(self.go.program), *arguments), self.log, cwd=cwd, env=environment))

    def module_folder(self, module: str, source: Path) -> Path:
        return Path(json.loads(self.run("mod", "download", "-json", module, cwd=source))["Dir"])


def _build_one(step: ToolStep, go: _GoCall) -> None:
    tool = step.tool
    temporary = step.folder.with_name(f".building-{step.folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    for folder in tool.folders:
        shutil.copytree(folder, temporary / "source" / folder.name)
    source = temporary / "source" / tool.folder.name
    for patch in tool.patches:
        _apply_patch(patch, source, go)
    for binary in tool.binaries:
        pins = source if binary.pinned_by is None else temporary / "source" / binary.pinned_by
        _compile(binary, tool.tags, pins, temporary / "bin", go)
    for copy in tool.copies:
        _copy_from_module(go.module_folder(copy.module, source) / copy.path, temporary / copy.output)
    shutil.rmtree(temporary / "source")
    # The rename is the one moment at which the tool begins to exist: a kill before it leaves nothing to mistake.
    temporary.replace(step.folder)


def _compile(binary: Binary, tags: tuple[str, ...], source: Path, output: Path, go: _GoCall) -> None:
    sets = " ".join(f"-X {name}={value}" for name, value in binary.variables.items())
    output.mkdir(parents=True, exist_ok=True)
    flags = ["-trimpath", "-buildvcs=false", f"-ldflags=-s -w {sets}".rstrip(), f"-tags={','.join(tags)}"]
    go.run("build", *flags, "-o", str(output / binary.output), binary.package, cwd=source, static=binary.static)


def _apply_patch(patch: ModulePatch, source: Path, go: _GoCall) -> None:
    copy = source / "patched" / patch.module.replace("/", "_")
    _copy_from_module(go.module_folder(patch.module, source), copy)
    for target, stand_in in patch.replace.items():
        if not (copy / target).exists():
            message = f"{patch.module}: no file {target} in the pinned version; adapt tools.toml and {stand_in}"
            raise PermanentToolchainError(message)
        shutil.copyfile(source / stand_in, copy / target)
    go.run("mod", "edit", f"-replace={patch.module}=./{copy.relative_to(source)}", cwd=source)


def _copy_from_module(source: Path, target: Path) -> None:
    """Copy out of Go's module cache, whose files are read-only."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_file():
        shutil.copyfile(source, target)
        target.chmod(0o755)
        return
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for folder in (target, *(path for path in target.rglob("*") if path.is_dir())):
        folder.chmod(0o755)


def _entry(tool: Tool) -> str:
    return repr((tool.tags, tool.binaries, tool.copies, tool.patches))


def _check_space(cache: Path) -> None:
    free = shutil.disk_usage(cache).free
    if free < DISK_NEEDED_BYTES:
        message = (
            f"{cache}: {free / 1e9:.1f} GB free, {DISK_NEEDED_BYTES / 1e9:.0f} GB needed to build the tools; "
            "free space or set CRYO_CACHE to a larger disk"
        )
        raise PermanentToolchainError(message)


def _remove_abandoned(folder: Path) -> None:
    for abandoned in folder.glob(".building-*"):
        shutil.rmtree(abandoned)
