"""What earlier builds left, one small file per archive: the digests of its inputs, and what the archive is."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from toolchain.images.index import ArchiveFile, write_atomically
from toolchain.images.request import Layout
from toolchain.images.spec import image_reference


@dataclass(frozen=True, slots=True)
class Record:
    """One finished build.

    Attributes:
        name: image name.
        content_hash: hash of its inputs.
        digest: digest of the manifest.
        size_bytes: size of the archive.
        unpacked_bytes: size of its files.
        built_at: seconds since the epoch.
        inputs: digest of each input by label.
    """

    name: str
    content_hash: str
    digest: str
    size_bytes: int
    unpacked_bytes: int
    built_at: float
    inputs: Mapping[str, str]

    @property
    def reference(self) -> str:
        """The full name of the image."""
        return image_reference(self.name, self.content_hash)


def read_records(layout: Layout) -> dict[str, Record]:
    """Read the records whose archives are complete on disk, by reference.

    A record that cannot be read is none: the image is built again, which replaces it.
    """
    records: dict[str, Record] = {}
    for path in sorted(layout.records.glob("*.json")):
        try:
            record = Record(**json.loads(path.read_text(encoding="utf-8")))
        except (json.JSONDecodeError, TypeError):
            continue
        archive = layout.archive(record.name, record.content_hash)
        if archive.exists() and archive.stat().st_size == record.size_bytes:
            records[record.reference] = record
    return records


def write_record(layout: Layout, record: Record) -> None:
    """Keep a record; its archive is in place already, so a record always has one."""
    path = layout.records / f"{record.name}-{record.content_hash}.json"
    write_atomically(path, json.dumps(asdict(record), indent=1) + "\n")


def archive_files(records: Mapping[str, Record]) -> tuple[ArchiveFile, ...]:
    """Show the records as the pruning rule sees them."""
    return tuple(ArchiveFile(r.name, r.content_hash, r.built_at) for r in records.values())


def remove_archive(layout: Layout, archive: ArchiveFile) -> None:
    """Delete an archive with its record and log; the record first, so that none is left without an archive."""
    stem = f"{archive.name}-{archive.content_hash}"
    (layout.records / f"{stem}.json").unlink(missing_ok=True)
    layout.archive(archive.name, archive.content_hash).unlink(missing_ok=True)
    (layout.logs / f"{stem}.log").unlink(missing_ok=True)
