"""Open a data set: checksum, schema, ranges and molecules are checked before one number is used."""

import csv
import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model_server.data.manifest import DataColumn, Manifest
from model_server.errors import DatasetInvalidError, DatasetMissingError, MoleculeInvalidError
from model_server.features.molecules import Molecule, parse_molecule

DATA_DIR_VARIABLE = "CRYO_DATA_DIR"
# Chosen: enough to see the pattern of a broken file without flooding a terminal.
_PROBLEMS_SHOWN = 5


@dataclass(frozen=True)
class Measurement:
    """One row: a molecule and its target value in the manifest's unit."""

    line: int
    molecule: Molecule
    value: float


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


def load_measurements(manifest: Manifest, data_dir: Path) -> tuple[Measurement, ...]:
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
            f"data set {manifest.name}: {path} is absent; get it from {manifest.source.origin} "
            f"at commit {manifest.source.commit} and put it there"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != manifest.sha256:
        raise DatasetInvalidError(
            f"data set {manifest.name}: {path} has sha256 {found}, the manifest says {manifest.sha256}; "
            "fetch the file again or write a manifest for the new one"
        )
    return parse_measurements(manifest, content.decode("utf-8"))


def parse_measurements(manifest: Manifest, text: str) -> tuple[Measurement, ...]:
    """Check every row of CSV text against the manifest."""
    rows = list(csv.reader(io.StringIO(text)))
    headers = [column.header for column in manifest.columns]
    if not rows or rows[0] != headers:
        raise DatasetInvalidError(f"data set {manifest.name}: header is {rows[:1]}, expected {headers}")
    if len(rows) - 1 != manifest.rows:
        raise DatasetInvalidError(f"data set {manifest.name}: {len(rows) - 1} rows, the manifest says {manifest.rows}")
    problems: list[str] = []
    measurements = []
    for line, cells in enumerate(rows[1:], start=2):
        try:
            measurements.append(_read_row(manifest.columns, cells, line))
        except (DatasetInvalidError, MoleculeInvalidError) as error:
            problems.append(f"line {line}: {error}")
    if problems:
        shown = "; ".join(problems[:_PROBLEMS_SHOWN])
        raise DatasetInvalidError(f"data set {manifest.name}: {len(problems)} bad rows: {shown}; correct or drop them")
    return tuple(measurements)


def _read_row(columns: Sequence[DataColumn], cells: Sequence[str], line: int) -> Measurement:
    if len(cells) != len(columns):
        raise DatasetInvalidError(f"{len(cells)} cells, expected {len(columns)}")
    molecule: Molecule | None = None
    target = math.nan
    for column, cell in zip(columns, cells, strict=True):
        if column.kind == "smiles":
            molecule = parse_molecule(cell)
        elif column.kind == "number":
            value = _read_number(column, cell)
            if column.role == "target":
                target = value
    if molecule is None or math.isnan(target):
        raise DatasetInvalidError(f"{len(columns)} columns hold no molecule or no target value")
    return Measurement(line, molecule, target)


def _read_number(column: DataColumn, cell: str) -> float:
    if not cell and column.optional:
        return math.nan
    try:
        value = float(cell)
    except ValueError as error:
        raise DatasetInvalidError(f"{column.header}: {cell!r} is not a number") from error
    low = -math.inf if column.minimum is None else column.minimum
    high = math.inf if column.maximum is None else column.maximum
    if not low <= value <= high:
        raise DatasetInvalidError(f"{column.header}: {value} is outside {low} to {high} {column.unit}")
    return value
