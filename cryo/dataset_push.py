"""Bring the files of a data folder to a running model server, which checks each against its manifest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx

from cryo.model_api import send
from model_server.data.manifest import Manifest
from model_server.data.table import check_content

DATASETS_PATH = "/api/v1/datasets"
_PAGE = 100

Outcome = Literal["present", "pushed", "not in the folder"]


@dataclass(frozen=True, slots=True)
class Pushed:
    """What happened to one data set."""

    name: str
    outcome: Outcome


def push_datasets(manifests: Sequence[tuple[str, Manifest]], data_dir: Path, client: httpx.Client) -> Iterator[Pushed]:
    """Send every file that is in the folder and not on the server; a damaged one stops before anything is sent of it.

    Args:
        manifests: under the names that the server knows.
        data_dir: folder of data sets.
        client: with base URL and token.

    Raises:
        DatasetInvalidError: a file differs from its manifest (permanent).
        PermanentCryoError: the server refuses; its words are in the message.
        TemporaryCryoError: the server does not answer.
    """
    present = _present(client)
    for name, manifest in manifests:
        path = data_dir / manifest.path
        if name in present:
            yield Pushed(name, "present")
        elif not path.is_file():
            yield Pushed(name, "not in the folder")
        else:
            content = path.read_bytes()
            check_content(manifest, content, where=str(path))
            send(client, "PUT", f"{DATASETS_PATH}/{name}", content=content)
            yield Pushed(name, "pushed")


def _present(client: httpx.Client) -> frozenset[str]:
    listing = send(client, "GET", f"{DATASETS_PATH}?limit={_PAGE}").json()
    return frozenset(entry["name"] for entry in listing["datasets"] if entry["present"])
