"""Everything of the protocol but inference: health, metadata, statistics and the repository extension."""

import asyncio
import json
from dataclasses import replace
from functools import partial

import msgspec

from model_server.errors import RequestRefusedError
from model_server.registry.record import set_served
from model_server.registry.registry import Registry
from model_server.registry.session import INPUT_NAME
from model_server.serve.auth import Role
from model_server.serve.endpoint import Call, Endpoint, Handler, Style
from model_server.serve.http.message import Answer
from model_server.serve.loading import Loading
from model_server.serve.oip.infer import Inference
from model_server.serve.oip.tensors import FINGERPRINT_NAME
from model_server.serve.oip.wire import (
    IndexEntry,
    IndexFilter,
    InferResponse,
    ModelMetadata,
    ModelReady,
    Parameters,
    ServerLive,
    ServerMetadata,
    ServerReady,
    TensorMetadata,
)
from model_server.serve.predictor import Predictor
from model_server.serve.readiness import Readiness
from model_server.serve.shelf import Shelf, State
from model_server.serve.switches import Switches

SERVER_NAME = "cryoprotect"
EXTENSIONS = ("binary_tensor_data", "statistics")
_TAG = "Open Inference Protocol"
# Chosen: ten thousand rows of 82 numbers in JSON are 8 MB.
MAX_INFER_BYTES = 16 * 1024 * 1024
_ENCODE = msgspec.json.Encoder().encode


class ProtocolEndpoints:
    """Handlers over the shelf of one worker."""

    def __init__(
        self, shelf: Shelf, switches: Switches, readiness: Readiness, *, version: str, repository: bool
    ) -> None:
        """Take the parts.

        Args:
            shelf: what is served.
            switches: what may answer.
            readiness: of the whole worker.
            version: of the deployed build.
            repository: whether the repository extension is on, to be advertised.
        """
        self._shelf = shelf
        self._switches = switches
        self._readiness = readiness
        extensions = [*EXTENSIONS, *(["model_repository"] if repository else [])]
        self._server = ServerMetadata(SERVER_NAME, version, extensions)

    def server(self, _call: Call) -> Answer:
        """Describe the server."""
        return Answer(200, _ENCODE(self._server))

    def live(self, _call: Call) -> Answer:
        """Say that the process answers."""
        return Answer(200, _ENCODE(ServerLive(live=True)))

    def ready(self, _call: Call) -> Answer:
        """Say whether every expected model is loaded and warm."""
        ready = not self._readiness.reasons
        return Answer(200 if ready else 503, _ENCODE(ServerReady(ready=ready, live=True)))

    def model(self, call: Call) -> Answer:
        """Describe a model or one of its versions."""
        name, version = call.parameters["model"], call.parameters.get("version")
        predictor = self._shelf.find(name, version, status=404)
        versions = sorted(self._shelf.served(name).versions)
        return Answer(200, _ENCODE(describe(predictor, [predictor.name.version] if version else versions)))

    def model_ready(self, call: Call) -> Answer:
        """Say whether a model or version can answer."""
        name = call.parameters["model"]
        ready = self._shelf.is_ready(name, call.parameters.get("version")) and self._switches.is_on(name)
        return Answer(200 if ready else 503, _ENCODE(ModelReady(name, ready)))

    def stats(self, call: Call) -> Answer:
        """Count what each loaded version has done, in Triton's words."""
        name, version = call.parameters["model"], call.parameters.get("version")
        chosen = [self._shelf.find(name, version, status=404)]
        if version is None:
            chosen = list(self._shelf.served(name).versions.values())
        return Answer(200, json.dumps({"model_stats": [_statistics(predictor) for predictor in chosen]}).encode())

    def list(self, inference: Inference) -> list[Endpoint]:
        """Describe every endpoint of the protocol's base."""
        base = "/v2/models/{model}"
        live = self._get("/v2/health/live", self.live, "Whether the server lives.", ServerLive)
        ready = self._get("/v2/health/ready", self.ready, "Whether every expected model is loaded.", ServerReady, 503)
        made = [
            self._get("/v2", self.server, "Server metadata.", ServerMetadata),
            replace(live, exempt=True),
            replace(ready, exempt=True),
        ]
        for path in (base, base + "/versions/{version}"):
            made += [
                self._get(path, self.model, "Model metadata.", ModelMetadata, 404, 503),
                self._get(path + "/ready", self.model_ready, "Whether the model can answer.", ModelReady, 404, 503),
                self._get(path + "/stats", self.stats, "Statistics of the loaded versions.", None, 404, 503),
                Endpoint(
                    "POST",
                    path + "/infer",
                    inference.infer,
                    "Inference; JSON or binary tensors.",
                    _TAG,
                    answer=InferResponse,
                    statuses=(400, 404, 413, 422, 503),
                    style=Style.PROTOCOL,
                    max_body=MAX_INFER_BYTES,
                ),
            ]
        return made

    @staticmethod
    def _get(path: str, handle: Handler, summary: str, answer: object, *statuses: int) -> Endpoint:
        return Endpoint("GET", path, handle, summary, _TAG, answer=answer, statuses=statuses, style=Style.PROTOCOL)


