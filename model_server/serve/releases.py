"""Any version of any model, loaded or not: what handlers read cards and held-out rows from."""

import asyncio

from model_server.errors import RequestRefusedError
from model_server.registry.folder import Release
from model_server.registry.record import ModelRecord
from model_server.registry.registry import Registry
from model_server.serve.shelf import Shelf


class Releases:
    """Finds releases on the shelf first, then in the registry."""

    def __init__(self, shelf: Shelf, registry: Registry) -> None:
        """Take both."""
        self._shelf = shelf
        self._registry = registry

    async def find(self, name: str, version: str, path: str) -> Release:
        """A version's release, from memory where it is loaded.

        Args:
            name: of a model.
            version: number or alias.
            path: what a refusal says is wrong when the version is.

        Raises:
            RequestRefusedError: 404, no such model or version (permanent).
            ArtefactInvalidError: the version cannot be read (permanent).
        """
        served = self._shelf.served(name)
        predictor = served.versions.get(served.aliases.get(version, version))
        if predictor is not None:
            return predictor.release
        record = await self.record(name, path="model")
        number = record.aliases.get(version, version)
        if number not in record.versions:
            known = ", ".join((*record.versions, *record.aliases)) or "none"
            raise RequestRefusedError(
                f"{name} has no such version; known: {known}", code="unknown_version", status=404, path=path
            )
        return await asyncio.to_thread(self._registry.load, name, number)

    async def record(self, name: str, *, path: str | None = None) -> ModelRecord:
        """What the registry knows of a model.

        Raises:
            RequestRefusedError: 404, no such model (permanent).
            ArtefactInvalidError: the stored record is not one (permanent).
        """
        names = await self.names()
        if name not in names:
            offered = ", ".join(names) or "none"
            raise RequestRefusedError(
                f"no such model; choose one of: {offered}", code="unknown_model", status=404, path=path
            )
        return await asyncio.to_thread(self._registry.record, name)

    async def names(self) -> list[str]:
        """Every model the registry knows."""
        return await asyncio.to_thread(self._registry.names)
