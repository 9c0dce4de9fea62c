"""Group contributions: how often each functional group occurs, the oldest description of what a molecule is made of."""

from functools import cache

from rdkit import Chem

from model_server.features.columns import Column
from model_server.features.molecules import Molecule

_SMARTS: dict[str, tuple[str, str]] = {
    "methyl": ("[CX4H3]", "CH3"),
    "chain_methylene": ("[CX4H2;!R]", "CH2 outside rings"),
    "chain_methine": ("[CX4H1;!R]", "CH outside rings"),
    "chain_quaternary": ("[CX4H0;!R]", "sp3 C without hydrogen outside rings"),
    "ring_methylene": ("[CX4H2;R]", "CH2 in rings"),
    "ring_methine": ("[CX4H1;R]", "CH in rings"),
    "ring_quaternary": ("[CX4H0;R]", "sp3 C without hydrogen in rings"),
    "alkene": ("[CX3]=[CX3]", "carbon-carbon double bonds"),
    "aromatic_ch": ("[cH]", "aromatic CH"),
    "aromatic_c": ("[c;H0]", "substituted aromatic C"),
    "primary_alcohol": ("[CX4H2][OX2H]", "primary alcohols"),
    "secondary_alcohol": ("[CX4H1][OX2H]", "secondary alcohols"),
    "tertiary_alcohol": ("[CX4H0][OX2H]", "tertiary alcohols"),
    "ring_alcohol": ("[CX4;R][OX2H]", "alcohols on rings"),
    "phenol": ("c[OX2H]", "phenols"),
    "vicinal_diol": ("[OX2H][CX4][CX4][OX2H]", "alcohols on neighbouring carbons"),
    "acid": ("[CX3](=O)[OX2H1,OX1-]", "carboxylic acids"),
    "ester": ("[CX3](=O)[OX2;H0][#6]", "esters"),
    "chain_ether": ("[OD2;!R]([#6;!$(C=O)])[#6;!$(C=O)]", "ethers outside rings"),
    "ring_ether": ("[OD2;R]", "oxygens in rings"),
    "carbonyl": ("[#6][CX3](=O)[#6,#1]", "ketones and aldehydes"),
    "amide": ("[NX3][CX3]=O", "amides"),
    "amine": ("[NX3;!$(NC=O);!$(N=O)]", "amines"),
    "halogen": ("[F,Cl,Br,I]", "halogens"),
    "sulfur": ("[#16]", "sulfur atoms"),
    "phosphorus": ("[#15]", "phosphorus atoms"),
}
COLUMNS: tuple[Column, ...] = tuple(Column(name, "1", text) for name, (_, text) in _SMARTS.items())
# Chosen: above any count in a molecule of the size limit; RDKit's own default of 1,000 would do as well.
_MOST_MATCHES = 300


@cache
def _patterns() -> tuple[Chem.Mol, ...]:
    return tuple(Chem.MolFromSmarts(smarts) for smarts, _ in _SMARTS.values())


def count_groups(molecule: Molecule) -> tuple[float, ...]:
    """Count the groups in the order of `COLUMNS`; an atom may belong to several."""
    return tuple(
        float(len(molecule.mol.GetSubstructMatches(pattern, maxMatches=_MOST_MATCHES))) for pattern in _patterns()
    )
