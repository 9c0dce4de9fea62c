"""Bodies of the Open Inference Protocol as typed structures, and their decoding."""

from typing import Any, NamedTuple

import msgspec

from model_server.errors import RequestRefusedError

Scalar = str | int | float | bool
Parameters = dict[str, Scalar]
_NO_PARAMETERS: Parameters = {}
# Chosen: no model has that many inputs, and each costs work before anything is known about it.
_MAX_TENSORS = 16


class FlatTensor(msgspec.Struct, frozen=True):
    """An input whose data come flat, which is what clients send and what decodes fastest."""

    name: str
    shape: list[int]
    datatype: str
    data: list[float] | msgspec.UnsetType = msgspec.UNSET
    parameters: Parameters = {}


class NestedTensor(msgspec.Struct, frozen=True):
    """An input whose data come nested as their shape says."""

    name: str
    shape: list[int]
    datatype: str
    data: Any = msgspec.UNSET
    parameters: Parameters = {}


class WantedOutput(msgspec.Struct, frozen=True):
    """An output that is asked for."""

    name: str
    parameters: Parameters = {}


class FlatRequest(msgspec.Struct, frozen=True):
    """Body of an inference request with flat data."""

    inputs: list[FlatTensor]
    id: str | msgspec.UnsetType = msgspec.UNSET
    parameters: Parameters = {}
    outputs: list[WantedOutput] | msgspec.UnsetType = msgspec.UNSET


class NestedRequest(msgspec.Struct, frozen=True):
    """Body of an inference request with nested data."""

    inputs: list[NestedTensor]
    id: str | msgspec.UnsetType = msgspec.UNSET
    parameters: Parameters = {}
    outputs: list[WantedOutput] | msgspec.UnsetType = msgspec.UNSET


InferRequest = FlatRequest | NestedRequest


class OutputTensor(msgspec.Struct, frozen=True):
    """An output of an answer. `data` is absent when it follows in binary."""

    name: str
    datatype: str
    shape: list[int]
    data: list[float | bool] | msgspec.UnsetType = msgspec.UNSET
    parameters: Parameters | msgspec.UnsetType = msgspec.UNSET


class InferResponse(msgspec.Struct, frozen=True):
    """Body of an inference answer; written by hand in `answers` because it is the hot path."""

    model_name: str
    model_version: str
    outputs: list[OutputTensor]
    id: str | msgspec.UnsetType = msgspec.UNSET
    parameters: Parameters | msgspec.UnsetType = msgspec.UNSET


class ProtocolError(msgspec.Struct, frozen=True):
    """The protocol's error object."""

    error: str


class ServerMetadata(msgspec.Struct, frozen=True):
    """Body of GET /v2."""

    name: str
    version: str
    extensions: list[str]


class ServerLive(msgspec.Struct, frozen=True):
    """Body of GET /v2/health/live."""

    live: bool


class ServerReady(msgspec.Struct, frozen=True):
    """Body of GET /v2/health/ready; the specification's text shows `live`, its clients read `ready`: both are sent."""

    ready: bool
    live: bool


class ModelReady(msgspec.Struct, frozen=True):
    """Body of GET .../ready."""

    name: str
    ready: bool


class TensorMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tensor of a model. -1 stands for any number of rows."""

    name: str
    datatype: str
    shape: list[int]
    parameters: Parameters = {}


class ModelMetadata(msgspec.Struct, frozen=True):
    """Body of GET /v2/models/{model}."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    parameters: Parameters


class IndexFilter(msgspec.Struct, frozen=True):
    """Body of POST /v2/repository/index."""

    ready: bool = False


class IndexEntry(msgspec.Struct, frozen=True):
    """A version in the repository's index."""

    name: str
    version: str
    state: str
    reason: str


class Split(NamedTuple):
    """A decoded request and the bytes that follow it."""

    request: InferRequest
    tail: bytes


_FLAT = msgspec.json.Decoder(FlatRequest)
_NESTED = msgspec.json.Decoder(NestedRequest)


def refuse(message: str, path: str | None = None) -> RequestRefusedError:
    """Word the refusal of a request that the protocol does not allow."""
    return RequestRefusedError(message, code="bad_request", status=400, path=path)


def decode_infer(body: bytes, header_length: bytes | None) -> Split:
    """Decode the body of an inference request.

    Args:
        body: whole.
        header_length: value of `Inference-Header-Content-Length`; None when all of it is JSON.

    Raises:
        RequestRefusedError: 400 for anything that is not such a request (permanent).
    """
    tail = b""
    if header_length is not None:
        if not header_length.isdigit() or len(header_length) > len(str(len(body))) or int(header_length) > len(body):
            msg = "Inference-Header-Content-Length is not the length of a part of the body"
            raise refuse(msg)
        length = int(header_length)
        body, tail = body[:length], body[length:]
    try:
        request: InferRequest = _FLAT.decode(body)
    except msgspec.ValidationError:
        request = _decode_nested(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refuse(f"the body is not JSON: {error}") from error
    if not 0 < len(request.inputs) <= _MAX_TENSORS:
        raise refuse(f"{len(request.inputs)} inputs; send 1 to {_MAX_TENSORS}", "inputs")
    return Split(request, tail)


def _decode_nested(body: bytes) -> NestedRequest:
    try:
        return _NESTED.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refuse(f"not an inference request: {error}") from error
