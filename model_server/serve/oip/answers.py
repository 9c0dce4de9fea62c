"""Outputs to bytes: JSON put together from prepared parts, binary tensors behind it."""

from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_server.registry.session import FloatVector
from model_server.serve.http.message import JSON
from model_server.serve.oip.tensors import DOMAIN_OUTPUTS, OUTPUT_NAMES, Question
from model_server.serve.oip.wire import refuse
from model_server.serve.predictor import ModelName, Predictor

OCTETS = b"application/octet-stream"
_ENCODE = msgspec.json.Encoder().encode
_DATATYPES = {"prediction": b"FP32", "lower": b"FP32", "upper": b"FP32", "in_domain": b"BOOL", "similarity": b"FP32"}
_DEFAULTS = {
    (has_domain, binary): tuple((name, binary) for name in (OUTPUT_NAMES if has_domain else OUTPUT_NAMES[:3]))
    for has_domain in (False, True)
    for binary in (False, True)
}
PLAIN_OUTPUTS = _DEFAULTS[False, False]
_PLACES = {name: place for place, name in enumerate(OUTPUT_NAMES)}
_HEADS = {
    name: b'{"name":"%b","datatype":"%b","shape":[' % (name.encode(), datatype) for name, datatype in _DATATYPES.items()
}


_ONE_ROW = b",".join(_HEADS[name] + b'1],"data":[%b]}' for name in OUTPUT_NAMES[:3])


class Results(NamedTuple):
    """What a model says, each of shape (n,), in the order of `OUTPUT_NAMES`; without a domain the last two are None."""

    prediction: FloatVector
    lower: FloatVector
    upper: FloatVector
    inside: NDArray[np.bool_] | None
    similarity: NDArray[np.float32] | None


class Encoded(NamedTuple):
    """Outputs ready to be sent: the JSON of the list, and what follows in binary."""

    outputs: bytes
    tail: bytes


def choose_outputs(question: Question, *, has_domain: bool) -> tuple[tuple[str, bool], ...]:
    """Take the outputs asked for, or all that can be given.

    Raises:
        RequestRefusedError: 400 when the domain is asked for and cannot be told (permanent).
    """
    if not question.outputs:
        return _DEFAULTS[has_domain, question.binary]
    if not has_domain and any(name in DOMAIN_OUTPUTS for name, _ in question.outputs):
        msg = "in_domain and similarity need the input fingerprint; send it, or ask the domain API"
        raise refuse(msg, "outputs")
    return question.outputs


def encode_outputs(results: Results, wanted: tuple[tuple[str, bool], ...]) -> Encoded:
    """Encode the chosen outputs in their order."""
    rows = b"%d" % len(results.prediction)
    parts, tails = [], []
    for name, binary in wanted:
        values = _values(results, name)
        if binary:
            content = values.tobytes()
            tails.append(content)
            parts.append(b'%b%b],"parameters":{"binary_data_size":%d}}' % (_HEADS[name], rows, len(content)))
        else:
            parts.append(b'%b%b],"data":%b}' % (_HEADS[name], rows, _ENCODE(values.tolist())))
    return Encoded(b",".join(parts), b"".join(tails))


def encode_one_row(point: float, lower: float, upper: float) -> Encoded:
    """Encode the three outputs that every model has for a single row; a third of the general way's time."""
    values = tuple(map(_ENCODE, (point, lower, upper)))
    return Encoded(_ONE_ROW % values, b"")


def frame_answer(
    predictor: Predictor, encoded: Encoded, request_id: str | None, level: float
) -> tuple[bytes, bytes, bytes]:
    """Put an answer together.

    Returns:
        body, content type and header lines.
    """
    start, middle = _frame(predictor.name, predictor.card.model.unit, level)
    given = b"" if request_id is None else b'"id":%b,' % _ENCODE(request_id)
    body = b"%b%b%b%b]}" % (start, given, middle, encoded.outputs)
    if not encoded.tail:
        return body, JSON, b""
    return body + encoded.tail, OCTETS, b"inference-header-content-length: %d\r\n" % len(body)


@lru_cache(maxsize=1024)
def _frame(name: ModelName, unit: str, level: float) -> tuple[bytes, bytes]:
    """Make what all answers of one version at one level have in common."""
    start = b'{"model_name":%b,"model_version":%b,' % (_ENCODE(name.name), _ENCODE(name.version))
    return start, b'"parameters":{"confidence_level":%b,"unit":%b},"outputs":[' % (_ENCODE(level), _ENCODE(unit))


def _values(results: Results, name: str) -> NDArray[np.float32] | NDArray[np.bool_]:
    values = results[_PLACES[name]]
    if values is None:
        message = f"output {name} was chosen without a domain"
        raise TypeError(message)
    return values
