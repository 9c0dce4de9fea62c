"""Train one model of the catalogue and write it as a released folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # ships no types

from model_server.data.experiments import experiment_entries, read_experiment_file
from model_server.data.manifest import Manifest, load_manifest
from model_server.data.samples import Added, Samples, build_samples
from model_server.data.table import load_table
from model_server.errors import DatasetInvalidError, TrainingCancelledError
from model_server.evaluate.domain import fit_neighbourhood, neighbour_measure, tanimoto_measure
from model_server.evaluate.importance import reference_distributions
from model_server.evaluate.verdict import check_promises
from model_server.export.folder import WrittenRelease, write_release
from model_server.export.graph import export_blend
from model_server.export.parity import check_parity
from model_server.features.fingerprints import pack_fingerprints
from model_server.features.molecules import Molecule, silence_library_log
from model_server.features.recipes import find_recipe
from model_server.registry.session import open_session
from model_server.train.assessment import (
    Prepared,
    PrimaryRun,
    assess_domain,
    assess_importance,
    assess_intervals,
    evaluate_points,
    run_primary,
)
from model_server.train.blend import BlendSettings, blend_learner, fit_blend
from model_server.train.catalogue import ModelPlan, find_plan
from model_server.train.draft import Assessed, Exported, KnownRowsOf, draft_release, warm_up
from model_server.train.progress import Report, Step, stay_silent
from model_server.train.search import search_settings
from model_server.train.settings import TrainSettings

# Chosen: the mean of five nearest rows forgives one odd neighbour; 3 and 8 separate errors about as well.
NEIGHBOURS = 5
_STEPS = 7
_REASONS_SHOWN = 3

Cancelled = Callable[[], bool]


@dataclass
class _Steps:
    """Counts steps for the display and stops between two of them when told to."""

    report: Report
    cancelled: Cancelled
    done: int = 0

    def begin(self, name: str, message: str) -> None:
        """Announce a step.

        Raises:
            TrainingCancelledError: somebody asked for that (permanent).
        """
        if self.cancelled():
            raise TrainingCancelledError(f"training stopped before step {name}; nothing was written")
        self.report(Step(name, self.done, _STEPS, message))
        self.done += 1


def train_model(
    name: str, settings: TrainSettings, report: Report = stay_silent, cancelled: Cancelled = lambda: False
) -> WrittenRelease:
    """Train, assess, export and write a model.

    Args:
        name: of the catalogue, such as ``tg``.
        settings: folders, version, seed and effort.
        report: receives every step as it begins.
        cancelled: asked between steps; true ends the run with nothing written.

    Raises:
        DatasetMissingError: the data set is not in the data folder (permanent).
        DatasetInvalidError: the data set differs from its manifest (permanent).
        ExportInvalidError: the parity gate closed; nothing written (permanent).
        ReleaseExistsError: the version exists with other content and `replace` is off (permanent).
        TrainingCancelledError: `cancelled` said so; nothing written (permanent).
    """
    plan = find_plan(name)
    silence_library_log()
    manifest = load_manifest(plan.manifest)
    added = None if settings.experiments is None else _added(plan, manifest, settings.experiments)
    samples = build_samples(load_table(manifest, settings.data_dir), find_recipe(plan.recipe), added)
    return train_on(plan, samples, settings, report, cancelled)


def _added(plan: ModelPlan, manifest: Manifest, path: Path) -> Added:
    """Read experiments that the model can learn from.

    Raises:
        DatasetInvalidError: none of them can be used, or the file is not one of experiments (permanent).
    """
    given = read_experiment_file(path)
    found = experiment_entries(given.rows, manifest, find_recipe(plan.recipe), family=plan.family)
    if not found.entries:
        reasons = "; ".join(found.left_out[:_REASONS_SHOWN]) or f"none measures what {plan.name} predicts"
        raise DatasetInvalidError(f"{path}: {plan.name} can learn from none of {len(given.rows)} rows: {reasons}")
    return Added(found.entries, given.sha256, found.left_out)


def train_on(
    plan: ModelPlan,
    samples: Samples,
    settings: TrainSettings,
    report: Report = stay_silent,
    cancelled: Cancelled = lambda: False,
) -> WrittenRelease:
    """Train, assess, export and write a model on samples that are already loaded; see `train_model`."""
    # One thread: the order of additions inside the linear algebra would otherwise depend on the machine's cores.
    with threadpool_limits(1):
        steps = _Steps(report, cancelled)
        prepared = prepare(plan, samples)
        blend = _choose_settings(prepared, settings, steps)
        learner = blend_learner(blend, find_recipe(plan.recipe).smooth)
        split = samples.primary.rule.name
        steps.begin("accuracy", f"{settings.repeats} repeats by {split}, {len(samples)} rows")
        run = run_primary(learner, prepared, seed=settings.seed, repeats=settings.repeats)
        steps.begin("splits", "scores, other splits, baselines")
        evaluation = evaluate_points(learner, prepared, run, seed=settings.seed)
        steps.begin("intervals", f"coverage over {settings.holdouts} holdouts by {split}")
        levels = assess_intervals(learner, prepared, run, seed=settings.seed, holdouts=settings.holdouts)
        steps.begin("importance", "permutation of held-out columns")
        importance = assess_importance(learner, prepared, seed=settings.seed)
        domain = assess_domain(prepared, run)
        promises = check_promises(
            levels, (domain.inside, domain.outside), widest=plan.widest, unit=samples.target.unit or "1"
        )
        evaluation = structs.replace(evaluation, gates=(*evaluation.gates, *promises))
        assessed = Assessed(evaluation, levels, importance, domain, settings.holdouts)
        steps.begin("export", "final model, ONNX graph, parity gate")
        exported = _export(prepared, blend, settings.seed)
        steps.begin("write", f"{settings.out_dir / plan.name / settings.version}")
        draft = draft_release(prepared, blend, settings, assessed, exported, _known_rows(prepared), run_points(run))
        return write_release(draft, settings.out_dir, replace=settings.replace)


def prepare(plan: ModelPlan, samples: Samples) -> Prepared:
    """Describe the samples and choose how their similarity is measured."""
    recipe = find_recipe(plan.recipe)
    x = samples.matrix(recipe)
    molecules = [given for given in samples.inputs if isinstance(given, Molecule)]
    measure = (
        tanimoto_measure(pack_fingerprints(molecules)) if molecules else neighbour_measure(x, neighbours=NEIGHBOURS)
    )
    return Prepared(plan, samples, recipe.columns, x, measure)


def run_points(run: PrimaryRun) -> PrimaryRun:
    """Keep the first repeat: what the points file shows."""
    return PrimaryRun(run.outcomes[:1], run.similarity[:1])


def _choose_settings(prepared: Prepared, settings: TrainSettings, steps: _Steps) -> BlendSettings:
    plan = prepared.plan
    if not settings.trials:
        steps.begin("settings", "from the catalogue")
        return plan.blend
    steps.begin("settings", f"search of {settings.trials} trials")
    rows = prepared.samples
    return search_settings(
        prepared.x,
        rows.values,
        folds=list(rows.primary.folds(settings.seed)),
        smooth=find_recipe(plan.recipe).smooth,
        start=plan.blend,
        trials=settings.trials,
        seed=settings.seed,
    )


def _export(prepared: Prepared, blend: BlendSettings, seed: int) -> Exported:
    recipe = find_recipe(prepared.plan.recipe)
    fitted = fit_blend(prepared.x, prepared.samples.values, seed=seed, smooth=recipe.smooth, settings=blend)
    model = export_blend(fitted, features=len(recipe.columns))
    session = open_session(model, where="exported graph")
    parity = check_parity(session, fitted, prepared.x, seed=seed)
    predictions, _ = fitted.predict(prepared.x)
    drift = reference_distributions(prepared.x, predictions, recipe.columns)
    return Exported(model, parity, warm_up(prepared.plan, recipe, session), drift)


def _known_rows(prepared: Prepared) -> KnownRowsOf:
    molecules = [given for given in prepared.samples.inputs if isinstance(given, Molecule)]
    if molecules:
        return KnownRowsOf(pack_fingerprints(molecules), None)
    neighbourhood = fit_neighbourhood(prepared.x, neighbours=NEIGHBOURS)
    return KnownRowsOf(neighbourhood.reference, neighbourhood)
