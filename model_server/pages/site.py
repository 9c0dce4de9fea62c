"""All pages of a worker, wired from the handlers that answer the API."""

from typing import NamedTuple

from model_server.errors import RequestRefusedError
from model_server.pages.bundle import Bundle
from model_server.pages.compare import ComparePage
from model_server.pages.drift import DriftPage
from model_server.pages.frame import Fields, Frame
from model_server.pages.importance import ImportancePage
from model_server.pages.models import ModelsPages
from model_server.pages.predict import PredictPage
from model_server.pages.train import TrainPage
from model_server.pages.validation import ValidationPage
from model_server.registry.registry import Registry
from model_server.serve.api.drift import Drift
from model_server.serve.api.judging import Judging
from model_server.serve.api.mixtures import Mixtures
from model_server.serve.api.models import Models
from model_server.serve.api.predictions import Predictions
from model_server.serve.api.training import Training
from model_server.serve.endpoint import Call, Endpoint
from model_server.serve.http.message import Answer
from model_server.serve.releases import Releases
from model_server.serve.routes import UNMATCHED
from model_server.serve.shelf import Shelf


class SiteParts(NamedTuple):
    """The handlers that pages show the answers of."""

    shelf: Shelf
    registry: Registry
    releases: Releases
    predictions: Predictions
    models: Models
    judging: Judging
    mixtures: Mixtures
    training: Training
    drift: Drift


def lost_endpoint(frame: Frame) -> Endpoint:
    """Describe what answers a browser whose address is no page; it has no path of its own."""

    async def refuse(_call: Call, _fields: Fields) -> Answer:
        message = "there is no such page; the address may be misspelt, or from another version"
        raise RequestRefusedError(message, code="not_found", status=404)

    return frame.page(UNMATCHED, "/", refuse, "No such page.")


def page_endpoints(parts: SiteParts, bundle: Bundle, frame: Frame) -> list[Endpoint]:
    """Describe every page and static file."""
    return [
        *PredictPage(frame, parts.shelf, parts.predictions, parts.mixtures).endpoints(),
        *ModelsPages(frame, parts.shelf, parts.models, parts.releases).endpoints(),
        *ValidationPage(frame, parts.releases).endpoints(),
        *ImportancePage(frame, parts.releases).endpoints(),
        *ComparePage(frame, parts.releases, parts.judging).endpoints(),
        *TrainPage(frame, parts.registry, parts.training).endpoints(),
        *DriftPage(frame, parts.shelf, parts.drift).endpoints(),
        *bundle.endpoints(),
    ]
