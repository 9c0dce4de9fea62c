"""Train the glass transition temperature model and write it as a released folder."""

import platform
from dataclasses import dataclass
from importlib.metadata import version as installed_version

import numpy as np

from model_server.data.compounds import CompoundSet, merge_measurements
from model_server.data.manifest import load_manifest
from model_server.data.table import load_measurements
from model_server.export.folder import ReleaseDraft, WrittenRelease, write_release
from model_server.export.graph import export_forest
from model_server.export.parity import check_parity
from model_server.features.descriptors import COLUMNS, describe_molecules
from model_server.features.fingerprints import pack_fingerprints
from model_server.features.molecules import library_version, parse_molecule, silence_library_log
from model_server.registry.card import (
    DataRecord,
    FeatureContract,
    Identity,
    IntervalContract,
    ParityRecord,
    Training,
    WarmUp,
)
from model_server.registry.session import ModelSession, open_session
from model_server.train.assessment import DEFAULT_LEVEL, Assessed, Prepared, Report, assess
from model_server.train.forest import ForestSettings, fit_forest, forest_learner
from model_server.train.settings import TrainSettings

MODEL_NAME = "tg"
MANIFEST = "tg_koop"
# Chosen: four cryoprotectants, one ring-rich drug-like structure and one structure far from the training set.
WARM_UP_SMILES = (
    "OCC(O)CO",
    "CC(O)CO",
    "OCC1OC(OC2C(O)C(O)C(O)OC2CO)C(O)C(O)C1O",
    "CS(C)=O",
    "O=C(O)c1ccccc1Oc1ccccc1",
    "FC(F)(F)C(F)(F)C(F)(F)F",
)
_LIBRARIES = ("numpy", "onnx", "onnxruntime", "rdkit", "scikit-learn", "scipy", "skl2onnx")
_KNOWN_FAILURES = (
    "Stereochemistry is not seen: epimers such as glucose and mannose, and cis/trans pairs, get one answer.",
    "Pure, dry compounds only: no mixtures, no water content, no freeze-concentrated Tg'.",
    "Structures with a new scaffold: see the error by scaffold, which holds out all ring-free structures together.",
    "Salts, metals and ions: two inorganic salts are in the data and nothing else of the kind.",
    "Outside the domain the error roughly doubles; the interval widens only as far as the trees disagree.",
    "A compound of the training set gets back nearly its reference value; the interval is calibrated on unseen ones.",
)


@dataclass(frozen=True)
class _Trained:
    """The final model and its gate."""

    model: bytes
    parity: ParityRecord
    warm_up: tuple[WarmUp, ...]


def train_tg(settings: TrainSettings, report: Report = lambda _line: None) -> WrittenRelease:
    """Train, assess, export and write the Tg model.

    Args:
        settings: folders, version, seed and effort.
        report: receives one line per step, for a progress display.

    Raises:
        DatasetMissingError: the data set is not in the data folder (permanent).
        DatasetInvalidError: the data set differs from its manifest (permanent).
        ExportInvalidError: the parity gate closed; nothing written (permanent).
        ReleaseExistsError: the version exists with other content and `replace` is off (permanent).
    """
    silence_library_log()
    manifest = load_manifest(MANIFEST)
    report(f"data: {manifest.name} from {settings.data_dir}")
    return train_on(merge_measurements(manifest, load_measurements(manifest, settings.data_dir)), settings, report)


def train_on(compounds: CompoundSet, settings: TrainSettings, report: Report) -> WrittenRelease:
    """Train, assess, export and write the Tg model on compounds that are already loaded; see `train_tg`."""
    prepared = _prepare(compounds)
    forest = ForestSettings()
    assessed = assess(
        forest_learner(forest),
        prepared,
        seed=settings.seed,
        repeats=settings.repeats,
        holdouts=settings.holdouts,
        report=report,
    )
    report("export: final model, ONNX graph, parity gate")
    trained = _train_final(prepared, forest, settings.seed)
    draft = _draft(prepared, forest, settings, assessed, trained)
    written = write_release(draft, settings.out_dir, replace=settings.replace)
    report(f"{'unchanged' if written.unchanged else 'written'}: {written.folder} {written.digest}")
    return written


def _prepare(compounds: CompoundSet) -> Prepared:
    return Prepared(compounds, describe_molecules(compounds.molecules), pack_fingerprints(compounds.molecules))


def _train_final(prepared: Prepared, forest: ForestSettings, seed: int) -> _Trained:
    fitted = fit_forest(prepared.x, prepared.compounds.values, seed=seed, settings=forest)
    model = export_forest(fitted, features=len(COLUMNS))
    session = open_session(model, where="exported graph")
    parity = check_parity(session, fitted, prepared.x, seed=seed)
    return _Trained(model, parity, _warm_up(session))


def _warm_up(session: ModelSession) -> tuple[WarmUp, ...]:
    prediction, scale = session.run(describe_molecules(parse_molecule(smiles) for smiles in WARM_UP_SMILES))
    return tuple(
        WarmUp(smiles, round(float(point), 3), round(float(spread), 3))
        for smiles, point, spread in zip(WARM_UP_SMILES, prediction, scale, strict=True)
    )


def _draft(
    prepared: Prepared, forest: ForestSettings, settings: TrainSettings, assessed: Assessed, trained: _Trained
) -> ReleaseDraft:
    compounds = prepared.compounds
    libraries = {name: installed_version(name) for name in _LIBRARIES}
    return ReleaseDraft(
        model=trained.model,
        fingerprints=prepared.fingerprints,
        identity=_identity(settings.version, compounds.unit, forest),
        data=_data_record(compounds),
        features=FeatureContract(COLUMNS, "rdkit", library_version(), "ignored"),
        training=Training(settings.seed, ".".join(platform.python_version_tuple()[:2]), libraries),
        evaluation=assessed.evaluation,
        intervals=IntervalContract(
            method="cross-conformal, out-of-fold errors divided by the scale, rank ceil((n + 1) * level)",
            scale=f"sqrt(variance of the trees + ({forest.scale_floor:g} {compounds.unit})^2)",
            default_level=DEFAULT_LEVEL,
            holdouts=settings.holdouts,
            levels=assessed.levels,
        ),
        domain=assessed.domain,
        parity=trained.parity,
        warm_up=trained.warm_up,
    )


def _identity(version: str, unit: str, forest: ForestSettings) -> Identity:
    return Identity(
        name=MODEL_NAME,
        version=version,
        target="glass transition temperature of the pure compound",
        unit=unit,
        lower_bound=0.0,
        algorithm="extremely randomised trees on compound means",
        hyperparameters={
            "trees": forest.trees,
            "min_samples_split": forest.min_samples_split,
            "scale_floor": forest.scale_floor,
        },
        intended_use="rank and screen small organic molecules as vitrifying agents; not a substitute for calorimetry",
        known_failures=_KNOWN_FAILURES,
    )


def _data_record(compounds: CompoundSet) -> DataRecord:
    manifest, source = compounds.manifest, compounds.manifest.source
    repeated = compounds.ranges[compounds.ranges > 0]
    return DataRecord(
        name=manifest.name,
        title=manifest.title,
        sha256=manifest.sha256,
        origin=source.origin,
        commit=source.commit,
        licence=source.licence,
        cite=source.cite,
        measurements=compounds.measurements,
        compounds=len(compounds),
        target_min=float(compounds.values.min()),
        target_max=float(compounds.values.max()),
        repeat_range_mean=round(float(np.mean(repeated)), 2) if repeated.size else 0.0,
    )
