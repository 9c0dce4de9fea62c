"""Requests and answers as typed structures; their field names are the public contract."""

import re
from typing import Annotated

import msgspec

from model_server.errors import RequestRefusedError

MAX_INPUTS = 256
# Chosen: 256 SMILES strings of 512 characters, each escaped and quoted, with room for the frame.
MAX_BODY_BYTES = 512 * 1024

_PLACE = re.compile(r"(?P<what>.*) - at `\$\.?(?P<path>.*)`", re.DOTALL)


class MoleculeInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One molecule to predict."""

    smiles: str


class PredictionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /api/v1/predictions; without a level the card's default is used."""

    target: str
    inputs: Annotated[list[MoleculeInput], msgspec.Meta(min_length=1, max_length=MAX_INPUTS)]
    confidence_level: float | msgspec.UnsetType = msgspec.UNSET


class ModelName(msgspec.Struct, frozen=True):
    """Which model answered; `digest` names its whole released folder."""

    name: str
    version: str
    digest: str


class Prediction(msgspec.Struct, frozen=True):
    """One answer, in the unit of the enclosing response."""

    smiles: str
    canonical_smiles: str
    prediction: float
    lower: float
    upper: float
    in_domain: bool
    similarity: float


class PredictionResponse(msgspec.Struct, frozen=True):
    """Answers in the order of the inputs."""

    target: str
    unit: str
    confidence_level: float
    model: ModelName
    predictions: list[Prediction]


class ModelEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One expected model as GET /api/v1/models lists it; without version and digest while it is not loaded."""

    name: str
    state: str
    version: str | None = None
    unit: str | None = None
    digest: str | None = None
    confidence_levels: tuple[float, ...] | None = None


class ModelList(msgspec.Struct, frozen=True):
    """Body of GET /api/v1/models."""

    models: list[ModelEntry]


class Status(msgspec.Struct, frozen=True):
    """Body of a probe that succeeded."""

    status: str


class ErrorDetail(msgspec.Struct, frozen=True, omit_defaults=True):
    """The one error shape."""

    code: str
    message: str
    path: str | None = None


class ErrorResponse(msgspec.Struct, frozen=True):
    """Body of every answer that is not a success."""

    error: ErrorDetail


_REQUEST_DECODER = msgspec.json.Decoder(PredictionRequest)
_ENCODER = msgspec.json.Encoder()


def encode(body: msgspec.Struct) -> bytes:
    """Encode an answer as compact JSON."""
    return _ENCODER.encode(body)


def decode_request(content: bytes) -> PredictionRequest:
    """Decode the body of a prediction request.

    Raises:
        RequestRefusedError: 400 when it is not JSON, 422 when it is JSON of another shape (permanent).
    """
    try:
        return _REQUEST_DECODER.decode(content)
    except msgspec.ValidationError as error:
        text = str(error)
        match = _PLACE.fullmatch(text)
        what, path = (match["what"], match["path"] or None) if match else (text, None)
        raise RequestRefusedError(
            f"request body: {what}; see the API reference for the shape", code="invalid_request", status=422, path=path
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestRefusedError(
            f"request body: {error}; send a JSON object in UTF-8", code="malformed_json", status=400
        ) from error
