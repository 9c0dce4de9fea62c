"""Open a data set: checksum, schema, units, ranges and molecules are checked before one number is used."""

import csv
import hashlib
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model_server.data.manifest import DataColumn, Defect, Manifest
from model_server.errors import DatasetInvalidError, DatasetMissingError, MoleculeInvalidError
from model_server.features.molecules import Molecule, parse_molecule

DATA_DIR_VARIABLE = "CRYO_DATA_DIR"
# Chosen: enough to see the pattern of a broken file without flooding a terminal.
_PROBLEMS_SHOWN = 5

_DONE = {"drop": "dropped", "blank": "cell blanked", "multiply": "cell corrected"}

Cell = str | float | Molecule


@dataclass(frozen=True)
class Row:
    """One checked row: cells by header; an empty optional number is NaN."""

    line: int
    cells: Mapping[str, Cell]

    def number(self, header: str) -> float:
        """Value of a number column."""
        value = self.cells[header]
        if not isinstance(value, float):
            raise DatasetInvalidError(f"line {self.line}: {header} is no number column; correct the manifest")
        return value

    def text(self, header: str) -> str:
        """Text of a text column."""
        value = self.cells[header]
        if not isinstance(value, str):
            raise DatasetInvalidError(f"line {self.line}: {header} is no text column; correct the manifest")
        return value

    def molecule(self, header: str) -> Molecule:
        """Molecule of a SMILES column."""
        value = self.cells[header]
        if not isinstance(value, Molecule):
            raise DatasetInvalidError(f"line {self.line}: {header} is no SMILES column; correct the manifest")
        return value


@dataclass(frozen=True)
class Table:
    """The rows of a data set that are used, and what was left out and why."""

    manifest: Manifest
    rows: tuple[Row, ...]
    excluded: tuple[str, ...]


def resolve_data_dir(given: Path | None, environment: Mapping[str, str]) -> Path:
    """Choose the data folder: the argument, else `CRYO_DATA_DIR`.

    Raises:
        DatasetMissingError: neither names a folder (permanent).
    """
    named = given if given is not None else environment.get(DATA_DIR_VARIABLE) or None
    if named is None:
        raise DatasetMissingError(f"no data folder given; pass --data-dir or set {DATA_DIR_VARIABLE}")
    folder = Path(named)
    if not folder.is_dir():
        raise DatasetMissingError(f"data folder {folder} is not a folder; correct --data-dir or {DATA_DIR_VARIABLE}")
    return folder


def load_table(manifest: Manifest, data_dir: Path) -> Table:
    """Read the rows of a data set that agrees with its manifest.

    Raises:
        DatasetMissingError: the file is absent (permanent).
        DatasetInvalidError: checksum, header, row count, unit range or a molecule is wrong (permanent).
    """
    path = data_dir / manifest.path
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DatasetMissingError(
            f"data set {manifest.name}: {path} is absent; run `cryo data fetch`, or get it from "
            f"{manifest.source.origin} at commit {manifest.source.commit} and put it there"
        ) from error
    check_content(manifest, content, where=str(path))
    return parse_table(manifest, content.decode("utf-8-sig"))


def check_content(manifest: Manifest, content: bytes, *, where: str) -> None:
    """Compare a file with the checksum of its manifest.

    Raises:
        DatasetInvalidError: they differ (permanent).
    """
    found = hashlib.sha256(content).hexdigest()
    if found != manifest.sha256:
        raise DatasetInvalidError(
            f"data set {manifest.name}: {where} has sha256 {found}, the manifest says {manifest.sha256}; "
            "fetch the file again or write a manifest for the new one"
        )


