"""Download data sets into a data folder; a file whose checksum differs from its manifest is not kept."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from model_server.data.manifest import Manifest
from model_server.data.table import check_content
from model_server.errors import DatasetInvalidError, DatasetMissingError

Download = Callable[[str], bytes]
"""Returns the body behind a URL; raises DatasetMissingError when it cannot be had."""

Outcome = Literal["present", "fetched", "no address"]


@dataclass(frozen=True)
class Fetched:
    """What happened to one data set, and where its file is or belongs."""

    name: str
    path: Path
    outcome: Outcome


def fetch_datasets(manifests: Sequence[Manifest], data_dir: Path, download: Download) -> tuple[Fetched, ...]:
    """Bring every data set that has an address into the folder; one that is there and right is left alone.

    Raises:
        DatasetMissingError: an address does not answer (permanent).
        DatasetInvalidError: a file is there or was sent with another checksum; a sent one is not kept (permanent).
    """
    return tuple(_fetch(manifest, data_dir, download) for manifest in manifests)


def _fetch(manifest: Manifest, data_dir: Path, download: Download) -> Fetched:
    path = data_dir / manifest.path
    if path.exists():
        check_content(manifest, path.read_bytes(), where=str(path))
        return Fetched(manifest.name, path, "present")
    if manifest.source.url is None:
        return Fetched(manifest.name, path, "no address")
    content = download(manifest.source.url)
    check_content(manifest, content, where=manifest.source.url)
    keep_content(path, content)
    return Fetched(manifest.name, path, "fetched")


def keep_content(path: Path, content: bytes) -> None:
    """Write beside the target and rename: a killed run leaves no half file under the real name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as draft:
        draft.write(content)
    Path(draft.name).rename(path)


def require_all(outcomes: Sequence[Fetched], manifests: Sequence[Manifest]) -> None:
    """Refuse to call a folder complete when a set without an address is absent.

    Raises:
        DatasetMissingError: names every such set and where it comes from (permanent).
    """
    origins = {manifest.name: manifest.source.origin for manifest in manifests}
    absent = [entry for entry in outcomes if entry.outcome == "no address"]
    if absent:
        told = "; ".join(f"{entry.name} from {origins[entry.name]} to {entry.path}" for entry in absent)
        raise DatasetMissingError(f"{len(absent)} data sets have no address to fetch from; bring them by hand: {told}")


def refuse_scheme(url: str) -> None:
    """Refuse addresses that are no web address, before anything is opened.

    Raises:
        DatasetInvalidError: neither http nor https (permanent).
    """
    if not url.startswith(("https://", "http://")):
        raise DatasetInvalidError(f"address {url!r} is neither http nor https; correct the manifest")
