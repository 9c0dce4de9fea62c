"""All pages of a worker, wired from the handlers that answer the API."""

from typing import NamedTuple

from model_server.pages.bundle import Bundle
from model_server.pages.frame import Build, Frame
from model_server.pages.models import ModelsPages
from model_server.pages.predict import PredictPage
from model_server.serve.api.judging import Judging
from model_server.serve.api.mixtures import Mixtures
from model_server.serve.api.models import Models
from model_server.serve.api.predictions import Predictions
from model_server.serve.endpoint import Endpoint
from model_server.serve.releases import Releases
from model_server.serve.shelf import Shelf


class SiteParts(NamedTuple):
    """The handlers that pages show the answers of."""

    shelf: Shelf
    releases: Releases
    predictions: Predictions
    models: Models
    judging: Judging
    mixtures: Mixtures


def page_endpoints(parts: SiteParts, build: Build) -> list[Endpoint]:
    """Describe every page and static file."""
    bundle = Bundle()
    frame = Frame(bundle, build)
    return [
        *PredictPage(frame, parts.shelf, parts.predictions, parts.mixtures).endpoints(),
        *ModelsPages(frame, parts.shelf, parts.models, parts.releases).endpoints(),
        *bundle.endpoints(),
    ]
