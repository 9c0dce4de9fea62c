"""Input tensors to arrays: datatype, shape and every number checked before a model sees them."""

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_server.errors import RequestRefusedError
from model_server.features.columns import FeatureMatrix
from model_server.registry.session import INPUT_NAME
from model_server.serve.oip.wire import FlatRequest, FlatTensor, InferRequest, NestedTensor, Split, WantedOutput, refuse
from model_server.serve.predictor import Predictor

FINGERPRINT_NAME = "fingerprint"
OUTPUT_NAMES = ("prediction", "lower", "upper", "in_domain", "similarity")
DOMAIN_OUTPUTS = frozenset({"in_domain", "similarity"})
_DIMENSIONS = 2
_BINARY_SIZE = "binary_data_size"


class Sent(NamedTuple):
    """One input tensor as it came.

    Args:
        shape: as declared.
        datatype: as declared.
        data: a list, bytes, or nothing.
        flat: whether the decoder let only numbers through.
        place: in the request, for messages.
    """

    shape: list[int]
    datatype: str
    data: Any
    flat: bool
    place: str


class Question(NamedTuple):
    """A checked request.

    Args:
        x: shape (n, d), float32, finite.
        fingerprints: shape (n, bytes), uint8; None when not sent.
        id: to give back; None when none came.
        level: confidence level asked for; None for the card's.
        outputs: name and whether in binary; empty for every output that can be given.
        binary: whether outputs are wanted in binary unless they say otherwise.
    """

    x: FeatureMatrix
    fingerprints: NDArray[np.uint8] | None
    id: str | None
    level: float | None
    outputs: tuple[tuple[str, bool], ...]
    binary: bool


def read_question(split: Split, predictor: Predictor, *, max_rows: int) -> Question:
    """Check a decoded request against a model.

    Raises:
        RequestRefusedError: 400 naming what does not fit (permanent).
    """
    request = split.request
    x: FeatureMatrix | None = None
    fingerprints: NDArray[np.uint8] | None = None
    tail, offset, flat = split.tail, 0, isinstance(request, FlatRequest)
    tensors: Sequence[FlatTensor | NestedTensor] = request.inputs
    for index, tensor in enumerate(tensors):
        size = tensor.parameters.get(_BINARY_SIZE) if tensor.parameters else None
        content: Any = tensor.data
        place = f"inputs[{index}]"
        if size is not None:
            content, offset = _take(tail, offset, size, place, given=content)
        sent = Sent(tensor.shape, tensor.datatype, content, flat, place)
        if tensor.name == INPUT_NAME and x is None:
            x = _features(sent, width=predictor.width, max_rows=max_rows)
        elif tensor.name == FINGERPRINT_NAME and fingerprints is None and predictor.domain.needs_fingerprint:
            fingerprints = _fingerprints(sent, width=predictor.release.neighbours.shape[1])
        else:
            raise refuse(f"input {tensor.name[:64]!r} is unknown or sent twice; see the model's metadata", place)
    if x is None:
        raise refuse(f"input {INPUT_NAME} is missing", "inputs")
    if offset != len(tail):
        raise refuse(f"{len(tail) - offset} bytes follow the last binary tensor; correct {_BINARY_SIZE}")
    if fingerprints is not None and len(fingerprints) != len(x):
        raise refuse(f"{len(fingerprints)} fingerprints for {len(x)} rows of features", "inputs")
    return _finish(request, x, fingerprints)


def _finish(request: InferRequest, x: FeatureMatrix, fingerprints: NDArray[np.uint8] | None) -> Question:
    level: float | None = None
    binary = False
    if request.parameters:
        asked = request.parameters.get("confidence_level")
        if asked is not None:
            if isinstance(asked, bool | str):
                msg = "confidence_level must be a number"
                raise refuse(msg, "parameters.confidence_level")
            level = float(asked)
        binary = request.parameters.get("binary_data_output") is True
    outputs = () if isinstance(request.outputs, msgspec.UnsetType) else _wanted(request.outputs, binary=binary)
    request_id = None if isinstance(request.id, msgspec.UnsetType) else request.id
    return Question(x, fingerprints, request_id, level, outputs, binary)


