"""The engine that builds, as calls: which references it holds, build one, export one, forget old ones."""

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import CommandFailedError
from toolchain.images.engine import (
    BuildCall,
    EngineFacts,
    EngineName,
    EnginePaths,
    build_argv,
    buildah,
    choose_storage_driver,
    export_argv,
    list_argv,
    prune_argv,
    remove_argv,
)
from toolchain.images.request import Layout
from toolchain.images.spec import REPOSITORY_PREFIX
from toolchain.process import Command, run_command

# Chosen: the slowest cold build took 60 s; a mirror that hangs shows after half an hour, not never.
BUILD_TIMEOUT_S = 1800
CALL_TIMEOUT_S = 300
PROBE_TIMEOUT_S = 20

# Nothing is pulled but what a person pinned by digest, so there is no signature to ask for.
ACCEPT_ANYTHING = '{"default": [{"type": "insecureAcceptAnything"}]}\n'


@dataclass(frozen=True, slots=True)
class Store:
    """An engine with its storage."""

    engine: EngineName
    paths: EnginePaths
    log: Path

    def references(self) -> frozenset[str]:
        """List our images in the storage."""
        listed = self._call(list_argv(self.engine, self.paths), self.log).split()
        return frozenset(reference for reference in listed if reference.startswith(REPOSITORY_PREFIX))

    def build(self, call: BuildCall, log: Path) -> None:
        """Build one image under its reference."""
        argv = build_argv(self.engine, call, self.paths)
        run_command(Command(argv, log=log, timeout_s=BUILD_TIMEOUT_S, live=True, name=self.engine))

    def export(self, reference: str, archive: Path, log: Path) -> None:
        """Write one image as an OCI archive."""
        self._call(export_argv(self.engine, reference, archive, self.paths), log)

    def forget(self, references: Iterable[str]) -> None:
        """Remove images that nothing needs any more."""
        doomed = sorted(references)
        if doomed:
            self._call(remove_argv(self.engine, doomed, self.paths), self.log)

    def drop_leftovers(self) -> None:
        """Remove the working containers of a build that was killed; the storage is ours alone, so all are stale."""
        if self.engine is EngineName.BUILDAH and self.paths.storage.exists():
            self._call(buildah(self.paths, "rm", "--all"), self.log)

    def drop_stages(self) -> None:
        """Remove the kept layers of build stages; only from storage that is ours alone."""
        if self.engine is EngineName.BUILDAH:
            self._call(prune_argv(self.paths), self.log)

    def _call(self, argv: Sequence[str], log: Path) -> str:
        return run_command(Command(argv, log=log, timeout_s=CALL_TIMEOUT_S, name=self.engine))


def open_store(layout: Layout, engine: EngineName) -> Store:
    """Prepare an engine's storage and configuration below the builder's own folder."""
    configuration = layout.work / "engine"
    configuration.mkdir(parents=True, exist_ok=True)
    policy, registries = configuration / "policy.json", configuration / "registries.conf"
    policy.write_text(ACCEPT_ANYTHING, encoding="utf-8")
    registries.write_text("", encoding="utf-8")
    driver = choose_storage_driver(Path("/proc/self/mountinfo").read_text(encoding="utf-8"), layout.storage)
    paths = EnginePaths(layout.storage, configuration / "run", policy, registries, driver)
    return Store(engine, paths, layout.logs / "engine.log")


def probe_engines(log: Path) -> EngineFacts:
    """Find out which engines work here."""
    return EngineFacts(
        root=os.geteuid() == 0,
        buildah=shutil.which("buildah") is not None,
        podman=_answers(["podman", "info"], log),
        docker=_answers(["docker", "version", "--format", "{{.Server.Version}}"], log),
    )


def _answers(argv: Sequence[str], log: Path) -> bool:
    if shutil.which(argv[0]) is None:
        return False
    try:
        run_command(Command(argv, log=log, timeout_s=PROBE_TIMEOUT_S))
    except CommandFailedError:
        # Installed, but its engine is not running; the log keeps the reason.
        return False
    return True
