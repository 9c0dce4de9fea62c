"""Put together what a release says of itself: identity, data, contracts and figures."""

import hashlib
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version as installed_version
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from model_server.data.samples import Samples
from model_server.evaluate.domain import Neighbourhood
from model_server.export.folder import ReleaseDraft
from model_server.features.fingerprints import BITS, RADIUS
from model_server.features.molecules import Molecule, library_version, parse_molecule
from model_server.features.recipes import MoleculeRecipe, Recipe, find_recipe
from model_server.registry.card import (
    AddedRecord,
    DataRecord,
    DomainContract,
    Evaluation,
    FeatureContract,
    Identity,
    IntervalContract,
    ParityRecord,
    Point,
    Training,
    WarmUp,
)
from model_server.registry.figures import Importance, IntervalLevel, Reference
from model_server.registry.session import ModelSession
from model_server.train.assessment import DEFAULT_LEVEL, DomainFigures, Prepared, PrimaryRun
from model_server.train.blend import BlendSettings
from model_server.train.catalogue import ModelPlan
from model_server.train.settings import TrainSettings

_LIBRARIES = ("numpy", "onnx", "onnxruntime", "rdkit", "scikit-learn", "scipy", "skl2onnx")
_KEY_CHARS = 16


@dataclass(frozen=True)
class Assessed:
    """Everything measured about a learner that goes into a card."""

    evaluation: Evaluation
    levels: tuple[IntervalLevel, ...]
    importance: tuple[Importance, ...]
    domain: DomainFigures
    holdouts: int


@dataclass(frozen=True)
class Exported:
    """The final model, its gate, its probes and how its inputs were distributed."""

    model: bytes
    parity: ParityRecord
    warm_up: tuple[WarmUp, ...]
    drift: tuple[Reference, ...]


@dataclass(frozen=True)
class KnownRowsOf:
    """What similarity is measured against; the neighbourhood is absent for fingerprints."""

    rows: NDArray[Any]
    neighbourhood: Neighbourhood | None


def warm_up(plan: ModelPlan, recipe: Recipe, session: ModelSession) -> tuple[WarmUp, ...]:
    """Run the probes of a plan through the exported graph."""
    known = []
    conditions = dict(plan.probe_conditions)
    for probe in plan.probes:
        if isinstance(recipe, MoleculeRecipe):
            row = recipe.row(parse_molecule(str(probe)), conditions)
        else:
            row = recipe.row(probe if isinstance(probe, dict) else {}, conditions)
        prediction, scale = session.run(row[np.newaxis, :])
        known.append(
            WarmUp(
                features=tuple(float(value) for value in row),
                prediction=round(float(prediction[0]), 3),
                scale=round(float(scale[0]), 3),
                smiles=probe if isinstance(probe, str) else None,
                composition=None if isinstance(probe, str) else probe,
                conditions=conditions,
            )
        )
    return tuple(known)


def draft_release(  # noqa: PLR0913, PLR0917 - the parts of a release meet here and nowhere else
    prepared: Prepared,
    blend: BlendSettings,
    settings: TrainSettings,
    assessed: Assessed,
    exported: Exported,
    known: KnownRowsOf,
    run: PrimaryRun,
) -> ReleaseDraft:
    """Assemble a draft."""
    plan, samples = prepared.plan, prepared.samples
    return ReleaseDraft(
        model=exported.model,
        known_rows=known.rows,
        known_names=_names(plan, samples),
        points=_points(prepared, run),
        identity=_identity(plan, samples, blend, settings.version),
        data=_data_record(samples),
        features=_features(plan),
        training=Training(
            settings.seed,
            ".".join(platform.python_version_tuple()[:2]),
            {name: installed_version(name) for name in _LIBRARIES},
        ),
        evaluation=assessed.evaluation,
        intervals=IntervalContract(
            method="cross-conformal, out-of-fold errors divided by the scale, share raised by (groups + 1) / groups; "
            "outside the domain the quantile of rows that were outside, when larger",
            scale=_scale_text(blend, samples.target.unit or "1"),
            default_level=DEFAULT_LEVEL,
            holdouts=assessed.holdouts,
            levels=assessed.levels,
        ),
        domain=_domain(prepared, assessed.domain, known.neighbourhood),
        importance=assessed.importance,
        drift=exported.drift,
        parity=exported.parity,
        warm_up=exported.warm_up,
    )


def _scale_text(blend: BlendSettings, unit: str) -> str:
    process = " + variance of the process" if blend.share < 1.0 else ""
    return f"sqrt(variance of the trees{process} + ({blend.scale_floor:g} {unit})^2)"


