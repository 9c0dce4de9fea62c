"""Holds a built image to the promises made for all of them: no root, no way to become root, no tools to build more."""

import re
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import PermanentToolchainError
from toolchain.images.archive import ArchivedImage, read_archive
from toolchain.images.spec import ImageSpec

SETUID_BITS = 0o6000
NUMERIC_USER = re.compile(r"[1-9][0-9]*(:[0-9]+)?")
# Programs that turn source into machine code, with Debian's prefixes and version suffixes.
COMPILER = re.compile(r"(^|/)([a-z0-9_]+-linux-gnu-)?(gcc|g\+\+|cc|c\+\+|clang|tcc|ld|as|rustc|go)(-[0-9.]+)?$")
COMPILER_FOLDERS = ("usr/bin/", "usr/local/bin/", "bin/", "usr/sbin/", "opt/app/site/bin/")
PIP = re.compile(r"(^|/)(pip|ensurepip)/__init__\.py$|(^|/)bin/pip[0-9.]*$")
# The machine that builds writes these for its own build steps; in a layer they would tell about it.
FROM_THE_BUILDER = ("etc/resolv.conf", "etc/hosts", "etc/hostname", "etc/apt/sources.list", "run/secrets")


@dataclass(frozen=True, slots=True)
class Verified:
    """A verified image: its name, manifest digest and sizes."""

    reference: str
    digest: str
    archive_bytes: int
    unpacked_bytes: int


def verify_image(spec: ImageSpec, archive: Path) -> Verified:
    """Check one archive.

    Args:
        spec: what was declared.
        archive: the OCI archive.

    Raises:
        PermanentToolchainError: the image breaks a promise; the message lists each.
    """
    image = read_archive(archive)
    problems = find_problems(spec, image)
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        message = f"image {spec.name} was built but not accepted; change images/{spec.name}/Containerfile:\n{listed}"
        raise PermanentToolchainError(message)
    return Verified(image.reference, image.digest, archive.stat().st_size, image.unpacked_bytes)


def find_problems(spec: ImageSpec, image: ArchivedImage) -> tuple[str, ...]:
    """List the promises that an image breaks. Pure."""
    problems: list[str] = []
    if NUMERIC_USER.fullmatch(image.user) is None:
        problems.append(f"runs as {image.user or 'root'!r}; a numeric user other than 0 is needed")
    if image.user != spec.user:
        problems.append(f"runs as {image.user!r}, but {spec.user!r} is declared")
    for path, file in sorted(image.files.items()):
        if file.is_regular and file.mode & SETUID_BITS:
            problems.append(f"/{path} has a setuid or setgid bit")
        if path.startswith(COMPILER_FOLDERS) and COMPILER.search(path):
            problems.append(f"/{path} is a compiler or linker")
        if PIP.search(path):
            problems.append(f"/{path} belongs to pip")
        if path.startswith(FROM_THE_BUILDER) and file.size_bytes > 0:
            problems.append(f"/{path} comes from the machine that built the image")
    return tuple(problems)
