"""Parse SMILES text that nobody vouches for into a molecule with one canonical spelling."""

from typing import NamedTuple

from rdkit import Chem, rdBase

from model_server.errors import MoleculeInvalidError

# Measured 2026-11-22 on the Tg set: longest SMILES 134 characters, largest molecule 78 heavy atoms. 512 and 150 leave
# room for oligomers while one hostile molecule stays below 30 ms of descriptor work.
MAX_SMILES_CHARS = 512
MAX_HEAVY_ATOMS = 150
# RDKit's parser recurses per open branch; chosen far above any real molecule.
MAX_BRANCH_DEPTH = 64

_SHOWN_CHARS = 60
_EMPTY = "the SMILES string is empty; give one such as OCC(O)CO"


class Molecule(NamedTuple):
    """A parsed molecule and its canonical spelling without stereochemistry.

    The descriptors are two-dimensional, so two stereoisomers are one compound to every model that uses them; the
    canonical spelling says so instead of hiding it.
    """

    canonical: str
    mol: Chem.Mol


def library_version() -> str:
    """Version of the descriptor library, recorded in every card and compared at load."""
    return rdBase.rdkitVersion


def silence_library_log() -> None:
    """Keep RDKit from writing a line per malformed SMILES to the process's standard error."""
    rdBase.DisableLog("rdApp.*")


def parse_molecule(smiles: str) -> Molecule:
    """Parse one SMILES string.

    Raises:
        MoleculeInvalidError: not a SMILES string, no heavy atom, or larger than the limits above (permanent, 422).
    """
    _refuse_text(smiles)
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise MoleculeInvalidError(f"{_shown(smiles)} is not a valid SMILES string; check brackets, rings and valences")
    heavy_atoms = mol.GetNumHeavyAtoms()
    if heavy_atoms == 0:
        raise MoleculeInvalidError(f"{_shown(smiles)} has no heavy atom; give a molecule with at least one")
    if heavy_atoms > MAX_HEAVY_ATOMS:
        raise MoleculeInvalidError(
            f"{_shown(smiles)} has {heavy_atoms} heavy atoms; the limit is {MAX_HEAVY_ATOMS}, send a smaller molecule"
        )
    if any(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms()):
        raise MoleculeInvalidError(f"{_shown(smiles)} has a wildcard atom; name every atom")
    return Molecule(Chem.MolToSmiles(mol, isomericSmiles=False), mol)


def _refuse_text(smiles: str) -> None:
    """Refuse, before the parser sees it, text whose parsing could be costly or would silently drop a part."""
    if not smiles:
        raise MoleculeInvalidError(_EMPTY)
    if len(smiles) > MAX_SMILES_CHARS:
        raise MoleculeInvalidError(f"{len(smiles)} characters; a SMILES string may have at most {MAX_SMILES_CHARS}")
    # RDKit reads "CCO name" and "CCO |...|" as CCO with an annotation; a caller would not learn that text was dropped.
    if not smiles.isascii() or not smiles.isprintable() or " " in smiles:
        raise MoleculeInvalidError(f"{_shown(smiles)} holds blanks or non-ASCII characters; send the bare SMILES")
    depth = 0
    for character in smiles:
        depth += (character == "(") - (character == ")")
        if depth > MAX_BRANCH_DEPTH:
            raise MoleculeInvalidError(f"{_shown(smiles)} nests over {MAX_BRANCH_DEPTH} branches; send a smaller one")


def _shown(smiles: str) -> str:
    """Quote a SMILES string for a message, shortened so that an answer cannot be inflated by its question."""
    text = ascii(smiles)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}...'"
