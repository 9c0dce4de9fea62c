"""Prints whether a distance tells where a model errs: mean error outside its domain over the error inside.

Usage: python bench/domain.py [--data-dir folder] [--models viability-wetlab,...] [--repeats 3]

Every row is predicted while it is held out, by the split that the data set declares; similarity, standardisation and
covariance come from the same training folds. Thresholds are not chosen by the ratio: 0.3, which every card uses, and
the similarity that a tenth of the held-out rows lies below. `scale` is the model's own doubt, for comparison.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parent))
from report import report

from model_server.data.manifest import load_manifest
from model_server.data.samples import build_samples
from model_server.data.table import load_table, resolve_data_dir
from model_server.evaluate.domain import Measure, held_out_similarity, mahalanobis_measure, neighbour_measure
from model_server.features.molecules import silence_library_log
from model_server.features.recipes import find_recipe
from model_server.train.assessment import SEED_STRIDE, Prepared, run_primary
from model_server.train.blend import blend_learner
from model_server.train.catalogue import PLANS
from model_server.train.run import NEIGHBOURS, prepare
from model_server.train.settings import TrainSettings

_CARD_THRESHOLD = 0.3
_TENTH = 0.1
_FEWEST = 5


def measures_of(prepared: Prepared) -> dict[str, Measure]:
    """Ways to measure similarity, the card's own first."""
    return {
        "card": prepared.measure,
        "knn": neighbour_measure(prepared.x, neighbours=NEIGHBOURS),
        "mahalanobis": mahalanobis_measure(prepared.x),
    }


def ratio(errors: np.ndarray, outside: np.ndarray) -> float | None:
    """Mean error outside over the one inside; None where fewer than five rows fell on a side."""
    if min(outside.sum(), (~outside).sum()) < _FEWEST:
        return None
    return round(float(errors[outside].mean() / errors[~outside].mean()), 2)


def measure_model(name: str, folder: Path, repeats: int) -> dict[str, float | None]:
    """Ratios of one model."""
    plan, seed = PLANS[name], TrainSettings.seed
    recipe = find_recipe(plan.recipe)
    prepared = prepare(plan, build_samples(load_table(load_manifest(plan.manifest), folder), recipe))
    run = run_primary(blend_learner(plan.blend, recipe.smooth), prepared, seed=seed, repeats=repeats)
    errors = np.stack([outcome.errors for outcome in run.outcomes])
    figures: dict[str, float | None] = {}
    split = prepared.samples.primary
    for label, measure in measures_of(prepared).items():
        similarity = np.stack(
            [
                held_out_similarity(measure, len(prepared.samples), split.folds(seed + SEED_STRIDE * repeat))
                for repeat in range(repeats)
            ]
        )
        figures[f"{label}_at_03"] = ratio(errors, similarity < _CARD_THRESHOLD)
        figures[f"{label}_outside_share_at_03"] = round(float((similarity < _CARD_THRESHOLD).mean()), 3)
        figures[f"{label}_farthest_tenth"] = ratio(errors, similarity < np.quantile(similarity, _TENTH))
    scale = np.stack([outcome.scale for outcome in run.outcomes])
    figures["scale_largest_tenth"] = ratio(errors, scale > np.quantile(scale, 1.0 - _TENTH))
    print(name, figures, file=sys.stderr)
    return figures


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--models", default="viability-wetlab,viability-literature,iri-amino,tg-tm")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    silence_library_log()
    folder = resolve_data_dir(options.data_dir, os.environ)
    figures: dict[str, float | None] = {}
    with threadpool_limits(1):
        for name in options.models.split(","):
            found = measure_model(name, folder, options.repeats)
            figures |= {f"{name.replace('-', '_')}_{key}": value for key, value in found.items()}
    report("domain", figures, {})
    return 0


if __name__ == "__main__":
    sys.exit(main())
