"""How numbers and names are written."""

import pytest

from model_server.pages.wording import amount, exact, figure_name, percent, score, sentence, with_unit
from model_server.registry.figures import Score


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (190.83, "191"),
        (12.83, "12.8"),
        (0.3, "0.30"),
        (0, "0"),
        (-0.5, "\u22120.50"),
        (0.000063, "6.3e\u221205"),
        (-0.0001, "\u22121.0e\u221204"),
        (None, "\u2013"),
    ],
)
def test_amounts_have_about_three_digits(value, text):
    assert amount(value) == text


def test_score_tells_its_interval():
    assert score(Score(12.83, 11.0, 14.68), "K") == "12.8\u00a0K (11.0 to 14.7)"
    assert score(None) == "\u2013"


def test_numbers_keep_their_unit_on_the_line():
    assert with_unit(1.5, "K") == "1.50\u00a0K"
    assert percent(0.9) == "90\u00a0%"
    assert exact(-1.25) == "\u22121.25"


@pytest.mark.parametrize(
    ("raw", "written"), [("mae by compound", "MAE by compound"), ("coverage at 80%", "Coverage at 80%")]
)
def test_figures_are_named_as_people_write_them(raw, written):
    assert figure_name(raw) == written


@pytest.mark.parametrize(("raw", "written"), [("a b", "A b."), ("A.", "A."), ("", ""), ("what?", "What?")])
def test_texts_of_cards_become_sentences(raw, written):
    assert sentence(raw) == written