def _wanted(outputs: Sequence[WantedOutput], *, binary: bool) -> tuple[tuple[str, bool], ...]:
    if len(outputs) > len(OUTPUT_NAMES):
        raise refuse(f"{len(outputs)} outputs; a model has {len(OUTPUT_NAMES)}", "outputs")
    wanted = []
    for index, output in enumerate(outputs):
        if output.name not in OUTPUT_NAMES:
            raise refuse(f"no output {output.name[:64]!r}; choose among {', '.join(OUTPUT_NAMES)}", f"outputs[{index}]")
        asked = output.parameters.get("binary_data", binary)
        wanted.append((output.name, asked is True))
    return tuple(wanted)


def _features(sent: Sent, *, width: int, max_rows: int) -> FeatureMatrix:
    shape = sent.shape
    if sent.datatype != "FP32":
        raise refuse(f"{INPUT_NAME} is FP32, the request says {sent.datatype[:16]!r}", f"{sent.place}.datatype")
    if len(shape) != _DIMENSIONS or shape[1] != width or shape[0] < 1:
        raise refuse(f"{INPUT_NAME} has the shape [n, {width}], the request says {shape[:8]}", f"{sent.place}.shape")
    if shape[0] > max_rows:
        raise RequestRefusedError(
            f"{shape[0]} rows; send at most {max_rows} per request", code="too_many_rows", status=413, path=sent.place
        )
    x: FeatureMatrix = _array(sent, np.dtype("<f4"))
    # A flat list came through a parser that knows no infinity; bytes and nested lists may hold anything.
    if not (sent.flat and isinstance(sent.data, list)) and not np.isfinite(x).all():
        raise refuse(f"{INPUT_NAME} holds a number that is not finite in float32", f"{sent.place}.data")
    return x


def _fingerprints(sent: Sent, *, width: int) -> NDArray[np.uint8]:
    shape = sent.shape
    if sent.datatype != "UINT8" or len(shape) != _DIMENSIONS or shape[1] != width or shape[0] < 1:
        raise refuse(f"{FINGERPRINT_NAME} is UINT8 of the shape [n, {width}], bits packed", sent.place)
    if isinstance(sent.data, list):
        wide = _array(sent, np.dtype("<f8"))
        if wide.min() < 0 or wide.max() > np.iinfo(np.uint8).max:
            raise refuse(f"{FINGERPRINT_NAME} holds something else than bytes", f"{sent.place}.data")
        return wide.astype(np.uint8)
    return _array(sent, np.dtype("u1"))


def _array(sent: Sent, kind: np.dtype[Any]) -> NDArray[Any]:
    shape, data = sent.shape, sent.data
    if isinstance(data, bytes | memoryview):
        if len(data) != shape[0] * shape[1] * kind.itemsize:
            raise refuse(f"{len(data)} bytes do not fill {shape} with {kind.itemsize} bytes each", sent.place)
        return np.frombuffer(data, dtype=kind).reshape(shape)
    if not isinstance(data, list):
        msg = "the tensor has neither data nor binary_data_size"
        raise refuse(msg, sent.place)
    try:
        # Packing a flat list takes half the time of `fromiter`, and a number beyond float32 is an error, not infinity.
        array = np.frombuffer(_packer(kind.char, len(data))(*data), kind) if sent.flat else _nested(data, kind)
    except (ValueError, TypeError, OverflowError, struct.error) as error:
        raise refuse(f"data are not numbers in rows of one length: {error}", f"{sent.place}.data") from error
    if array.size != shape[0] * shape[1] or (array.ndim > 1 and list(array.shape) != shape):
        raise refuse(f"{array.size} numbers in {list(array.shape)} do not fill the shape {shape}", sent.place)
    return array.reshape(shape)


def _nested(data: list[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    array = np.asarray(data)
    # Text would be read as a number and a boolean as one or zero; neither was meant.
    if array.dtype.kind not in "iuf":
        message = "text, booleans or integers beyond 64 bits"
        raise ValueError(message)
    with np.errstate(over="ignore"):
        return array.astype(kind)


@lru_cache(maxsize=256)
def _packer(kind: str, count: int) -> Callable[..., bytes]:
    """Return what turns so many numbers into bytes."""
    return struct.Struct(f"<{count}{kind}").pack


def _take(tail: bytes, offset: int, size: object, place: str, *, given: object) -> tuple[memoryview, int]:
    if isinstance(size, bool) or not isinstance(size, int) or size < 0 or offset + size > len(tail):
        raise refuse(f"{_BINARY_SIZE} {size!r} is not the length of a part of the body", place)
    if given is not msgspec.UNSET:
        msg = "the tensor has both data and binary_data_size"
        raise refuse(msg, place)
    return memoryview(tail)[offset : offset + size], offset + size
