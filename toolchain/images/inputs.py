"""Reads everything that goes into an image and digests it, under the label a person sees when it changed."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from toolchain.errors import PermanentToolchainError
from toolchain.images.content_hash import content_hash, file_digest, text_digest
from toolchain.images.index import write_atomically
from toolchain.images.plan import PARENT_LABEL
from toolchain.images.request import BuildRequest, Layout
from toolchain.images.spec import BASE, DEBIAN_REVISION, DEBIAN_SUITE, ImageSpec, Tree
from toolchain.process import Command, own_program, run_command

# Made by running or editing the code, or proving it; never part of an image nor of its hash.
NEVER_INPUT = (
    "__pycache__", "*.pyc", "*.pyo", "tests", ".*_cache", ".coverage*", ".DS_Store", "*.swp", "*~", "*.orig",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImageInputs:
    """The inputs of all images of one request.

    Attributes:
        digests: digest of each input by label, for each image.
        hashes: content hash of each image.
        requirements: pip requirements with hashes, for each image that has Python packages.
    """

    digests: dict[str, dict[str, str]] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    requirements: dict[str, str] = field(default_factory=dict)


def read_inputs(request: BuildRequest, layout: Layout, order: tuple[ImageSpec, ...]) -> ImageInputs:
    """Digest the inputs of each image, parents first.

    Raises:
        PermanentToolchainError: an input is missing.
        CommandFailedError: uv could not export a dependency group.
    """
    inputs = ImageInputs()
    for spec in order:
        digests = {f"{PARENT_LABEL}{parent}": inputs.hashes[parent] for parent in spec.parents}
        if spec.name == BASE:
            digests["base image"] = base_identity(request.base_image)
        for tree in (Tree(f"images/{spec.name}"), *spec.trees):
            digests |= digest_tree(request.repository, tree)
        for binary in spec.binaries:
            digests[f"binary {binary}"] = _digest_binary(binary, request.binaries)
        if spec.group is not None:
            requirements = export_group(request.repository, spec.group, layout)
            inputs.requirements[spec.name] = requirements
            digests[f"uv.lock group {spec.group}"] = text_digest(requirements)
        elif spec.requirements is not None:
            path = request.repository / "images" / spec.name / spec.requirements
            inputs.requirements[spec.name] = path.read_text(encoding="utf-8")
        inputs.digests[spec.name] = digests
        inputs.hashes[spec.name] = content_hash(spec, digests)
    return inputs


def base_identity(base_image: str | None) -> str:
    """Say what the base stands on: the pinned reference, or the Debian suite and the date of its packages."""
    return base_image if base_image is not None else f"debootstrap {DEBIAN_SUITE} {DEBIAN_REVISION}"


def list_tree(repository: Path, tree: Tree) -> Iterator[Path]:
    """List the files of a tree, relative to the repository, in a fixed order.

    Raises:
        PermanentToolchainError: the tree does not exist.
    """
    root = repository / tree.path
    if not root.exists():
        message = f"{tree.path} is missing in {repository}; an image needs it, so the checkout is incomplete"
        raise PermanentToolchainError(message)
    if not root.is_dir():
        yield Path(tree.path)
        return
    without = {root / path for path in tree.without}
    for name_of_folder, folders, files in os.walk(root):
        folder = Path(name_of_folder)
        folders[:] = sorted(name for name in folders if not _ignored(name) and folder / name not in without)
        for name in sorted(files):
            if not _ignored(name) and folder / name not in without:
                yield (folder / name).relative_to(repository)


def digest_tree(repository: Path, tree: Tree) -> dict[str, str]:
    """Digest each file of a tree."""
    digests: dict[str, str] = {}
    for relative in list_tree(repository, tree):
        path = repository / relative
        executable = bool(path.stat().st_mode & stat.S_IXUSR)
        digests[relative.as_posix()] = file_digest(path.read_bytes(), executable=executable)
    return digests


def export_group(repository: Path, group: str, layout: Layout) -> str:
    """Export one dependency group of uv.lock as pip requirements with hashes.

    The answer is kept by the content of the two files it comes from, so that an unchanged lock costs no call of uv.
    """
    lock = hashlib.sha256()
    for name in ("pyproject.toml", "uv.lock"):
        lock.update((repository / name).read_bytes())
    kept = layout.home / "requirements" / f"{group}-{lock.hexdigest()[:16]}.txt"
    if kept.exists():
        return kept.read_text(encoding="utf-8")
    argv = [own_program("uv"), "export", "--quiet", "--frozen", "--only-group", group, "--no-emit-project"]
    argv += ["--no-header", "--no-annotate", "--format", "requirements-txt"]
    requirements = run_command(Command(argv, log=layout.logs / "requirements.log", cwd=repository))
    for stale in kept.parent.glob(f"{group}-*.txt"):
        stale.unlink()
    write_atomically(kept, requirements)
    return requirements


def _digest_binary(name: str, binaries: Mapping[str, Path]) -> str:
    try:
        with binaries[name].open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        message = f"binary {name} cannot be read at {binaries[name]} ({error.strerror}); run `make toolchain`"
        raise PermanentToolchainError(message) from error


def _ignored(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in NEVER_INPUT)
