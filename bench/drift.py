"""Prints how often the drift verdict cries wolf, and how often it notices a shift, on the models' own training rows.

Usage: python bench/drift.py [--data-dir folder] [--models tg,tg-tm] [--repeats 1000] [--samples 500]

Windows are drawn from the real rows behind a card, whole rows at a time, so that columns keep their correlation. A
shift reweights the rows until the mean of one column lies half a standard deviation higher; rows stay real ones.
Without a data folder rows are put together from the card's own bins, column by column.

- false alarm: share of windows drawn from the training rows that the whole verdict calls drift.
- fresh false alarm: the same when the training set itself is another draw of as many rows. What chance did to a small
  training set then counts as drift; no fixed reference can avoid that.
- caught: share of shifted windows that the whole verdict calls drift, over all columns; and in the worst column.
- psi: the same of the usual rule, any PSI above 0.2 or 0.1, for comparison.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from report import report

from model_server.data.manifest import load_manifest
from model_server.data.samples import build_samples
from model_server.data.table import load_table
from model_server.drift.profile import Profile, build_profile
from model_server.drift.verdict import MINIMUM, Live, Verdict, judge
from model_server.drift.window import Sample
from model_server.evaluate.importance import reference_distributions
from model_server.features.columns import Column, FeatureMatrix
from model_server.features.molecules import silence_library_log
from model_server.features.recipes import find_recipe
from model_server.registry.folder import Release, load_release, released_versions
from model_server.registry.session import open_session
from model_server.serve.metrics import ServeMetrics
from model_server.serve.predictor import Predictor
from model_server.serve.settings import RELEASED_DIR
from model_server.serve.watch import profile_of
from model_server.train.catalogue import PLANS

_SHIFT = 0.5
_SEED = 20_260_101


@dataclass(frozen=True)
class Population:
    """Rows to draw from, with everything the server would compute of them."""

    profile: Profile
    columns: tuple[Column, ...]
    x: FeatureMatrix
    point: np.ndarray
    scale: np.ndarray
    widths: np.ndarray

    def judge(self, chosen: np.ndarray, *, raised_by: float = 0.0, profile: Profile | None = None) -> Verdict:
        """Judge a window of chosen rows, every prediction raised."""
        point = self.point[chosen] + np.float32(raised_by)
        sample = Sample(self.x[chosen], point, self.scale[chosen], np.ones(len(chosen), dtype=np.int8), 0.0)
        return judge(profile or self.profile, Live(sample, self.widths[chosen]), [], since=None)


def load_population(name: str, folder: Path | None) -> Population:
    """The rows behind the newest release of a model."""
    release = load_release(RELEASED_DIR / name / released_versions(RELEASED_DIR, name)[-1])
    session = open_session(release.model, where=name)
    predictor = Predictor(release, session, metrics=ServeMetrics())
    if folder is None:
        x = rows_from_bins(release)
    else:
        recipe = find_recipe(PLANS[name].recipe)
        x = build_samples(load_table(load_manifest(PLANS[name].manifest), folder), recipe).matrix(recipe)
    point, scale = predictor.compute(x)
    inside = np.ones(len(x), dtype=bool)

    def widths(point: np.ndarray, scale: np.ndarray, inside: np.ndarray) -> np.ndarray:
        lower, upper = predictor.interval(point, scale, inside, release.card.intervals.default_level)
        return np.asarray(upper - lower, dtype=np.float64)

    profile = profile_of(release, widths)
    if folder is None:
        columns = release.card.features.columns
        references = reference_distributions(x, point, columns)
        profile = build_profile(references, rows=len(x), held_out=profile.held_out)
    return Population(profile, release.card.features.columns, x, point, scale, widths(point, scale, inside))


def rows_from_bins(release: Release) -> FeatureMatrix:
    """Rows whose columns have the card's shares; the columns are independent of each other."""
    chance = np.random.default_rng(_SEED)
    rows = release.card.data.compounds
    made = []
    for reference in release.card.drift[:-1]:
        ends = np.array(reference.edges or (0.0,))
        step = (ends[-1] - ends[0]) / len(ends) or 1.0
        values = np.append(ends, ends[-1] + step)[: len(reference.shares)]
        shares = np.array(reference.shares)
        made.append(chance.choice(values, size=rows, p=shares / shares.sum()))
    return np.column_stack(made).astype(np.float32)


