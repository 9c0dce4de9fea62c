"""Drawings obey the content security policy and hold nothing that was typed."""

import re

import pytest

from model_server.pages.drawing import draw_molecule, without_styles

MOLECULES = ["C", "OCC(O)CO", "[13CH3][NH3+]", "C[C@H](N)C(=O)O", "c1ccccc1Br", "O.O", "[Na+].[Cl-]", "S(=O)(=O)(O)O"]


@pytest.mark.parametrize("smiles", MOLECULES)
def test_drawing_has_shapes_without_style_or_script(smiles):
    drawing = draw_molecule(smiles, 20.0)

    assert set(re.findall(r"<(\w+)", drawing.body)) <= {"path", "ellipse", "text", "tspan", "polygon"}
    assert "style" not in drawing.body
    assert drawing.width > 0
    assert drawing.height > 0


def test_larger_molecules_get_larger_drawings():
    assert draw_molecule("C" * 20, 20.0).width > 2 * draw_molecule("C" * 5, 20.0).width


@pytest.mark.parametrize("text", ["KTHDTJVBEPMMGL-VKHMYHEASA-N", "", "C((", "0.7 mol/L dmso"])
def test_what_is_no_structure_is_not_drawn(text):
    assert draw_molecule(text, 20.0) is None


def test_style_becomes_attributes():
    svg = "<svg><!-- END OF HEADER --><path class='bond-0' style='fill:none;stroke:#000000' d='M 0,0'/></svg>"

    assert without_styles(svg) == """<path fill="none" stroke="#000000" d='M 0,0'/>"""
