"""Prints how accurate the models are: repeated grouped cross-validation from the data sets, nothing read from cards.

Usage: python bench/models.py [--data-dir folder] [--models tg,tg-tm] [--repeats 5] [--holdouts 20] [--nested 0]
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parent))
from report import report

from model_server.data.manifest import load_manifest
from model_server.data.samples import build_samples
from model_server.data.table import load_table, resolve_data_dir
from model_server.evaluate.verdict import check_promises
from model_server.features.molecules import silence_library_log
from model_server.features.recipes import find_recipe
from model_server.registry.figures import Gate, SplitScores
from model_server.train.assessment import assess_domain, assess_intervals, evaluate_points, run_primary
from model_server.train.blend import blend_learner
from model_server.train.candidates import compare_columns, compare_learners
from model_server.train.catalogue import PLANS, ModelPlan
from model_server.train.run import prepare
from model_server.train.search import nested_predictions
from model_server.train.settings import TrainSettings


def describe_split(name: str, split: SplitScores) -> str:
    """One line of the table."""
    scores, median = split.model, split.baselines["median"]
    auc = "" if scores.auc is None else f"  AUC {scores.auc.value:.3f} ({scores.auc.low:.2f}-{scores.auc.high:.2f})"
    return (
        f"{name:22} {split.name:12} MAE {scores.mae.value:6.2f} ({scores.mae.low:.1f}-{scores.mae.high:.1f})  "
        f"RMSE {scores.rmse.value:6.2f}  R2 {scores.r2.value:6.3f}  rho {scores.spearman.value:5.2f}{auc}  "
        f"median MAE {median.mae.value:6.2f}"
    )


def describe_gate(name: str, gate: Gate) -> str:
    """One line of what was asked for."""
    return f"{name:22} {gate.name:36} {gate.limit:16} {gate.value:8.3f} {'met' if gate.met else 'MISSED'}"


def measure(plan: ModelPlan, folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Measure one model and print its lines."""
    seed = TrainSettings.seed
    recipe = find_recipe(plan.recipe)
    began_at = time.process_time()
    samples = build_samples(load_table(load_manifest(plan.manifest), folder), recipe)
    prepared = prepare(plan, samples)
    learner = blend_learner(plan.blend, recipe.smooth)
    run = run_primary(learner, prepared, seed=seed, repeats=arguments.repeats)
    evaluation = evaluate_points(learner, prepared, run, seed=seed)
    levels = assess_intervals(learner, prepared, run, seed=seed, holdouts=arguments.holdouts)
    domain = assess_domain(prepared, run)
    unit = samples.target.unit or "1"
    promises = check_promises(levels, (domain.inside, domain.outside), widest=plan.widest, unit=unit)
    took_s = time.process_time() - began_at
    for split in evaluation.splits:
        print(describe_split(plan.name, split))
    print(f"{plan.name:22} {'; '.join(evaluation.because)}")
    gates = [*evaluation.gates, *promises]
    for gate in gates:
        print(describe_gate(plan.name, gate))
    others = compare_learners(prepared, recipe.smooth, seed=seed)
    columns = compare_columns(prepared, recipe.smooth, seed=seed)
    print(f"{plan.name:22} learners, MAE in one run: {others}")
    print(f"{plan.name:22} columns for extra trees, MAE in one run: {columns}")
    nested = None
    if arguments.nested:
        outcome = nested_predictions(
            prepared.x, samples.values, split=samples.primary, smooth=recipe.smooth, start=plan.blend,
            trials=arguments.nested, seed=seed,
        )  # fmt: skip
        nested = round(float(np.abs(outcome.point - samples.values).mean()), 3)
        print(f"{plan.name:22} settings searched inside every fold ({arguments.nested} trials): MAE {nested}")
    print(f"{plan.name:22} {took_s:.0f} s of processor time\n", flush=True)
    return {
        "rows": len(samples),
        "gates": {gate.name: [round(gate.value, 3), gate.limit, gate.met] for gate in gates},
        "beats_baseline": evaluation.beats_baseline,
        "width_90": next(level.width for level in levels if level.level == 0.9),  # noqa: PLR2004 - the default level
        "nested_mae": nested,
        "processor_s": round(took_s, 1),
        "peers_mae": others,
        "columns_mae": columns,
    }


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--models", default=",".join(PLANS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--holdouts", type=int, default=20)
    parser.add_argument("--nested", type=int, default=0, help="trials of a search inside every outer fold")
    arguments = parser.parse_args()
    silence_library_log()
    folder = resolve_data_dir(arguments.data_dir, os.environ)
    with threadpool_limits(1):
        figures = {name: measure(PLANS[name], folder, arguments) for name in arguments.models.split(",")}
    report("models", figures, {"published": "tgBoost 18.3 K, TgML 12-13 K (BIMOG), CryoMN wet lab 16.9 by date"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
