"""Data sets that trainings read: which are known, which are here, and how one is brought."""

import asyncio
import hashlib
from pathlib import Path

import msgspec

from model_server.data.fetch import keep_content
from model_server.data.manifest import Manifest, load_manifest, manifest_names
from model_server.data.table import check_content
from model_server.errors import DatasetInvalidError, RegistryRefusedError, RequestRefusedError, SettingInvalidError
from model_server.jobs.order import TRAINABLE
from model_server.serve.api.paging import PARAMETERS, cut_page
from model_server.serve.auth import Role
from model_server.serve.endpoint import Call, Endpoint
from model_server.serve.http.message import Answer
from model_server.serve.wire import encode

_BASE = "/api/v1/datasets"
_TAG = "Training"
# Chosen: forty times the largest set; a larger one belongs on the volume by hand.
_MAX_BYTES = 8 * 1024 * 1024


class DatasetEntry(msgspec.Struct, frozen=True):
    """One data set. `models` learn from it; `present`: a file with the manifest's checksum is here."""

    name: str
    title: str
    rows: int
    sha256: str
    origin: str
    commit: str
    licence: str
    cite: tuple[str, ...]
    models: tuple[str, ...]
    present: bool


class DatasetList(msgspec.Struct, frozen=True):
    """A page of data sets; `next` is the cursor of the following one."""

    datasets: list[DatasetEntry]
    next: str | None


class Datasets:
    """Handlers over the folder of data sets."""

    def __init__(self, folder: Path | None) -> None:
        """Take the folder; None where there is no place to keep anything."""
        self._folder = folder

    async def list_datasets(self, call: Call) -> Answer:
        """List what is known."""
        names, following = cut_page(manifest_names(), call.query)
        entries = await asyncio.to_thread(lambda: [self._entry(load_manifest(name), name) for name in names])
        return Answer(200, encode(DatasetList(entries, following)))

    async def put(self, call: Call) -> Answer:
        """Keep a file that is what its manifest says."""
        return await asyncio.to_thread(self._put, call.parameters["name"], call.request.body)

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoints."""
        return [
            Endpoint(
                "GET",
                _BASE,
                self.list_datasets,
                "List data sets.",
                _TAG,
                answer=DatasetList,
                query=PARAMETERS,
                statuses=(422,),
            ),
            Endpoint(
                "PUT",
                _BASE + "/{name}",
                self.put,
                "Bring the file of a data set.",
                _TAG,
                role=Role.OPERATOR,
                answer=DatasetEntry,
                statuses=(404, 409, 422),
                raw=True,
                max_body=_MAX_BYTES,
            ),
        ]

    def _put(self, name: str, content: bytes) -> Answer:
        if name not in manifest_names():
            known = ", ".join(manifest_names())
            raise RequestRefusedError(f"no such data set; known: {known}", code="unknown_dataset", status=404)
        if self._folder is None:
            msg = "there is no place to keep data; set CRYO_REGISTRY_DIR to a writable folder"
            raise RegistryRefusedError(msg)
        manifest = load_manifest(name)
        try:
            check_content(manifest, content, where="what was sent")
        except DatasetInvalidError as error:
            raise RequestRefusedError(str(error), code="checksum_mismatch", status=422) from error
        path = self._folder / manifest.path
        try:
            keep_content(path, content)
        except OSError as error:
            raise SettingInvalidError(f"{path}: {error.strerror}; give the registry room to write") from error
        return Answer(200, encode(self._entry(manifest, name)))

    def _entry(self, manifest: Manifest, name: str) -> DatasetEntry:
        source = manifest.source
        return DatasetEntry(
            name=name,
            title=manifest.title,
            rows=manifest.rows,
            sha256=manifest.sha256,
            origin=source.origin,
            commit=source.commit,
            licence=source.licence,
            cite=source.cite,
            models=tuple(model for model, known in TRAINABLE.items() if known == name),
            present=self._holds(manifest),
        )

    def _holds(self, manifest: Manifest) -> bool:
        if self._folder is None:
            return False
        try:
            content = (self._folder / manifest.path).read_bytes()
        except FileNotFoundError:
            return False
        return hashlib.sha256(content).hexdigest() == manifest.sha256
