"""Reads an OCI image archive: its digest, its configuration, and the files it ends up with."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolchain.errors import PermanentToolchainError

# Annotations that hold the full name: what buildah and Podman write, and what Docker writes.
REFERENCE_KEYS = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One file of an image.

    Attributes:
        path: without a leading slash.
        mode: permission bits, setuid and setgid included.
        size_bytes: zero for links.
        is_regular: a plain file, not a link or folder.
    """

    path: str
    mode: int
    size_bytes: int
    is_regular: bool


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """What an archive holds.

    Attributes:
        reference: full name in the archive.
        digest: digest of the manifest.
        user: as in the configuration, e.g. 65532:65532.
        entrypoint: program and first arguments.
        environment: variables as NAME=value.
        files: every file by path, after all layers.
    """

    reference: str
    digest: str
    user: str
    entrypoint: tuple[str, ...]
    environment: tuple[str, ...]
    files: dict[str, ImageFile]

    @property
    def unpacked_bytes(self) -> int:
        """Size of all files together."""
        return sum(file.size_bytes for file in self.files.values())


def read_archive(path: Path) -> ArchivedImage:
    """Read an OCI archive that holds one image.

    Raises:
        PermanentToolchainError: not such an archive.
    """
    try:
        with tarfile.open(path) as tar:
            return _read(tar, path)
    except (tarfile.TarError, KeyError, ValueError) as error:
        message = f"{path} is not a complete OCI image archive ({error}); delete it and build the image again"
        raise PermanentToolchainError(message) from error


def _read(tar: tarfile.TarFile, path: Path) -> ArchivedImage:
    index = _document(tar, "index.json")
    if len(index["manifests"]) != 1:
        message = f"{path} holds {len(index['manifests'])} images, expected one; build it again"
        raise PermanentToolchainError(message)
    entry = index["manifests"][0]
    annotations = entry.get("annotations", {})
    manifest = _document(tar, _blob(entry["digest"]))
    configuration = _document(tar, _blob(manifest["config"]["digest"])).get("config", {})
    files: dict[str, ImageFile] = {}
    for layer in manifest["layers"]:
        _apply_layer(files, tar, _blob(layer["digest"]))
    return ArchivedImage(
        reference=next((annotations[key] for key in REFERENCE_KEYS if key in annotations), ""),
        digest=entry["digest"],
        user=configuration.get("User", ""),
        entrypoint=tuple(configuration.get("Entrypoint") or ()),
        environment=tuple(configuration.get("Env") or ()),
        files=files,
    )


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _document(tar: tarfile.TarFile, name: str) -> dict[str, Any]:
    stream = tar.extractfile(name)
    if stream is None:
        message = f"{name} is not a file"
        raise ValueError(message)
    document: dict[str, Any] = json.load(stream)
    return document


def _apply_layer(files: dict[str, ImageFile], tar: tarfile.TarFile, blob: str) -> None:
    for member in _members(tar, blob):
        path = member.name.removeprefix("./").strip("/")
        folder, _, name = path.rpartition("/")
        if name == OPAQUE:
            _remove_below(files, folder)
        elif name.startswith(WHITEOUT):
            hidden = f"{folder}/{name.removeprefix(WHITEOUT)}".lstrip("/")
            files.pop(hidden, None)
            _remove_below(files, hidden)
        elif not member.isdir():
            files[path] = ImageFile(path, member.mode, member.size if member.isfile() else 0, member.isfile())


def _members(tar: tarfile.TarFile, blob: str) -> Iterator[tarfile.TarInfo]:
    with tarfile.open(fileobj=tar.extractfile(blob)) as layer:
        yield from layer


def _remove_below(files: dict[str, ImageFile], folder: str) -> None:
    prefix = f"{folder}/" if folder else ""
    for path in [path for path in files if path.startswith(prefix)]:
        del files[path]