class RepositoryEndpoints:
    """The repository extension; made only where the settings ask for it."""

    def __init__(self, shelf: Shelf, registry: Registry, loading: Loading) -> None:
        """Take the parts."""
        self._shelf = shelf
        self._registry = registry
        self._loading = loading

    def index(self, call: Call) -> Answer:
        """List every version with its state."""
        wanted = _decode_filter(call.request.body)
        entries = [
            IndexEntry(name, state.version, state.state.value, state.reason)
            for name in self._shelf.names
            for state in self._shelf.states(name)
            if not wanted.ready or state.state is State.READY
        ]
        return Answer(200, _ENCODE(entries))

    async def load(self, call: Call) -> Answer:
        """Load a model, or read it anew; the old version answers until the new one is warm."""
        return await self._change(call, served=True)

    async def unload(self, call: Call) -> Answer:
        """Let a model go; readiness no longer waits for it."""
        return await self._change(call, served=False)

    async def _change(self, call: Call, *, served: bool) -> Answer:
        name = call.parameters["model"]
        known = await asyncio.to_thread(self._registry.names)
        if name not in known:
            raise RequestRefusedError(f"no model {name}; known: {', '.join(known)}", code="unknown_model", status=404)
        who = call.principal.who if call.principal else "unknown"
        act = self._registry.act(who, f"repository extension: {'load' if served else 'unload'}")
        if self._registry.is_writable:
            await asyncio.to_thread(self._registry.change, name, partial(set_served, act=act, served=served))
        elif not served:
            message = "the registry is read-only; set CRYO_REGISTRY_DIR to a writable folder"
            raise RequestRefusedError(message, code="registry_read_only", status=409)
        await self._loading.refresh(name, again=served)
        if served and self._shelf.served(name).champion is None:
            reasons = "; ".join(state.reason for state in self._shelf.states(name) if state.reason)
            raise RequestRefusedError(f"model {name} was not loaded: {reasons}", code="load_failed", status=400)
        return Answer(200, b"")

    def list(self) -> list[Endpoint]:
        """Describe the extension's endpoints."""
        base = "/v2/repository"
        made = []
        for path, handle, summary in (
            (base + "/index", self.index, "List every version with its state."),
            (base + "/models/{model}/load", self.load, "Load a model."),
            (base + "/models/{model}/unload", self.unload, "Unload a model."),
        ):
            made.append(
                Endpoint(
                    "POST",
                    path,
                    handle,
                    summary,
                    _TAG,
                    role=Role.OPERATOR,
                    statuses=(400, 404, 409),
                    style=Style.PROTOCOL,
                )
            )
        return made


def describe(predictor: Predictor, versions: list[str]) -> ModelMetadata:
    """Describe a model in the protocol's words."""
    inputs = [TensorMetadata(INPUT_NAME, "FP32", [-1, predictor.width])]
    if predictor.domain.needs_fingerprint:
        width = int(predictor.release.neighbours.shape[1])
        inputs.append(TensorMetadata(FINGERPRINT_NAME, "UINT8", [-1, width], {"optional": True}))
    outputs = [TensorMetadata(name, "FP32", [-1]) for name in ("prediction", "lower", "upper")]
    outputs += [TensorMetadata("in_domain", "BOOL", [-1]), TensorMetadata("similarity", "FP32", [-1])]
    card = predictor.card
    parameters: Parameters = {"unit": card.model.unit, "target": card.model.target, "digest": predictor.name.digest}
    return ModelMetadata(card.model.name, versions, "onnx_onnxv1", inputs, outputs, parameters)


def _statistics(predictor: Predictor) -> dict[str, object]:
    count, seconds = int(predictor.infer.requests.value), predictor.infer.seconds.total
    compute = predictor.run_seconds
    return {
        "name": predictor.name.name,
        "version": predictor.name.version,
        "inference_count": int(predictor.infer.rows.value),
        "execution_count": int(predictor.executions.value),
        "inference_stats": {
            "success": {"count": count, "ns": round(seconds * 1e9)},
            "compute_infer": {"count": sum(compute.counts), "ns": round(compute.total * 1e9)},
        },
    }


def _decode_filter(body: bytes) -> IndexFilter:
    if not body.strip():
        return IndexFilter()
    try:
        return msgspec.json.decode(body, type=IndexFilter)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestRefusedError(f"the body: {error}", code="bad_request", status=400) from error
