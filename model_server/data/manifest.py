"""What is known about a data set before its file is opened: origin, licence, checksum, columns, units, split."""

import tomllib
from importlib import resources
from pathlib import PurePosixPath
from typing import Literal

import msgspec

from model_server.errors import DatasetInvalidError

Role = Literal["label", "molecule", "target", "auxiliary"]
Kind = Literal["text", "smiles", "number"]
Direction = Literal["none", "lower_is_better", "higher_is_better"]


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a data set comes from and under which terms."""

    origin: str
    commit: str
    licence: str
    cite: tuple[str, ...]


class DataColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One column of the file.

    Args:
        header: Text of the header cell.
        role: What the column is used for.
        kind: How a cell is read.
        unit: SI symbol of a number; absent for text.
        minimum: Smallest value that is physically possible here.
        maximum: Largest such value.
        direction: Whether a smaller or larger target is what a scientist looks for.
        optional: Whether a cell may be empty.
    """

    header: str
    role: Role
    kind: Kind
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    direction: Direction = "none"
    optional: bool = False


class SplitRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must stay together when the data set is split, and why."""

    group: str
    reason: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The manifest of one data set."""

    schema: Literal[1]
    name: str
    title: str
    path: str
    sha256: str
    rows: int
    source: Source
    columns: tuple[DataColumn, ...]
    split: SplitRule

    def column(self, role: Role) -> DataColumn:
        """Return the first column with the role."""
        for column in self.columns:
            if column.role == role:
                return column
        raise DatasetInvalidError(f"manifest {self.name}: no column with role {role!r}; add one")


def load_manifest(name: str) -> Manifest:
    """Read a manifest shipped with this package.

    Args:
        name: file name without extension, such as ``tg_koop``.
    """
    text = resources.files("model_server.data").joinpath("manifests", f"{name}.toml").read_text(encoding="utf-8")
    return parse_manifest(text, where=f"manifests/{name}.toml")


def parse_manifest(text: str, *, where: str) -> Manifest:
    """Parse and check manifest text.

    Raises:
        DatasetInvalidError: unknown or missing key, wrong type, or a rule below is broken (permanent).
    """
    try:
        manifest = msgspec.convert(tomllib.loads(text), Manifest)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise DatasetInvalidError(f"{where}: {error}; correct the manifest") from error
    _check_rules(manifest, where)
    return manifest


def _check_rules(manifest: Manifest, where: str) -> None:
    path = PurePosixPath(manifest.path)
    if path.is_absolute() or ".." in path.parts:
        raise DatasetInvalidError(f"{where}: path {manifest.path!r} leaves the data folder; make it relative")
    for column in manifest.columns:
        if column.kind == "number" and column.unit is None:
            raise DatasetInvalidError(f"{where}: number column {column.header!r} has no unit; state one, '1' if pure")
    for role in ("molecule", "target"):
        count = sum(column.role == role for column in manifest.columns)
        if count != 1:
            raise DatasetInvalidError(f"{where}: {count} columns with role {role!r}; exactly one is needed")
