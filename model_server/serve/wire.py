"""Requests and answers of the domain API as typed structures; their field names are the public contract."""

import re
from functools import cache
from typing import Annotated, Any

import msgspec

from model_server.errors import RequestRefusedError
from model_server.serve.predictor import ModelName

MAX_INPUTS = 256
MAX_PARTS = 24
MAX_CONDITIONS = 16
MAX_PAGE = 100

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Reason = Annotated[str, msgspec.Meta(min_length=8, max_length=500)]
Conditions = Annotated[dict[Name, float], msgspec.Meta(max_length=MAX_CONDITIONS)]
# JSON has one kind of number; `1` must be as good a level as `1.0`.
Level = Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]

_PLACE = re.compile(r"(?P<what>.*) - at `\$\.?(?P<path>.*)`", re.DOTALL)


class _In(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of requests: unknown keys are refused, because they are misspelt known ones."""


class _Out(msgspec.Struct, frozen=True):
    """Base of answers."""


class PartInput(_In, frozen=True):
    """One component of a mixture, by name or by structure. Units: M, mM, uM, % w/v, % v/v, mol/kg, g/L and others."""

    amount: Annotated[float, msgspec.Meta(ge=0.0)]
    unit: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    name: Name | None = None
    smiles: str | None = None


class QuestionInput(_In, frozen=True):
    """One molecule or one mixture; its conditions go before those of the request."""

    smiles: str | None = None
    mixture: Annotated[list[PartInput], msgspec.Meta(min_length=1, max_length=MAX_PARTS)] | None = None
    conditions: Conditions = {}


class PredictionRequest(_In, frozen=True):
    """Body of POST /api/v1/predictions.

    `target` is a model or a family of models, which then chooses among its members. Without a level the card's default
    is used, without a version the champion.
    """

    target: Name
    inputs: Annotated[list[QuestionInput], msgspec.Meta(min_length=1, max_length=MAX_INPUTS)]
    confidence_level: Level | msgspec.UnsetType = msgspec.UNSET
    version: Name | msgspec.UnsetType = msgspec.UNSET
    conditions: Conditions = {}


class NearestKnown(_Out, frozen=True):
    """A compound or formulation the model was trained on."""

    name: str
    similarity: float


class Prediction(_Out, frozen=True, omit_defaults=True):
    """One answer, in the unit of the enclosing response; `model` and `version` say who gave it."""

    prediction: float
    lower: float
    upper: float
    in_domain: bool
    similarity: float
    nearest: list[NearestKnown]
    model: str
    version: str
    smiles: str | None = None
    canonical_smiles: str | None = None
    mixture: str | None = None


class PredictionResponse(_Out, frozen=True):
    """Answers in the order of the inputs; `model` is the one that gave the first of them."""

    target: str
    unit: str
    confidence_level: float
    model: ModelName
    predictions: list[Prediction]


class ModelEntry(_Out, frozen=True, omit_defaults=True):
    """One model; without version and digest while it is not loaded, not `enabled` while its flag switches it off."""

    name: str
    state: str
    enabled: bool
    version: str | None = None
    family: str | None = None
    unit: str | None = None
    direction: str | None = None
    digest: str | None = None
    confidence_levels: tuple[float, ...] | None = None
    aliases: dict[str, str] | None = None
    reason: str | None = None


class ModelList(_Out, frozen=True):
    """A page of models; `next` is the cursor of the following one."""

    models: list[ModelEntry]
    next: str | None


class VersionListEntry(_Out, frozen=True):
    """One version of a model."""

    version: str
    state: str
    aliases: list[str]
    digest: str
    promotable: bool
    because: tuple[str, ...]
    retired: bool


class VersionList(_Out, frozen=True):
    """A page of versions, newest first."""

    model: str
    versions: list[VersionListEntry]
    next: str | None


class AliasRequest(_In, frozen=True):
    """Body of PUT .../aliases/{alias}. Share and shadow are the challenger's part in the traffic."""

    version: Name
    reason: Reason
    override: bool = False
    share: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.0
    shadow: bool = False


class RetireRequest(_In, frozen=True):
    """Body of PUT .../retirement and of DELETE .../aliases/challenger."""

    reason: Reason


class AliasTable(_Out, frozen=True):
    """Where the aliases of a model point, and the challenger's part."""

    model: str
    aliases: dict[str, str]
    challenger_share: float
    shadow: bool


class Status(_Out, frozen=True):
    """Body of a probe that succeeded."""

    status: str


class ErrorDetail(_Out, frozen=True, omit_defaults=True):
    """The one error shape."""

    code: str
    message: str
    path: str | None = None


class ErrorResponse(_Out, frozen=True):
    """Body of every answer that is not a success."""

    error: ErrorDetail


_ENCODER = msgspec.json.Encoder()


def encode(body: object) -> bytes:
    """Encode an answer as compact JSON."""
    return _ENCODER.encode(body)


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - any structure of this module
    return msgspec.json.Decoder(kind)


def decode_body(kind: Any, content: bytes) -> Any:  # noqa: ANN401 - any structure of this module
    """Decode a request body to one of the structures above.

    Raises:
        RequestRefusedError: 400 when it is not JSON, 422 when it is JSON of another shape (permanent).
    """
    try:
        return _decoder(kind).decode(content)
    except msgspec.ValidationError as error:
        text = str(error)
        match = _PLACE.fullmatch(text)
        what, path = (match["what"], match["path"] or None) if match else (text, None)
        raise RequestRefusedError(
            f"request body: {what}; see the API reference for the shape", code="invalid_request", status=422, path=path
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestRefusedError(
            f"request body: {error}; send a JSON object in UTF-8", code="malformed_json", status=400
        ) from error
