"""Assembles the folder that an image is built from: its own files, code, Python packages and binaries."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from toolchain.images.inputs import list_tree
from toolchain.images.request import BuildRequest
from toolchain.images.spec import SITE_WITHOUT, ImageSpec, Tree
from toolchain.process import Command, own_program, run_command

# Python of Debian 13, and the C library it has at least.
PYTHON_VERSION = "3.13"
PYTHON_PLATFORM = "x86_64-manylinux_2_28"

# Chosen: the model server's 150 MB of wheels over a slow line.
INSTALL_TIMEOUT_S = 900


@dataclass(frozen=True, slots=True)
class ContextSources:
    """What a context is assembled from.

    Attributes:
        request: the repository and the binaries.
        requirements: pip requirements with hashes; None for an image without Python packages.
        log: where uv's output goes.
    """

    request: BuildRequest
    requirements: str | None
    log: Path


def assemble_context(spec: ImageSpec, context: Path, sources: ContextSources) -> None:
    """Fill an empty folder with exactly what the content hash covers.

    Raises:
        CommandFailedError: uv could not install the packages.
    """
    repository = sources.request.repository
    own = Path("images") / spec.name
    for relative in list_tree(repository, Tree(own.as_posix())):
        _copy(repository / relative, context / relative.relative_to(own))
    for tree in spec.trees:
        for relative in list_tree(repository, tree):
            _copy(repository / relative, context / relative)
    for binary in spec.binaries:
        _copy(sources.request.binaries[binary], context / "bin" / binary)
        (context / "bin" / binary).chmod(0o755)
    if sources.requirements is not None:
        install_site(sources.requirements, context / "site", sources.log)
        if spec.group is not None:
            prune_site(context / "site")


def install_site(requirements: str, site: Path, log: Path) -> None:
    """Install wheels with checked hashes for the image's Python, whatever Python this machine has."""
    argv = [own_program("uv"), "pip", "install", "--quiet", "--target", str(site), "--python-version", PYTHON_VERSION]
    argv += ["--python-platform", PYTHON_PLATFORM, "--only-binary", ":all:", "--require-hashes", "--no-deps"]
    argv += ["--requirements", "-"]
    run_command(Command(argv, log=log, stdin=requirements, timeout_s=INSTALL_TIMEOUT_S))


def prune_site(site: Path) -> None:
    """Remove what serving code never opens, and scripts that would need a shell."""
    for pattern in SITE_WITHOUT:
        for path in sorted(site.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
    target.chmod(0o755 if target.stat().st_mode & 0o100 else 0o644)
