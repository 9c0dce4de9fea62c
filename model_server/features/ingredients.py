"""The ingredients of freezing media: their columns in the data sets, other names, and what conversions may use.

Molar masses are sums of atomic masses. Densities are those of the pure liquids near 25 C as printed on suppliers' data
sheets; only liquids have one, because only for them does "% v/v" say how much went in.
"""

from typing import Literal, NamedTuple

from model_server.features.units import Substance

IngredientUnit = Literal["mol/L", "% w/v"]
Class = Literal["penetrating", "sugar", "osmolyte", "protein", "polymer"]


class Ingredient(NamedTuple):
    """One ingredient a composition may hold.

    Args:
        name: of the column, such as ``ethylene_glycol``.
        kind: what it does, for the sums over a class.
        unit: of the amounts that models are fed with.
        aliases: other names, lower case.
        smiles: structure; absent for mixtures and polymers.
        molar_mass: g/mol; absent likewise.
        density: g/mL of the pure liquid.
    """

    name: str
    kind: Class
    unit: IngredientUnit
    aliases: tuple[str, ...] = ()
    smiles: str | None = None
    molar_mass: float | None = None
    density: float | None = None

    @property
    def substance(self) -> Substance:
        """What unit conversion may use."""
        return Substance(self.name.replace("_", " "), self.molar_mass, self.density)


def _molecule(  # noqa: PLR0913, PLR0917 - a table row
    name: str, kind: Class, aliases: tuple[str, ...], smiles: str, molar_mass: float, density: float | None = None
) -> Ingredient:
    return Ingredient(name, kind, "mol/L", aliases, smiles, molar_mass, density)


def _bulk(name: str, kind: Class, *aliases: str) -> Ingredient:
    return Ingredient(name, kind, "% w/v", aliases)


INGREDIENTS: tuple[Ingredient, ...] = (
    _molecule("dmso", "penetrating", ("dimethyl sulfoxide", "me2so"), "CS(C)=O", 78.13, 1.10),
    _molecule("ethylene_glycol", "penetrating", ("eg", "1,2-ethanediol"), "OCCO", 62.07, 1.11),
    _molecule("glycerol", "penetrating", ("glycerin", "glycerine"), "OCC(O)CO", 92.09, 1.26),
    _molecule("propylene_glycol", "penetrating", ("pg", "1,2-propanediol"), "CC(O)CO", 76.09, 1.04),
    _molecule("acetamide", "penetrating", (), "CC(N)=O", 59.07),
    _molecule("sucrose", "sugar", ("saccharose",), "OCC1OC(OC2(CO)OC(CO)C(O)C2O)C(O)C(O)C1O", 342.30),
    _molecule("trehalose", "sugar", (), "OCC1OC(OC2OC(CO)C(O)C(O)C2O)C(O)C(O)C1O", 342.30),
    _molecule("raffinose", "sugar", (), "OCC1OC(OCC2OC(OC3(CO)OC(CO)C(O)C3O)C(O)C(O)C2O)C(O)C(O)C1O", 504.44),
    _molecule("glucose", "sugar", ("dextrose",), "OCC1OC(O)C(O)C(O)C1O", 180.16),
    _molecule("betaine", "osmolyte", ("glycine betaine", "trimethylglycine"), "C[N+](C)(C)CC(=O)[O-]", 117.15),
    _molecule("ectoin", "osmolyte", ("ectoine",), "CC1=NCCC(N1)C(=O)O", 142.16),
    _molecule("proline", "osmolyte", ("l-proline",), "OC(=O)C1CCCN1", 115.13),
    _molecule("taurine", "osmolyte", (), "NCCS(=O)(=O)O", 125.15),
    _molecule("creatine", "osmolyte", (), "CN(CC(=O)O)C(N)=N", 131.13),
    _bulk("fbs", "protein", "fetal bovine serum", "foetal bovine serum", "fetal calf serum", "fcs"),
    _bulk("hsa", "protein", "human serum albumin", "albumin"),
    _bulk("human_serum", "protein"),
    _bulk("sericin", "protein"),
    _bulk("cooh_pll", "polymer", "carboxylated poly-l-lysine"),
    _bulk("dextran", "polymer"),
    _bulk("ficoll", "polymer"),
    _bulk("hes", "polymer", "hydroxyethyl starch"),
    _bulk("hyaluronic_acid", "polymer", "hyaluronan"),
    _bulk("methylcellulose", "polymer"),
    _bulk("peg_400", "polymer"),
    _bulk("peg_600", "polymer"),
    _bulk("peg_1k", "polymer", "peg 1000"),
    _bulk("peg_1500", "polymer"),
    _bulk("peg_3350", "polymer"),
    _bulk("peg_5k", "polymer", "peg 5000"),
    _bulk("peg_10k", "polymer", "peg 10000"),
    _bulk("peg_20k", "polymer", "peg 20000"),
    _bulk("pentaisomaltose", "polymer"),
    _bulk("pvp", "polymer", "polyvinylpyrrolidone"),
)
BY_NAME: dict[str, Ingredient] = {ingredient.name: ingredient for ingredient in INGREDIENTS}
