"""A molecule as a drawing: SVG from RDKit, turned into markup that a strict content security policy lets through."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from model_server.errors import MoleculeInvalidError
from model_server.features.molecules import parse_molecule

# Chosen: a page shows four drawings; a thousand of them are about 10 MB.
_REMEMBERED = 1024
_BODY = re.compile(r"<!-- END OF HEADER -->(?P<body>.*)</svg>", re.DOTALL)
_BACKGROUND = re.compile(r"<rect[^>]*>\s*</rect>")
_STYLE = re.compile(r"""\sstyle=['"]([^'"]*)['"]""")
_CLASS = re.compile(r"""\sclass=['"][^'"]*['"]""")
_PROPERTY = re.compile(r"\s*([a-z-]+)\s*:\s*([^;]+?)\s*(?:;|$)")


class Drawing(NamedTuple):
    """Markup of the inside of an `svg` element of this size. Colours are attributes, which a style sheet overrides."""

    width: int
    height: int
    body: str


@lru_cache(maxsize=_REMEMBERED)
def draw_molecule(smiles: str, scale: float) -> Drawing | None:
    """Draw a molecule; None when the text is none, such as the key of a compound whose structure is not published.

    Args:
        smiles: of the molecule.
        scale: pixels per angstrom; a bond has 1.5 of them. The drawing is as large as the molecule needs.
    """
    try:
        molecule = parse_molecule(smiles)
    except MoleculeInvalidError:
        return None
    # Imported late, like the templates' library: the first drawing pays, not every start of a server.
    from rdkit.Chem.Draw import rdMolDraw2D  # noqa: PLC0415

    drawer = rdMolDraw2D.MolDraw2DSVG(-1, -1)
    options: Any = drawer.drawOptions()  # rdkit ships no types that hold here
    options.clearBackground = False
    options.bondLineWidth = 1.6
    options.scalingFactor = scale
    options.padding = 0.02
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, molecule.mol)
    drawer.FinishDrawing()
    return Drawing(drawer.Width(), drawer.Height(), without_styles(drawer.GetDrawingText()))


def without_styles(svg: str) -> str:
    """Take the body of RDKit's SVG and turn its style attributes into presentation attributes."""
    match = _BODY.search(svg)
    body = match["body"] if match else ""
    return _STYLE.sub(_as_attributes, _CLASS.sub("", _BACKGROUND.sub("", body))).strip()


def _as_attributes(match: re.Match[str]) -> str:
    pairs = _PROPERTY.findall(match[1])
    return "".join(f' {name}="{value}"' for name, value in pairs)