def shifted_weights(values: np.ndarray) -> np.ndarray | None:
    """Weights under which the mean lies half a standard deviation higher; None where no row lies that high."""
    spread = values.std()
    if spread < 1e-6:  # noqa: PLR2004 - a constant
        return None
    standard = (values - values.mean()) / spread
    if standard.max() <= _SHIFT:
        return None
    low, high = 0.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        weights = np.exp(middle * (standard - standard.max()))
        weights /= weights.sum()
        low, high = (middle, high) if (weights * standard).sum() < _SHIFT else (low, middle)
    return weights


def measure(name: str, population: Population, *, repeats: int, samples: int) -> dict[str, float]:
    """Figures of one model."""
    chance = np.random.default_rng(_SEED)
    rows = len(population.x)
    verdicts = [population.judge(chance.integers(rows, size=samples)) for _ in range(repeats)]
    fresh = 0
    for _ in range(repeats // 5):
        own = chance.integers(rows, size=rows)
        references = reference_distributions(population.x[own], population.point[own], population.columns)
        other = build_profile(references, rows=rows, held_out=population.profile.held_out)
        fresh += population.judge(chance.integers(rows, size=samples), profile=other).alarm
    weights = [shifted_weights(column) for column in population.x.T.astype(np.float64)]
    shifted = [
        [population.judge(chance.choice(rows, size=samples, p=each)) for _ in range(max(5, repeats // 20))]
        for each in weights
        if each is not None
    ]
    raised = _SHIFT * float(population.point.std())
    higher = [population.judge(chance.integers(rows, size=samples), raised_by=raised) for _ in range(repeats // 5)]
    by_column = [share(found, lambda it: it.alarm) for found in shifted]
    every = [verdict for found in shifted for verdict in found]
    figures = {
        "rows": rows,
        "columns": len(by_column),
        "false_alarm": share(verdicts, lambda it: it.alarm),
        "fresh_false_alarm": round(fresh / (repeats // 5), 4),
        "caught": share(every, lambda it: it.alarm),
        "caught_in_worst_column": min(by_column),
        "columns_below_095": sum(each < 0.95 for each in by_column),  # noqa: PLR2004 - what was asked for
        "caught_prediction": share(higher, lambda it: it.prediction.alarm),
        "psi_02_false_alarm": share(verdicts, lambda it: largest_psi(it) > 0.2),  # noqa: PLR2004 - the convention
        "psi_02_caught": share(every, lambda it: largest_psi(it) > 0.2),  # noqa: PLR2004 - the convention
        "psi_01_false_alarm": share(verdicts, lambda it: largest_psi(it) > 0.1),  # noqa: PLR2004 - the convention
    }
    print(name, figures, file=sys.stderr)
    return figures


def largest_psi(verdict: Verdict) -> float:
    """The largest of all columns."""
    return max(each.psi or 0.0 for each in (*verdict.features, verdict.prediction))


def share(verdicts: list[Verdict], holds: Callable[[Verdict], bool]) -> float:
    """Share of verdicts of which something holds."""
    return round(sum(map(holds, verdicts)) / len(verdicts), 4)


def judging_ms(population: Population, samples: int) -> float:
    """Milliseconds of one verdict."""
    chosen = np.arange(samples) % len(population.x)
    began = time.perf_counter()
    for _ in range(20):
        population.judge(chosen)
    return round((time.perf_counter() - began) / 20 * 1e3, 2)


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("CRYO_DATA_DIR"))
    parser.add_argument("--models", default=",".join(PLANS))
    parser.add_argument("--repeats", type=int, default=1000, help="windows for the false alarm rate; at least 100")
    parser.add_argument("--samples", type=int, default=MINIMUM, help="rows per window")
    options = parser.parse_args()
    silence_library_log()
    folder = Path(options.data_dir) if options.data_dir else None
    figures: dict[str, float] = {}
    for name in options.models.split(","):
        population = load_population(name, folder)
        found = measure(name, population, repeats=max(100, options.repeats), samples=options.samples)
        found["verdict_ms"] = judging_ms(population, options.samples)
        figures |= {f"{name.replace('-', '_')}_{key}": value for key, value in found.items()}
    source = "data sets" if folder else "bins of the cards"
    report("drift", figures, {}, samples=options.samples, rows_from=source)
    return 0


if __name__ == "__main__":
    sys.exit(main())