def parse_table(manifest: Manifest, text: str) -> Table:
    """Check every row of CSV text against the manifest, then apply what it says of known defects."""
    records = list(csv.reader(io.StringIO(text)))
    columns = manifest.by_header()
    headers = records[0] if records else []
    if sorted(headers) != sorted(columns):
        missing, surplus = sorted(set(columns) - set(headers)), sorted(set(headers) - set(columns))
        raise DatasetInvalidError(
            f"data set {manifest.name}, {manifest.path}, line 1: header misses {missing}, has unexpected {surplus}"
        )
    if len(records) - 1 != manifest.rows:
        raise DatasetInvalidError(
            f"data set {manifest.name}, {manifest.path}: {len(records) - 1} rows, the manifest says {manifest.rows}"
        )
    rows, problems = [], []
    for line, cells in enumerate(records[1:], start=2):
        try:
            rows.append(Row(line, _read_cells(columns, headers, cells)))
        except (DatasetInvalidError, MoleculeInvalidError) as error:
            problems.append(f"line {line}: {error}")
    if problems:
        shown = "; ".join(problems[:_PROBLEMS_SHOWN])
        raise DatasetInvalidError(
            f"data set {manifest.name}, {manifest.path}: {len(problems)} bad rows: {shown}; correct or drop them"
        )
    return _apply_defects(manifest, rows, records[1:], headers)


def _read_cells(columns: Mapping[str, DataColumn], headers: Sequence[str], cells: Sequence[str]) -> dict[str, Cell]:
    if len(cells) != len(headers):
        raise DatasetInvalidError(f"{len(cells)} cells, expected {len(headers)}")
    values: dict[str, Cell] = {}
    for header, cell in zip(headers, cells, strict=True):
        column = columns[header]
        if column.role == "ignored" or column.kind == "text":
            values[header] = cell.strip()
        elif column.kind == "number":
            values[header] = _read_number(header, column, cell.strip())
        else:
            values[header] = _read_molecule(header, cell)
    return values


def _read_molecule(header: str, cell: str) -> Molecule:
    try:
        return parse_molecule(cell.strip())
    except MoleculeInvalidError as error:
        raise MoleculeInvalidError(f"{header}: {error}") from error


def _read_number(header: str, column: DataColumn, cell: str) -> float:
    if column.optional and (not cell or cell in column.missing):
        return math.nan
    try:
        value = float(cell)
    except ValueError as error:
        raise DatasetInvalidError(f"{header}: {cell!r} is not a number") from error
    low = -math.inf if column.minimum is None else column.minimum
    high = math.inf if column.maximum is None else column.maximum
    if not low <= value <= high:
        raise DatasetInvalidError(f"{header}: {value} is outside {low} to {high} {column.unit}")
    return value


def _apply_defects(
    manifest: Manifest, rows: Sequence[Row], records: Sequence[Sequence[str]], headers: Sequence[str]
) -> Table:
    kept, affected = [], Counter[int]()
    for row, record in zip(rows, records, strict=True):
        written = {header: cell.strip() for header, cell in zip(headers, record, strict=True)}
        found = [index for index, defect in enumerate(manifest.defects) if _is_affected(defect, row, written)]
        drops = [index for index in found if manifest.defects[index].action == "drop"]
        # A dropped row counts once, for the first reason, and needs no repair.
        affected.update(drops[:1] or found)
        if not drops:
            kept.append(Row(row.line, _repair(row, [manifest.defects[index] for index in found])))
    notes = tuple(
        f"{affected[index]} rows, {_DONE[defect.action]}: {defect.reason}"
        for index, defect in enumerate(manifest.defects)
        if affected[index]
    )
    return Table(manifest, tuple(kept), notes)


def _repair(row: Row, defects: Sequence[Defect]) -> dict[str, Cell]:
    cells = dict(row.cells)
    for defect in defects:
        blank = defect.action == "blank"
        cells[defect.column] = math.nan if blank else row.number(defect.column) * defect.factor
    return cells


def _is_affected(defect: Defect, row: Row, written: Mapping[str, str]) -> bool:
    if defect.below is not None:
        return row.number(defect.column) < row.number(defect.below)
    if defect.under is not None:
        return 0.0 < row.number(defect.column) < defect.under
    if defect.values:
        return written[defect.column] in defect.values
    return written[defect.column] not in defect.unless
