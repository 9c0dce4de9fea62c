"""How numbers and names are written on pages; pure."""

import re

from model_server.registry.figures import Score

FAMILY_TITLES = {
    "tg": "Glass transition temperature",
    "iri": "Ice recrystallization inhibition",
    "viability": "Viability after freezing",
}
_WRITTEN = {"mae": "MAE", "rmse": "RMSE", "r2": "R\u00b2", "auc": "AUC"}
_ABBREVIATIONS = re.compile(r"\b(?:mae|rmse|r2|auc)\b")
_UNIT_AT_END = re.compile(r"_(?:k|mm)\b")
_MINUS = "\u2212"
_HUNDRED, _TEN, _HUNDREDTH = 100.0, 10.0, 0.01


def amount(value: float | None) -> str:
    """Three significant digits or so, with a real minus sign; a dash for what is absent."""
    if value is None:
        return "\u2013"
    if value == 0:
        return "0"
    size = abs(value)
    digits = 0 if size >= _HUNDRED else 1 if size >= _TEN else 2
    if 0 < size < _HUNDREDTH:
        return f"{value:.1e}".replace("-", _MINUS)
    text = f"{value:.{digits}f}"
    return text.replace("-", _MINUS) if float(text) else text.removeprefix("-")


def exact(value: float) -> str:
    """Every digit that was recorded, without a trailing zero."""
    return f"{value:.10g}".replace("-", _MINUS)


def percent(value: float | None, digits: int = 0) -> str:
    """A share as per cent."""
    return "\u2013" if value is None else f"{100 * value:.{digits}f}\u00a0%"


def with_unit(value: float | None, unit: str) -> str:
    """A number with its unit, kept on one line."""
    return "\u2013" if value is None else f"{amount(value)}\u00a0{unit}"


def score(found: Score | None, unit: str = "") -> str:
    """A figure with its bootstrap interval."""
    if found is None:
        return "\u2013"
    value = with_unit(found.value, unit) if unit else amount(found.value)
    return f"{value} ({amount(found.low)} to {amount(found.high)})"


def family_title(name: str) -> str:
    """Title of a family; its own name when this code does not know it."""
    return FAMILY_TITLES.get(name, name)


def sentence(text: str) -> str:
    """A text of a card as a sentence."""
    text = text.strip()
    return text if not text else f"{text[0].upper()}{text[1:]}{'' if text[-1] in '.!?' else '.'}"


def figure_name(text: str) -> str:
    """Name of a figure with its abbreviations as they are written, such as ``MAE by compound``."""
    written = _ABBREVIATIONS.sub(lambda match: _WRITTEN[match[0]], text)
    return written[:1].upper() + written[1:]


def title(text: str) -> str:
    """A text of a card as a heading."""
    return sentence(text).removesuffix(".")


def words(name: str) -> str:
    """A machine's name in words, such as ``log_molar_mass``; a unit at its end is told elsewhere."""
    return _UNIT_AT_END.sub("", name).replace("_", " ")


def short(digest: str) -> str:
    """The part of a digest that people compare."""
    return digest.removeprefix("sha256:")[:12]


FILTERS = {
    "amount": amount,
    "exact": exact,
    "percent": percent,
    "with_unit": with_unit,
    "score": score,
    "family_title": family_title,
    "sentence": sentence,
    "figure_name": figure_name,
    "heading": title,
    "words": words,
    "short": short,
}
