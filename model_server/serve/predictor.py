"""Answer a batch of SMILES strings with one model: describe, run, interval, domain; each step cached."""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np

from model_server.errors import ArtefactInvalidError, MoleculeInvalidError, RequestRefusedError
from model_server.features.columns import FeatureRow
from model_server.features.descriptors import COLUMNS, describe_molecule
from model_server.features.fingerprints import KnownCompounds, pack_fingerprints
from model_server.features.molecules import library_version, parse_molecule
from model_server.registry.folder import Release, check_feature_contract
from model_server.registry.session import ModelSession
from model_server.serve.cache import BoundedCache, CacheCounts
from model_server.serve.metrics import ServeMetrics
from model_server.serve.wire import ModelName, Prediction

# Chosen: about 1 kB an entry in all three caches together, so 20 MB at most.
CACHE_CAPACITY = 20_000
# Chosen: probes and other requests wait no longer than this for a batch of uncached molecules.
_SLICE_S = 0.005
# Chosen: five times the parity limit of the scale; a machine that computes otherwise differs by whole kelvins.
_WARM_UP_TOLERANCE = 0.05


class Described(NamedTuple):
    """A molecule as the model sees it."""

    canonical: str
    features: FeatureRow
    similarity: float


class Answered(NamedTuple):
    """What the model says about a canonical molecule at one level."""

    prediction: float
    lower: float
    upper: float
    in_domain: bool
    similarity: float


PredictionKey = tuple[str, str, float, str]


class Caches:
    """The caches of one worker: text to canonical, canonical to description, question to answer."""

    def __init__(self, capacity: int = CACHE_CAPACITY) -> None:
        """Start all three empty, with the same capacity."""
        self.spellings: BoundedCache[tuple[str, str], Described] = BoundedCache(capacity)
        self.descriptions: BoundedCache[tuple[str, str], Described] = BoundedCache(capacity)
        self.predictions: BoundedCache[PredictionKey, Answered] = BoundedCache(capacity)

    def by_name(self) -> dict[str, CacheCounts]:
        """Name the caches for metrics."""
        return {"spellings": self.spellings, "descriptions": self.descriptions, "predictions": self.predictions}


class Predictor:
    """One loaded model."""

    def __init__(self, release: Release, session: ModelSession, *, caches: Caches, metrics: ServeMetrics) -> None:
        """Bind a model to its caches and counters.

        Args:
            release: verified folder.
            session: its graph.
            caches: shared by the models of a worker; keys carry name and version.
            metrics: where to count.
        """
        card = release.card
        self.release = release
        self.name = ModelName(card.model.name, card.model.version, release.digest)
        self._session = session
        self._known = KnownCompounds(release.fingerprints)
        self._quantiles = {level.level: level.quantile for level in card.intervals.levels}
        self._caches = caches
        labels = (card.model.name, card.model.version)
        self._describe_seconds = metrics.describe
        self._inference_seconds = metrics.inference.labels(*labels)
        self._predicted = metrics.predictions.labels(*labels)
        self._out_of_domain = metrics.out_of_domain.labels(*labels)

    @property
    def levels(self) -> tuple[float, ...]:
        """Confidence levels on offer."""
        return tuple(self._quantiles)

    def choose_level(self, asked: float | None) -> float:
        """Take the asked confidence level, or the card's default.

        Raises:
            RequestRefusedError: 422 when the card has no quantile for it (permanent).
        """
        if asked is None:
            return self.release.card.intervals.default_level
        if asked not in self._quantiles:
            raise RequestRefusedError(
                f"{asked:g} was not calibrated for {self.name.name}; choose one of {list(self._quantiles)}",
                code="unsupported_confidence_level",
                status=422,
                path="confidence_level",
            )
        return asked

    def warm_up(self) -> None:
        """Run the card's warm-up molecules and compare.

        Raises:
            ArtefactInvalidError: this process would feed other features or answers differently (permanent).
        """
        release, card = self.release, self.release.card
        check_feature_contract(card, columns=COLUMNS, library_version=library_version(), where=release.where)
        for known in card.warm_up:
            prediction, scale = self._session.run(self._describe(known.smiles).features[np.newaxis, :])
            differences = abs(float(prediction[0]) - known.prediction), abs(float(scale[0]) - known.scale)
            if not max(differences) <= _WARM_UP_TOLERANCE:
                raise ArtefactInvalidError(
                    f"{release.where}: {known.smiles} gives {float(prediction[0]):.3f}, the card says "
                    f"{known.prediction:.3f}; this machine computes differently, train again with its libraries"
                )

    async def predict(self, texts: Sequence[str], level: float) -> list[Prediction]:
        """Predict in the order of the texts.

        Raises:
            RequestRefusedError: 422 naming the first text that is not a molecule (permanent).
        """
        described = await self._describe_all(texts)
        answers = self._answer_all(described, level)
        self._predicted.inc(len(answers))
        self._out_of_domain.inc(sum(not answer.in_domain for answer in answers))
        return [
            Prediction(text, molecule.canonical, *answer)
            for text, molecule, answer in zip(texts, described, answers, strict=True)
        ]

    async def _describe_all(self, texts: Sequence[str]) -> list[Described]:
        described = []
        slice_end = perf_counter() + _SLICE_S
        for index, text in enumerate(texts):
            try:
                described.append(self._describe(text))
            except MoleculeInvalidError as error:
                raise RequestRefusedError(
                    f"inputs[{index}]: {error}", code="invalid_smiles", status=422, path=f"inputs[{index}].smiles"
                ) from error
            if perf_counter() > slice_end:
                await asyncio.sleep(0)
                slice_end = perf_counter() + _SLICE_S
        return described

    def _describe(self, text: str) -> Described:
        model = self.name.name
        known = self._caches.spellings.get((model, text))
        if known is not None:
            return known
        with self._describe_seconds.time():
            molecule = parse_molecule(text)
            described = self._caches.descriptions.get((model, molecule.canonical))
            if described is None:
                similarity = self._known.nearest_similarity(pack_fingerprints([molecule])[0])
                described = Described(molecule.canonical, describe_molecule(molecule), similarity)
                self._caches.descriptions.put((model, molecule.canonical), described)
        self._caches.spellings.put((model, text), described)
        return described

    def _answer_all(self, described: Sequence[Described], level: float) -> list[Answered]:
        """Look answers up and run the graph once over the molecules that have none."""
        keys = [(self.name.name, self.name.version, level, molecule.canonical) for molecule in described]
        found = [self._caches.predictions.get(key) for key in keys]
        missing = [index for index, answer in enumerate(found) if answer is None]
        if not missing:
            return [answer for answer in found if answer is not None]
        with self._inference_seconds.time():
            points, scales = self._session.run(np.stack([described[index].features for index in missing]))
        fresh: dict[int, Answered] = {}
        for index, point, scale in zip(missing, points.tolist(), scales.tolist(), strict=True):
            fresh[index] = self._answer(point, scale, described[index].similarity, level)
            self._caches.predictions.put(keys[index], fresh[index])
        return [fresh[index] if answer is None else answer for index, answer in enumerate(found)]

    def _answer(self, point: float, scale: float, similarity: float, level: float) -> Answered:
        card = self.release.card
        half_width = self._quantiles[level] * scale
        lower = point - half_width
        if card.model.lower_bound is not None:
            lower = max(lower, card.model.lower_bound)
        return Answered(
            prediction=round(point, 2),
            lower=round(lower, 2),
            upper=round(point + half_width, 2),
            in_domain=similarity >= card.domain.threshold,
            similarity=round(similarity, 3),
        )
