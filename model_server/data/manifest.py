"""What is known about a data set before its file is opened: origin, licence, checksum, columns, units, splits."""

import tomllib
from importlib import resources
from pathlib import PurePosixPath
from typing import Literal

import msgspec

from model_server.errors import DatasetInvalidError

Role = Literal["label", "molecule", "target", "auxiliary", "condition", "ingredient", "group", "ignored"]
Kind = Literal["text", "smiles", "number"]
Direction = Literal["none", "lower_is_better", "higher_is_better"]


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a data set comes from and under which terms; `url` is what `cryo data fetch` downloads."""

    origin: str
    commit: str
    licence: str
    cite: tuple[str, ...]
    url: str | None = None


class DataColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One column of the file, or several that are alike.

    Args:
        header: Text of the header cell; one of `header` and `headers` is given.
        headers: Header cells of columns that differ in nothing else.
        role: What the column is used for.
        kind: How a cell is read.
        unit: SI symbol of a number; absent for text.
        minimum: Smallest value that is physically possible here.
        maximum: Largest such value.
        direction: Whether a smaller or larger target is what a scientist looks for.
        optional: Whether a cell may be empty.
        missing: Words that stand for an empty cell.
        condition: Name of the model condition that a condition column gives.
        separator: Splits a group cell that names several groups.
    """

    role: Role
    kind: Kind
    header: str = ""
    headers: tuple[str, ...] = ()
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    direction: Direction = "none"
    optional: bool = False
    missing: tuple[str, ...] = ()
    condition: str | None = None
    separator: str | None = None


class Defect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A known defect of the file and what is done about it.

    Args:
        column: The cell that decides.
        reason: Why; goes into the card with the number of rows.
        values: Cells that are affected.
        unless: Cells that are not; any other is.
        below: Header of another number that this one must not be smaller than.
        under: Positive numbers smaller than this are. One of these four is given.
        action: Drop the row, blank the cell, or multiply it.
        factor: What a cell is multiplied by.
    """

    column: str
    reason: str
    values: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    below: str | None = None
    under: float | None = None
    action: Literal["drop", "blank", "multiply"] = "drop"
    factor: float = 1.0


class SplitRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to split the data set; the first of a manifest is what its figures are quoted by.

    Args:
        name: What is held out whole: ``compound``, ``scaffold``, ``doi``, ``date``.
        by: ``structure``, ``scaffold``, ``composition`` or ``column``, the column with role ``group``.
        reason: Why these belong together.
        folds: Number of folds; 0 holds every group out alone.
    """

    name: str
    by: Literal["structure", "scaffold", "composition", "column"]
    reason: str
    folds: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The manifest of one data set; `merge` says which rows are repeats of one thing and get averaged."""

    schema: Literal[2]
    name: str
    title: str
    path: str
    sha256: str
    rows: int
    source: Source
    columns: tuple[DataColumn, ...]
    splits: tuple[SplitRule, ...] = ()
    defects: tuple[Defect, ...] = ()
    merge: Literal["structure", "stereoisomer"] = "structure"

    def column(self, role: Role) -> DataColumn:
        """Return the first column with the role."""
        found = self.find(role)
        if found is None:
            raise DatasetInvalidError(f"manifest {self.name}: no column with role {role!r}; add one")
        return found

    def find(self, role: Role) -> DataColumn | None:
        """Return the first column with the role, if there is one."""
        return next((column for column in self.columns if column.role == role), None)

    def by_header(self) -> dict[str, DataColumn]:
        """Every header with its column."""
        return {header: column for column in self.columns for header in (column.headers or (column.header,))}


def manifest_names() -> tuple[str, ...]:
    """Names of the manifests shipped with this package."""
    folder = resources.files("model_server.data").joinpath("manifests")
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


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
        if bool(column.header) == bool(column.headers):
            raise DatasetInvalidError(f"{where}: a {column.role} column has not one of header and headers; give one")
        if column.kind == "number" and column.unit is None:
            name = column.header or column.headers[0]
            raise DatasetInvalidError(f"{where}: number column {name!r} has no unit; state one, '1' if pure")
    if sum(column.role == "target" for column in manifest.columns) > 1:
        raise DatasetInvalidError(f"{where}: several columns with role 'target'; exactly one is needed")
    headers = manifest.by_header()
    for defect in manifest.defects:
        named = [defect.column, *([defect.below] if defect.below is not None else [])]
        if not set(named) <= set(headers):
            raise DatasetInvalidError(f"{where}: defect names columns {named} that are not all there; correct it")
        tests = (bool(defect.values), bool(defect.unless), defect.below is not None, defect.under is not None)
        if sum(tests) != 1:
            raise DatasetInvalidError(f"{where}: defect of {defect.column!r} needs one of values, unless, below, under")
    if any(rule.by == "column" for rule in manifest.splits) and manifest.find("group") is None:
        raise DatasetInvalidError(f"{where}: splits by column, and none has role 'group'; name it")
