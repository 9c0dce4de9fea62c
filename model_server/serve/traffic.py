"""Which version answers a request that names none: champion, or challenger for a share of request ids."""

import hashlib

from model_server.serve.predictor import Predictor
from model_server.serve.shelf import Served

_RANGE = float(1 << 64)


def position_of(request_id: str) -> float:
    """Map an id to a number from 0 to just below 1; the same id always to the same one."""
    digest = hashlib.blake2b(request_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _RANGE


def choose_predictor(served: Served, request_id: str) -> Predictor | None:
    """Choose who answers; None when nothing is served.

    Args:
        served: of one model.
        request_id: repeated requests with one id get one version.
    """
    challenger = served.challenger
    if challenger is not None and position_of(request_id) < served.traffic.challenger_share:
        return challenger
    return served.champion


def choose_shadow(served: Served, answering: Predictor) -> Predictor | None:
    """Choose who computes the same unseen; None for nobody."""
    if served.traffic.shadow and answering is served.champion:
        return served.challenger
    return None
