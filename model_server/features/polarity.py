"""What sets one small amphiphile apart from the next: where its charges sit, and how much of it water does not wet.

Made for amino acids and their derivatives, whose activity on ice follows the side chain: a hydrophobic stretch next to
a fixed pair of charges. All were taken from that reading at once; none was selected or dropped by its score.
"""

from functools import cache

from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from model_server.features.columns import Column
from model_server.features.molecules import Molecule

COLUMNS: tuple[Column, ...] = (
    Column("acid_groups", "1", "carboxylic acids and carboxylates"),
    Column("amine_groups", "1", "basic nitrogens: no amide, aniline or sulfonamide"),
    Column("alpha_amino_acids", "1", "amine and acid on one carbon"),
    Column("guanidines", "1", "guanidine groups"),
    Column("stereocentres", "1", "tetrahedral stereocentres, given or not"),
    Column("right_stereocentres", "1", "stereocentres given as R"),
    Column("hydrophobic_carbons", "1", "carbons with carbon neighbours only"),
    Column("hydrophobic_share", "1", "the same per heavy atom"),
    Column("aromatic_atoms", "1", "aromatic atoms"),
    Column("charge_distance", "1", "bonds from the nearest amine to the nearest acid; 0 without a pair"),
    Column("farthest_from_polar", "1", "bonds from the most remote atom to the nearest nitrogen or oxygen"),
    Column("net_charge", "1", "basic groups minus acid groups"),
    Column("open_branches", "1", "carbons outside rings with three or more heavy neighbours"),
    Column("heavy_atoms", "1", "heavy atoms"),
    Column("polar_surface_density", "angstrom^2", "polar surface per heavy atom"),
    Column("rotatable_bonds", "1", "rotatable bonds"),
)

_SMARTS = {
    "acid": "[CX3](=O)[OX2H1,OX1-]",
    "amine": "[NX3;!$(NC=[O,S,N]);!$(Nc);!$(N[S,O,N])]",
    "alpha": "[NX3,NX4+][CX4][CX3](=O)[OX2H,OX1-]",
    "guanidine": "NC(=N)N",
}
_BRANCHED_DEGREE = 3
_POLAR = (7, 8)
_CARBON = 6


@cache
def _pattern(name: str) -> Chem.Mol:
    return Chem.MolFromSmarts(_SMARTS[name])


def describe_polarity(molecule: Molecule) -> tuple[float, ...]:
    """Compute one value per entry of `COLUMNS`."""
    mol = molecule.mol
    acids, amines = _matches(mol, "acid"), _matches(mol, "amine")
    guanidines = len(_matches(mol, "guanidine"))
    distance = Chem.GetDistanceMatrix(mol)
    atoms = mol.GetNumAtoms()
    polar = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() in _POLAR]
    pairs = [float(distance[first][second]) for first in acids for second in amines]
    centres = Chem.FindMolChiralCenters(  # type: ignore[no-untyped-call] # untyped part of RDKit
        mol, includeUnassigned=True, useLegacyImplementation=False
    )
    dry, aromatic, branched = _count_atoms(mol)
    return (
        len(acids),
        len(amines),
        len(_matches(mol, "alpha")),
        guanidines,
        len(centres),
        sum(label == "R" for _, label in centres),
        dry,
        dry / atoms,
        aromatic,
        min(pairs, default=0.0),
        max((min(float(distance[atom][other]) for other in polar) for atom in range(atoms)), default=0.0)
        if polar
        else 0.0,
        len(amines) + guanidines - len(acids),
        branched,
        atoms,
        rdMolDescriptors.CalcTPSA(mol) / atoms,
        rdMolDescriptors.CalcNumRotatableBonds(mol),
    )


def _matches(mol: Chem.Mol, name: str) -> list[int]:
    return [match[0] for match in mol.GetSubstructMatches(_pattern(name))]


def _count_atoms(mol: Chem.Mol) -> tuple[int, int, int]:
    dry = aromatic = branched = 0
    for atom in mol.GetAtoms():
        carbon = atom.GetAtomicNum() == _CARBON
        dry += carbon and all(other.GetAtomicNum() == _CARBON for other in atom.GetNeighbors())
        aromatic += atom.GetIsAromatic()
        branched += carbon and not atom.IsInRing() and atom.GetDegree() >= _BRANCHED_DEGREE
    return dry, aromatic, branched
