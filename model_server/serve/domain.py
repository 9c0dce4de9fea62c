"""What a loaded model has seen, ready to be asked how near a question is."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from model_server.errors import ArtefactInvalidError
from model_server.features.columns import FeatureMatrix, FeatureRow
from model_server.features.fingerprints import KnownCompounds
from model_server.features.neighbours import KnownRows
from model_server.registry.folder import Release

# Chosen: three names tell a chemist where the model's knowledge comes from; more is a table nobody reads.
NEAREST = 3

PackedRow = NDArray[np.uint8]


class Neighbour(NamedTuple):
    """A known compound or formulation and how similar it is, 0 to 1."""

    name: str
    similarity: float


class Neighbourhood(NamedTuple):
    """Where a question lies: the highest similarity, and to what."""

    similarity: float
    nearest: tuple[Neighbour, ...]


class Domain(Protocol):
    """Answers how similar a question is to everything known."""

    def similarities(self, features: FeatureRow, fingerprint: PackedRow | None) -> NDArray[np.float64]:
        """Similarity to every known row, 0 to 1."""
        ...


class StructureDomain:
    """Similarity of structures, by their fingerprints."""

    needs_fingerprint = True

    def __init__(self, known: KnownCompounds) -> None:
        """Take the known compounds."""
        self._known = known

    def similarities(self, features: FeatureRow, fingerprint: PackedRow | None) -> NDArray[np.float64]:  # noqa: ARG002
        """Tanimoto similarity; a question without a fingerprint is a mistake of the caller."""
        if fingerprint is None:
            message = "a structural domain was asked without a fingerprint"
            raise TypeError(message)
        return self._known.similarities(fingerprint)


class FeatureDomain:
    """Similarity of feature rows, by their distance."""

    needs_fingerprint = False

    def __init__(self, known: KnownRows, axes: Sequence[int]) -> None:
        """Take the known rows, and which columns of a question span the distance."""
        self._known = known
        self._axes = np.array(axes)

    def similarities(self, features: FeatureRow, fingerprint: PackedRow | None) -> NDArray[np.float64]:  # noqa: ARG002
        """Similarity that falls with the distance in standardised features."""
        return self._known.similarities(features[self._axes])

    def nearest_similarity(self, features: FeatureRow) -> float:
        """Similarity as the card's rule defines it, over several neighbours."""
        return self._known.nearest_similarity(features[self._axes])


def build_domain(release: Release) -> StructureDomain | FeatureDomain:
    """Make the domain of a release.

    Raises:
        ArtefactInvalidError: names and rows do not belong together (permanent).
    """
    if len(release.known) != len(release.neighbours):
        raise ArtefactInvalidError(
            f"{release.where}: {len(release.known)} names for {len(release.neighbours)} known rows; train again"
        )
    if release.card.domain.kind == "tanimoto":
        return StructureDomain(KnownCompounds(release.neighbours))
    return _feature_domain(release)


def _feature_domain(release: Release) -> FeatureDomain:
    rule = release.card.domain
    columns = [column.name for column in release.card.features.columns]
    if rule.neighbours is None or rule.reach is None or not set(rule.axes) <= set(columns):
        raise ArtefactInvalidError(f"{release.where}: the card's domain rule is incomplete; train again")
    known = KnownRows(
        release.neighbours,
        centre=np.array(rule.centre, dtype=np.float32),
        spread=np.array(rule.spread, dtype=np.float32),
        neighbours=rule.neighbours,
        reach=rule.reach,
    )
    return FeatureDomain(known, [columns.index(axis) for axis in rule.axes])


def look_around(
    domain: StructureDomain | FeatureDomain, known: tuple[str, ...], features: FeatureRow, fingerprint: PackedRow | None
) -> Neighbourhood:
    """Find the nearest known rows and the similarity that decides about the domain."""
    similarities = domain.similarities(features, fingerprint)
    first = np.argsort(-similarities, kind="stable")[:NEAREST]
    nearest = tuple(Neighbour(known[row], round(float(similarities[row]), 3)) for row in first)
    if isinstance(domain, FeatureDomain):
        return Neighbourhood(domain.nearest_similarity(features), nearest)
    return Neighbourhood(float(similarities[first[0]]), nearest)


def batch_similarity(
    domain: StructureDomain | FeatureDomain, features: FeatureMatrix, fingerprints: NDArray[np.uint8] | None
) -> NDArray[np.float32] | None:
    """Similarity per row; None when a structural domain has no fingerprints to judge by."""
    if isinstance(domain, FeatureDomain):
        return np.array([domain.nearest_similarity(row) for row in features], dtype=np.float32)
    if fingerprints is None:
        return None
    rows = [
        domain.similarities(row, fingerprint).max() for row, fingerprint in zip(features, fingerprints, strict=True)
    ]
    return np.array(rows, dtype=np.float32)
