"""Reads what is live of one application, for the guard."""

from collections.abc import Mapping

from agents.release.guard import Live
from agents.release.orders import Order, OrderBook
from agents.release.record import RecordStore
from agents.release.routes import Weights, read_weights
from agents.runtime import names
from agents.runtime.cluster import Deployment, Kube
from agents.runtime.errors import ObjectMissingError
from agents.runtime.names import Colour


def read_live(kube: Kube, namespace: str, app: str) -> Live:
    """Read namespace, route, Deployments, record and orders; a cluster without them has nothing live.

    Raises:
        ReleaseRefusedError: the route is not one of ours.
        RecordMalformedError: somebody else wrote the record.
        ClusterUnavailableError: the API server did not answer.
    """
    labels = kube.get_namespace_labels(namespace)
    if labels is None:
        return Live(stack=None, weights=None, contents={}, record=None)
    deployments = {
        colour: kube.list_deployments(namespace, {names.LABEL_NAME: app, names.LABEL_COLOUR: colour.value})
        for colour in Colour
    }
    orders = OrderBook(kube, namespace, app).read()
    return Live(
        stack=labels.get(names.LABEL_INSTANCE),
        weights=_read_weights(kube, namespace, app),
        contents=_contents_of(deployments),
        record=RecordStore(kube, namespace, app).load(),
        retry_of=orders.get(Order.RETRY),
        whole=_whole(deployments),
    )


def _read_weights(kube: Kube, namespace: str, app: str) -> Weights | None:
    try:
        return read_weights(kube.get_http_route(namespace, names.route_name(app)), app)
    except ObjectMissingError:
        return None


def _contents_of(found: Mapping[Colour, list[Deployment]]) -> dict[Colour, str]:
    contents = {colour: {each.content for each in deployments} for colour, deployments in found.items()}
    # Two Deployments of one colour exist while one replaces the other; then nothing certain is known.
    return {colour: next(iter(each)) for colour, each in contents.items() if len(each) == 1 and each != {""}}


def _whole(found: Mapping[Colour, list[Deployment]]) -> frozenset[Colour]:
    return frozenset(
        colour for colour, all_of in found.items() if all_of and all(each.ready >= each.wanted for each in all_of)
    )
