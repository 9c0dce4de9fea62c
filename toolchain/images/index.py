"""The index of built images, and which old archives to drop."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import PermanentToolchainError

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class IndexedImage:
    """One built image.

    Attributes:
        ref: full name with the content hash as tag.
        digest: digest of the manifest; containerd shows the same one after an import.
        archive: OCI archive that holds it.
        size_bytes: size of the archive, layers compressed.
    """

    ref: str
    digest: str
    archive: Path
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ImageIndex:
    """All built images by name."""

    images: Mapping[str, IndexedImage]


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """An archive on disk, as the pruning rule sees it."""

    name: str
    content_hash: str
    built_at: float


def read_index(path: Path) -> ImageIndex:
    """Read the index; a missing file is an empty index.

    Raises:
        PermanentToolchainError: the file is not an index that this version understands.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ImageIndex({})
    except json.JSONDecodeError as error:
        message = f"image index {path} is not JSON ({error}); delete it and build the images again"
        raise PermanentToolchainError(message) from error
    try:
        if document["schema"] != SCHEMA:
            message = f"image index {path} has schema {document['schema']}, this version reads {SCHEMA}; delete it"
            raise PermanentToolchainError(message)
        images = {
            name: IndexedImage(entry["ref"], entry["digest"], Path(entry["archive"]), int(entry["size_bytes"]))
            for name, entry in document["images"].items()
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        message = f"image index {path} lacks a field ({error!r}); delete it and build the images again"
        raise PermanentToolchainError(message) from error
    return ImageIndex(images)


def write_index(path: Path, index: ImageIndex) -> None:
    """Replace the index in one step: a reader sees the old or the new one, never half of one."""
    document = {
        "schema": SCHEMA,
        "images": {
            name: {"ref": i.ref, "digest": i.digest, "archive": str(i.archive), "size_bytes": i.size_bytes}
            for name, i in sorted(index.images.items())
        },
    }
    write_atomically(path, json.dumps(document, indent=2) + "\n")


def write_atomically(path: Path, text: str) -> None:
    """Write a file beside its final place, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def plan_pruning(archives: Iterable[ArchiveFile], current: frozenset[str], *, keep: int) -> tuple[ArchiveFile, ...]:
    """List the archives to delete: beyond the newest `keep` of each image, and never a current one.

    Args:
        archives: what is on disk.
        current: content hashes that the index names.
        keep: how many archives of one image stay, the current one included.
    """
    doomed: list[ArchiveFile] = []
    kept: dict[str, int] = {}
    # The current one counts first, however old it is.
    for archive in sorted(archives, key=lambda a: (a.content_hash not in current, -a.built_at)):
        place = kept.get(archive.name, 0)
        kept[archive.name] = place + 1
        if place >= keep and archive.content_hash not in current:
            doomed.append(archive)
    return tuple(doomed)
