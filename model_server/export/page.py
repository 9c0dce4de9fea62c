"""The model card as a page a scientist reads: the same facts as card.json, in sentences and tables."""

from collections.abc import Iterable

from model_server.registry.card import Card
from model_server.registry.figures import PointScores, Score


def render_page(card: Card) -> str:
    """Render a card as Markdown; file hashes are left to card.json."""
    sections = (_head, _data, _accuracy, _intervals, _domain, _limits, _making)
    return "\n\n".join(section(card) for section in sections) + "\n"


def _head(card: Card) -> str:
    model, unit = card.model, card.model.unit
    mae, baseline = card.evaluation.by_compound.mae, card.evaluation.by_compound_median.mae
    verdict = "beats" if card.evaluation.beats_baseline else "does NOT beat"
    return (
        f"# {model.name} {model.version}: {model.target}\n\n"
        f"Error on unseen compounds {_score(mae, unit)}; the median of the training set errs by "
        f"{_score(baseline, unit)}. The model {verdict} this baseline.\n\n"
        f"Intended use: {model.intended_use}."
    )


def _data(card: Card) -> str:
    data, unit = card.data, card.model.unit
    citations = "\n".join(f"- {text}" for text in data.cite)
    return (
        f"## Data\n\n{data.title}: {data.measurements} measurements of {data.compounds} compounds, "
        f"{data.target_min:g} to {data.target_max:g} {unit}. Repeated values of one compound differ by "
        f"{data.repeat_range_mean:g} {unit} on average and were averaged.\n\n"
        f"Origin {data.origin}, commit {data.commit}, sha256 {data.sha256}. Licence: {data.licence}.\n\n{citations}"
    )


def _accuracy(card: Card) -> str:
    found, unit = card.evaluation, card.model.unit
    rows = (
        _accuracy_row("by compound", found.by_compound, unit),
        _accuracy_row("by compound, median baseline", found.by_compound_median, unit),
        _accuracy_row("by scaffold, ring-free structures held out together", found.by_scaffold, unit),
        _accuracy_row("by scaffold, median baseline", found.by_scaffold_median, unit),
    )
    table = _table(("split", "MAE (95 % bootstrap)", "RMSE", "R2", "Spearman"), rows)
    return f"## Accuracy\n\n{found.repeats} repeats of {found.folds}-fold cross-validation, {found.split}.\n\n{table}"


def _intervals(card: Card) -> str:
    contract, unit = card.intervals, card.model.unit
    rows = (
        (
            f"{level.level:.0%}",
            f"{level.coverage:.1%} (sd {level.coverage_sd:.1%})",
            f"{level.width:.0f} {unit}",
            f"{level.quantile:g}",
        )
        for level in contract.levels
    )
    return (
        f"## Prediction intervals\n\n{contract.method}; scale = {contract.scale}. Coverage measured on "
        f"{contract.holdouts} grouped holdouts that calibration did not see.\n\n"
        + _table(("promised", "measured", "mean width", "factor on scale"), rows)
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
        f"## Domain\n\n{domain.rule[0].upper()}{domain.rule[1:]} {domain.threshold:g} "
        f"(Morgan radius {domain.radius}, {domain.bits} bits). "
        f"Error inside {_amount(domain.mae_inside, unit)}, outside {_amount(domain.mae_outside, unit)}{outside}.\n\n"
        + _table(("nearest similarity", "compounds", "MAE"), rows)
    )


def _limits(card: Card) -> str:
    return "## Known failures\n\n" + "\n".join(f"- {text}" for text in card.model.known_failures)


def _making(card: Card) -> str:
    parity, unit = card.parity, card.model.unit
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(card.training.libraries.items()))
    columns = ", ".join(f"{column.name} [{column.unit}]" for column in card.features.columns)
    knobs = ", ".join(f"{name} {value}" for name, value in card.model.hyperparameters.items())
    return (
        f"## Making\n\n`cryo model train {card.model.name}`: {card.model.algorithm} ({knobs}), seed "
        f"{card.training.seed}, Python {card.training.python}, {libraries}.\n\n"
        f"Graph against model, {parity.training_rows} training and {parity.random_rows} random rows: prediction within "
        f"{parity.prediction_difference:g} {unit}, scale within {parity.scale_difference:g} {unit}.\n\n"
        f"Features, stereochemistry {card.features.stereochemistry}: {columns}."
    )


def _accuracy_row(name: str, scores: PointScores, unit: str) -> tuple[str, ...]:
    return name, _score(scores.mae, unit), f"{scores.rmse:.1f}", f"{scores.r2:.2f}", f"{scores.spearman:.2f}"


def _score(score: Score, unit: str) -> str:
    return f"{score.value:.1f} {unit} ({score.low:.1f} to {score.high:.1f})"


def _amount(value: float | None, unit: str) -> str:
    return "not measured" if value is None else f"{value:.1f} {unit}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