def _identity(plan: ModelPlan, samples: Samples, blend: BlendSettings, version: str) -> Identity:
    trees = "extremely randomised trees"
    process = "a Gaussian process (exponential distance, Tanimoto of fragment counts, linear)"
    return Identity(
        name=plan.name,
        version=version,
        family=plan.family,
        variant=plan.variant,
        selector=plan.selector,
        target=plan.target,
        unit=samples.target.unit or "1",
        direction=samples.target.direction,
        lower_bound=plan.bounds[0],
        upper_bound=plan.bounds[1],
        algorithm=f"weighted mean of {trees} and {process}" if blend.share < 1.0 else trees,
        hyperparameters={
            "tree_share": blend.share,
            "scale_floor": blend.scale_floor,
            **asdict(blend.forest),
        },
        intended_use=plan.intended_use,
        known_failures=plan.known_failures,
    )


def _features(plan: ModelPlan) -> FeatureContract:
    recipe = find_recipe(plan.recipe)
    molecular = isinstance(recipe, MoleculeRecipe)
    columns = [column.name for column in recipe.columns]
    stereo = "used" if "log_right_stereocentres" in columns else "ignored"
    return FeatureContract(
        recipe=recipe.name,
        kind=recipe.kind,
        columns=recipe.columns,
        conditions=recipe.conditions,
        library="rdkit" if molecular else "none",
        library_version=library_version() if molecular else "",
        stereochemistry=stereo if molecular else "not applicable",  # type: ignore[arg-type] # one of the literals
    )


def _data_record(samples: Samples) -> DataRecord:
    manifest, source, added = samples.manifest, samples.manifest.source, samples.added
    repeated = samples.ranges[samples.ranges > 0]
    return DataRecord(
        name=manifest.name,
        title=manifest.title,
        sha256=manifest.sha256,
        origin=source.origin,
        commit=source.commit,
        licence=source.licence,
        cite=source.cite,
        measurements=samples.measurements,
        compounds=len(samples),
        target_min=float(samples.values.min()),
        target_max=float(samples.values.max()),
        repeat_range_mean=round(float(np.mean(repeated)), 2) if repeated.size else 0.0,
        excluded=samples.excluded,
        experiments=AddedRecord(added.sha256, len(added.entries)) if added else msgspec.UNSET,
    )


def _domain(prepared: Prepared, figures: DomainFigures, known: Neighbourhood | None) -> DomainContract:
    kind: Literal["tanimoto", "knn"] = "tanimoto"
    rule = "in domain when the Tanimoto similarity to the nearest training compound reaches the threshold"
    if known is not None:
        kind = "knn"
        rule = (
            f"in domain when 1 / (1 + d / reach), d being the mean distance to the {known.neighbours} nearest training "
            "rows in standard units, reaches the threshold"
        )
    return DomainContract(
        kind=kind,
        rule=rule,
        threshold=prepared.plan.threshold,
        mae_inside=figures.inside,
        mae_outside=figures.outside,
        default_level_coverage_outside=figures.coverage_outside,
        bands=figures.bands,
        radius=RADIUS if known is None else None,
        bits=BITS if known is None else None,
        axes=() if known is None else tuple(prepared.columns[index].name for index in known.axes),
        centre=() if known is None else tuple(float(value) for value in known.centre),
        spread=() if known is None else tuple(float(value) for value in known.spread),
        neighbours=None if known is None else known.neighbours,
        reach=None if known is None else known.reach,
    )


def _names(plan: ModelPlan, samples: Samples) -> tuple[str, ...]:
    if plan.names == "keys":
        return samples.keys
    molecules = [given for given in samples.inputs if isinstance(given, Molecule)]
    return tuple(str(Chem.MolToInchiKey(given.mol)) for given in molecules)  # type: ignore[no-untyped-call] # untyped part of RDKit


def _points(prepared: Prepared, run: PrimaryRun) -> tuple[Point, ...]:
    outcome, similarity = run.outcomes[0], run.similarity[0]
    keys = [hashlib.sha256(key.encode()).hexdigest()[:_KEY_CHARS] for key in prepared.samples.keys]
    found = [
        Point(key, round(float(y), 2), round(float(p), 2), round(float(s), 2), bool(near >= prepared.plan.threshold))
        for key, y, p, s, near in zip(keys, outcome.actual, outcome.point, outcome.scale, similarity, strict=True)
    ]
    # Sorted by the hash: the order of the file must not say which row is which.
    return tuple(sorted(found, key=lambda point: point.key))
