"""Models, their versions and cards, and where the aliases point."""

import asyncio
from collections.abc import Sequence
from functools import partial

from model_server.errors import RequestRefusedError
from model_server.registry.card import Card
from model_server.registry.record import (
    CHALLENGER,
    HistoryEntry,
    ModelRecord,
    Traffic,
    clear_challenger,
    retire_version,
    share_traffic,
    version_key,
)
from model_server.registry.registry import Registry
from model_server.serve.api.paging import PARAMETERS, cut_page
from model_server.serve.auth import Role
from model_server.serve.endpoint import Call, Endpoint
from model_server.serve.http.message import Answer
from model_server.serve.loading import Loading
from model_server.serve.releases import Releases
from model_server.serve.shelf import Shelf, State
from model_server.serve.switches import Switches
from model_server.serve.wire import (
    AliasRequest,
    AliasTable,
    ModelEntry,
    ModelList,
    RetireRequest,
    VersionList,
    VersionListEntry,
    encode,
)

_BASE = "/api/v1/models"
_MODEL = _BASE + "/{model}"
_VERSION = _MODEL + "/versions/{version}"
_TAG = "Models"


class Models:
    """Handlers over the shelf and the registry."""

    def __init__(
        self, shelf: Shelf, switches: Switches, registry: Registry, releases: Releases, loading: Loading
    ) -> None:
        """Take the parts."""
        self._shelf = shelf
        self._switches = switches
        self._registry = registry
        self._releases = releases
        self._loading = loading

    def list_models(self, call: Call) -> Answer:
        """List what this worker serves or is expected to."""
        names, following = cut_page(self._shelf.names, call.query)
        return Answer(200, encode(ModelList([self.entry(name) for name in names], following)))

    def show_model(self, call: Call) -> Answer:
        """Describe one model."""
        name = call.parameters["model"]
        if name not in self._shelf.names:
            offered = ", ".join(self._shelf.names) or "none"
            raise RequestRefusedError(f"no such model; choose one of: {offered}", code="unknown_model", status=404)
        return Answer(200, encode(self.entry(name)))

    def show_card(self, call: Call) -> Answer:
        """Give the card of the version that leads."""
        return Answer(200, self._shelf.find(call.parameters["model"], status=404).release.card_content)

    async def list_versions(self, call: Call) -> Answer:
        """List every version the registry knows, newest first."""
        record = await self._record(call)
        ordered = sorted(record.versions, key=version_key, reverse=True)
        page, following = cut_page(ordered, call.query)
        return Answer(200, encode(VersionList(record.name, self.version_entries(record, page), following)))

    def version_entries(self, record: ModelRecord, versions: Sequence[str]) -> list[VersionListEntry]:
        """Describe versions of a record."""
        states = {state.version: state.state for state in self._shelf.states(record.name)}
        return [_version_entry(record, version, states.get(version, State.UNAVAILABLE)) for version in versions]

    async def show_version(self, call: Call) -> Answer:
        """Give the card of one version, by number or alias, loaded or not."""
        name, version = call.parameters["model"], call.parameters["version"]
        served = self._shelf.served(name)
        predictor = served.versions.get(served.aliases.get(version, version))
        if predictor is not None:
            return Answer(200, predictor.release.card_content)
        record = await self._record(call)
        version = record.aliases.get(version, version)
        _refuse_unknown(record, version)
        release = await asyncio.to_thread(self._registry.load, name, version)
        return Answer(200, release.card_content)

    async def show_history(self, call: Call) -> Answer:
        """Tell who changed what, when and why, oldest first."""
        return Answer(200, encode((await self._record(call)).history))

    async def show_aliases(self, call: Call) -> Answer:
        """Tell where the aliases point."""
        return Answer(200, encode(_alias_table(await self._record(call))))

    async def put_alias(self, call: Call) -> Answer:
        """Point an alias to a version; answered once this worker serves it."""
        record, request = await self._record(call), call.body
        alias: str = call.parameters["alias"]
        _refuse_unknown(record, request.version, status=422)
        act = self._registry.act(_who(call), request.reason)
        assign = partial(self._registry.assign, record.name, alias, request.version, act, override=request.override)
        await asyncio.to_thread(assign)
        traffic = Traffic(request.share, request.shadow)
        if alias == CHALLENGER and traffic != record.traffic:
            await asyncio.to_thread(
                self._registry.change, record.name, partial(share_traffic, traffic=traffic, act=act)
            )
        return await self._follow(record.name)

    async def delete_alias(self, call: Call) -> Answer:
        """Send the challenger home; the other aliases cannot be cleared."""
        record = await self._record(call)
        if call.parameters["alias"] != CHALLENGER:
            message = f"only {CHALLENGER} can be cleared; champion is replaced, previous follows it"
            raise RequestRefusedError(message, code="registry_refused", status=409)
        act = self._registry.act(_who(call), call.body.reason)
        await asyncio.to_thread(self._registry.change, record.name, partial(clear_challenger, act=act))
        return await self._follow(record.name)

    async def retire(self, call: Call) -> Answer:
        """Take a version out of service for good."""
        record, version = await self._record(call), call.parameters["version"]
        _refuse_unknown(record, version)
        act = self._registry.act(_who(call), call.body.reason)
        decide = partial(retire_version, version=version, act=act)
        await asyncio.to_thread(self._registry.change, record.name, decide)
        return await self._follow(record.name)

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoints."""
        operator, changing = Role.OPERATOR, (400, 404, 409, 413, 415, 422, 503)
        get = partial(Endpoint, "GET", tag=_TAG)
        put = partial(Endpoint, "PUT", tag=_TAG, role=operator, answer=AliasTable, statuses=changing)
        return [
            get(_BASE, self.list_models, "List models.", answer=ModelList, query=PARAMETERS, statuses=(422,)),
            get(_MODEL, self.show_model, "One model.", answer=ModelEntry, statuses=(404,)),
            get(_MODEL + "/card", self.show_card, "Card of the champion.", answer=Card, statuses=(404, 503)),
            get(
                _MODEL + "/versions",
                self.list_versions,
                "List versions, newest first.",
                answer=VersionList,
                query=PARAMETERS,
                statuses=(404, 409, 422),
            ),
            get(_VERSION, self.show_version, "Card of a version or alias.", answer=Card, statuses=(404, 409)),
            get(
                _MODEL + "/history",
                self.show_history,
                "Who changed what, when and why.",
                answer=list[HistoryEntry],
                statuses=(404, 409),
            ),
            get(_MODEL + "/aliases", self.show_aliases, "Where aliases point.", answer=AliasTable, statuses=(404, 409)),
            put(_MODEL + "/aliases/{alias}", self.put_alias, "Point an alias to a version.", body=AliasRequest),
            put(_VERSION + "/retirement", self.retire, "Retire a version.", body=RetireRequest),
            Endpoint(
                "DELETE",
                _MODEL + "/aliases/{alias}",
                self.delete_alias,
                "Send the challenger home.",
                _TAG,
                role=operator,
                body=RetireRequest,
                answer=AliasTable,
                statuses=changing,
            ),
        ]

    async def _record(self, call: Call) -> ModelRecord:
        return await self._releases.record(call.parameters["model"])

    async def _follow(self, name: str) -> Answer:
        await self._loading.refresh(name)
        return Answer(200, encode(_alias_table(await asyncio.to_thread(self._registry.record, name))))

    def entry(self, name: str) -> ModelEntry:
        """Describe one model as this worker has it."""
        served = self._shelf.served(name)
        champion, enabled = served.champion, self._switches.is_on(name)
        if champion is None:
            states = self._shelf.states(name)
            last = states[-1] if states else None
            state = last.state if last else State.LOADING
            return ModelEntry(name, state.value, enabled, reason=last.reason if last and last.reason else None)
        identity = champion.card.model
        return ModelEntry(
            name,
            State.READY.value,
            enabled,
            version=identity.version,
            family=identity.family,
            unit=identity.unit,
            direction=identity.direction,
            digest=champion.name.digest,
            confidence_levels=tuple(champion.levels),
            aliases=dict(served.aliases),
        )


def _version_entry(record: ModelRecord, version: str, state: State) -> VersionListEntry:
    entry = record.versions[version]
    aliases = sorted(alias for alias, held in record.aliases.items() if held == version)
    retired = entry.retired is not None
    return VersionListEntry(version, state.value, aliases, entry.digest, entry.promotable, entry.because, retired)


def _alias_table(record: ModelRecord) -> AliasTable:
    return AliasTable(record.name, record.aliases, record.traffic.challenger_share, record.traffic.shadow)


def _refuse_unknown(record: ModelRecord, version: str, *, status: int = 404) -> None:
    if version not in record.versions:
        known = ", ".join(record.versions) or "none"
        raise RequestRefusedError(
            f"{record.name} has no such version; known: {known}",
            code="unknown_version",
            status=status,
            path="version" if status != 404 else None,  # noqa: PLR2004 - in the path there is nothing to point at
        )


def _who(call: Call) -> str:
    return call.principal.who if call.principal else "unknown"
