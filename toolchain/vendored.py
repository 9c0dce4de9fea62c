"""Files of npm packages that are kept in the repository: where they came from, and that they still are what came.

A machine that runs the platform has no Node and asks no content delivery network; only the person who raises a version
runs this program, with npm at hand.
"""

import base64
import hashlib
import io
import shutil
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import PermanentToolchainError, ToolchainError
from toolchain.process import Command, run_command

LIST_FILE = "vendor.toml"
# Chosen: the largest tarball has 2 MB; npm also resolves and may retry.
PACK_TIMEOUT_S = 180.0


@dataclass(frozen=True, slots=True)
class Package:
    """One package and what is taken from it.

    Attributes:
        name: in the npm registry.
        version: exact.
        licence: SPDX identifier.
        integrity: sha512 of the tarball in the registry's own notation.
        sources: path in the tarball by file name here.
        hashes: sha256 by file name here.
    """

    name: str
    version: str
    licence: str
    integrity: str
    sources: Mapping[str, str]
    hashes: Mapping[str, str]


def read_list(path: Path) -> tuple[Package, ...]:
    """Read vendor.toml.

    Raises:
        PermanentToolchainError: absent, not TOML, or an entry is incomplete.
    """
    try:
        entries = tomllib.loads(path.read_text())["package"]
        return tuple(
            Package(
                entry["name"],
                entry["version"],
                entry["licence"],
                entry["integrity"],
                {file["name"]: file["source"] for file in entry["file"]},
                {file["name"]: file["sha256"] for file in entry["file"]},
            )
            for entry in entries
        )
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        message = f"{path}: {error}; every package needs name, version, licence, integrity and files with hashes"
        raise PermanentToolchainError(message) from error


def find_differences(folder: Path, packages: tuple[Package, ...]) -> tuple[str, ...]:
    """Compare a folder with its list: changed, absent and unlisted files, one sentence each."""
    hashes = {name: digest for package in packages for name, digest in package.hashes.items()}
    there = {path.name for path in folder.iterdir()} - {LIST_FILE}
    problems = [f"{name} is in no package of {LIST_FILE}" for name in sorted(there - set(hashes))]
    for name, expected in sorted(hashes.items()):
        if name not in there:
            problems.append(f"{name} is absent")
            continue
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if found != expected:
            problems.append(f"{name} has sha256 {found}, {LIST_FILE} says {expected}")
    return tuple(problems)


def unpack(package: Package, tarball: bytes) -> dict[str, bytes]:
    """Take the listed files out of a tarball whose integrity and whose files' hashes are right.

    Raises:
        PermanentToolchainError: the tarball or a file is another one than the list says.
    """
    found = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    if found != package.integrity:
        message = f"{package.name} {package.version}: tarball has {found}, the list says {package.integrity}"
        raise PermanentToolchainError(message)
    contents: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(tarball), mode="r:gz") as archive:
        for name, source in package.sources.items():
            try:
                stream = archive.extractfile(f"package/{source}")
            except KeyError as error:
                message = f"{package.name} {package.version} holds no {source}; correct {LIST_FILE}"
                raise PermanentToolchainError(message) from error
            content = stream.read() if stream else b""
            digest = hashlib.sha256(content).hexdigest()
            if digest != package.hashes[name]:
                message = f"{package.name} {package.version}: {source} has sha256 {digest}; correct {LIST_FILE}"
                raise PermanentToolchainError(message)
            contents[name] = content
    return contents


def fetch(package: Package, log: Path) -> bytes:
    """Get a package's tarball from the registry that npm is set up for.

    Raises:
        PermanentToolchainError: npm is absent or refused.
    """
    if shutil.which("npm") is None:
        message = "npm not found: only raising a vendored version needs it; install Node"
        raise PermanentToolchainError(message)
    with tempfile.TemporaryDirectory() as folder:
        argv = ("npm", "pack", "--silent", f"{package.name}@{package.version}")
        run_command(Command(argv, log, cwd=Path(folder), timeout_s=PACK_TIMEOUT_S))
        [tarball] = Path(folder).glob("*.tgz")
        return tarball.read_bytes()


def main(folder: Path) -> int:
    """Write every listed file of a folder anew; nothing is written unless all of them are right."""
    try:
        packages = read_list(folder / LIST_FILE)
        with tempfile.TemporaryDirectory() as logs:
            fetched = [unpack(package, fetch(package, Path(logs) / "npm.log")) for package in packages]
    except ToolchainError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program for a terminal
        return error.exit_code
    for contents in fetched:
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    problems = find_differences(folder, packages)
    print("\n".join(problems) or f"{folder}: {len(packages)} packages in place")  # noqa: T201 - as above
    return 70 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
