"""The model card as a page a scientist reads: the same facts as card.json, in sentences and tables."""

from collections.abc import Iterable

import msgspec

from model_server.registry.card import Card
from model_server.registry.figures import PointScores, Score

_SHOWN_COLUMNS = 12


def render_page(card: Card) -> str:
    """Render a card as Markdown; file hashes are left to card.json."""
    sections = (_head, _data, _accuracy, _gates, _intervals, _domain, _importance, _limits, _making)
    return "\n\n".join(section(card) for section in sections) + "\n"


def _head(card: Card) -> str:
    model, unit = card.model, card.model.unit
    primary = card.evaluation.primary
    verdict = "beats" if card.evaluation.beats_baseline else "does NOT beat"
    direction = {"none": "", "lower_is_better": "Lower is better. ", "higher_is_better": "Higher is better. "}
    return (
        f"# {model.name} {model.version}: {model.target}\n\n"
        f"Error held out by {primary.name} {_score(primary.model.mae, unit)}; the median of the training rows errs by "
        f"{_score(primary.baselines['median'].mae, unit)}. The model {verdict} its baselines: "
        f"{'; '.join(card.evaluation.because)}.\n\n"
        f"{direction[model.direction]}Intended use: {model.intended_use}."
    )


def _data(card: Card) -> str:
    data, unit = card.data, card.model.unit
    kind = "compounds" if card.features.kind == "molecule" else "compositions"
    citations = "\n".join(f"- {text}" for text in data.cite)
    repeats = (
        f" Repeated values differ by {data.repeat_range_mean:g} {unit} on average and were averaged."
        if data.repeat_range_mean
        else ""
    )
    experiments = ""
    if not isinstance(data.experiments, msgspec.UnsetType):
        experiments = (
            f" {data.experiments.measurements} of the measurements are experiments of the laboratory, from a file with "
            f"the sha256 {data.experiments.sha256}."
        )
    left_out = "".join(f"\n- {text}" for text in data.excluded)
    return (
        f"## Data\n\n{data.title}: {data.measurements} measurements of {data.compounds} {kind}, "
        f"{data.target_min:g} to {data.target_max:g} {unit}.{repeats}{experiments}\n\n"
        f"Origin {data.origin}, commit {data.commit}, sha256 {data.sha256}. Licence: {data.licence}.\n\n{citations}"
        + (f"\n\nLeft out or corrected:\n{left_out}" if left_out else "")
    )


def _accuracy(card: Card) -> str:
    found, unit = card.evaluation, card.model.unit
    rows = []
    for split in found.splits:
        rows.append(_accuracy_row(f"by {split.name}", split.model, unit))
        rows.extend(_accuracy_row(f"by {split.name}, {name}", scores, unit) for name, scores in split.baselines.items())
    head = ("split", "MAE (95 % bootstrap)", "RMSE", "R2", "Spearman", "AUC (<= 30)")
    rules = "\n".join(
        f"- {split.name}{' (primary)' if split.primary else ''}: {split.repeats} x {split.folds} folds; {split.rule}."
        for split in found.splits
    )
    return f"## Accuracy\n\n{rules}\n\n{_table(head, rows)}"


def _gates(card: Card) -> str:
    if not card.evaluation.gates:
        return "## Asked for in advance\n\nNothing."
    rows = [
        (gate.name, gate.limit, f"{gate.value:.3g}", "met" if gate.met else "MISSED") for gate in card.evaluation.gates
    ]
    return f"## Asked for in advance\n\n{_table(('figure', 'limit', 'measured', ''), rows)}"


def _intervals(card: Card) -> str:
    contract, unit = card.intervals, card.model.unit
    rows = (
        (
            f"{level.level:.0%}",
            f"{level.coverage:.1%} (sd {level.coverage_sd:.1%})",
            f"{level.width:.0f} {unit}",
            f"{level.quantile:g}",
            f"{level.quantile_outside:g}",
        )
        for level in contract.levels
    )
    return (
        f"## Prediction intervals\n\n{contract.method}; scale = {contract.scale}. Coverage measured on "
        f"{contract.holdouts} grouped holdouts that calibration did not see.\n\n"
        + _table(("promised", "measured", "mean width", "factor on scale", "outside the domain"), rows)
    )


def _domain(card: Card) -> str:
    domain, unit = card.domain, card.model.unit
    rows = (
        (
            f"{band.low:g} to {band.high:g}",
            f"{band.compounds:g}",
            "none" if band.mae is None else f"{band.mae:.1f} {unit}",
        )
        for band in domain.bands
    )
    covered = domain.default_level_coverage_outside
    outside = "" if covered is None else f", where the {card.intervals.default_level:.0%} interval holds {covered:.0%}"
    return (
        f"## Domain\n\n{domain.rule[0].upper()}{domain.rule[1:]} {domain.threshold:g}. "
        f"Error inside {_amount(domain.mae_inside, unit)}, outside {_amount(domain.mae_outside, unit)}{outside}.\n\n"
        + _table(("nearest similarity", "rows", "MAE"), rows)
    )


def _importance(card: Card) -> str:
    unit = card.model.unit
    rows = [(entry.column, f"{entry.mean:.2f} {unit}", f"{entry.sd:.2f}") for entry in card.importance[:_SHOWN_COLUMNS]]
    return (
        "## What it relies upon\n\nGrowth of the held-out error when a column is shuffled; columns that say nearly the "
        f"same share it.\n\n{_table(('column', 'growth', 'sd'), rows)}"
    )


def _limits(card: Card) -> str:
    return "## Known failures\n\n" + "\n".join(f"- {text}" for text in card.model.known_failures)


def _making(card: Card) -> str:
    parity, unit = card.parity, card.model.unit
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(card.training.libraries.items()))
    columns = ", ".join(f"{column.name} [{column.unit}]" for column in card.features.columns)
    knobs = ", ".join(f"{name} {value}" for name, value in card.model.hyperparameters.items())
    return (
        f"## Making\n\n`cryo model train {card.model.name} --version {card.model.version}`: {card.model.algorithm} "
        f"({knobs}), seed {card.training.seed}, Python {card.training.python}, {libraries}.\n\n"
        f"Graph against model, {parity.training_rows} training and {parity.random_rows} random rows: prediction within "
        f"{parity.prediction_difference:g} {unit}, scale within {parity.scale_difference:g} {unit}.\n\n"
        f"Recipe {card.features.recipe}, stereochemistry {card.features.stereochemistry}: {columns}."
    )


def _accuracy_row(name: str, scores: PointScores, unit: str) -> tuple[str, ...]:
    auc = "" if scores.auc is None else f"{scores.auc.value:.2f} ({scores.auc.low:.2f} to {scores.auc.high:.2f})"
    return (
        name,
        _score(scores.mae, unit),
        f"{scores.rmse.value:.1f}",
        f"{scores.r2.value:.2f} ({scores.r2.low:.2f} to {scores.r2.high:.2f})",
        f"{scores.spearman.value:.2f}",
        auc,
    )


def _score(score: Score, unit: str) -> str:
    return f"{score.value:.1f} {unit} ({score.low:.1f} to {score.high:.1f})"


def _amount(value: float | None, unit: str) -> str:
    return "not measured" if value is None else f"{value:.1f} {unit}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
